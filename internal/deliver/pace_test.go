package deliver

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := noon
	// passes lets a period pass in which so many units were taken and given back.
	passes := func(took, back float64, pressed bool) {
		p.pressed = pressed
		now = now.Add(period)
		for range 4 {
			p.answered(took/4, back/4, now)
		}
	}
	p.answered(0, 0, now) // begins the first period
	want := func(what string, rate float64) {
		t.Helper()
		if d := p.rate - rate; d > 0.01*rate || -d > 0.01*rate {
			t.Errorf("%s: %.1f units a second, want %.1f", what, p.rate, rate)
		}
	}
	passes(1000, 0, false)
	want("all taken", 0)
	passes(1000, 40, false)
	want("little given back", 0)
	passes(100, 900, false)
	want("much given back", 400)
	if at, ok := p.open(now); !ok {
		t.Errorf("waits until %v for nothing", at)
	}
	p.sent(100, now)
	p.sent(100, now)
	if at, ok := p.open(now); ok || at.Sub(now) != 250*time.Millisecond {
		t.Errorf("after 200 units at 400 a second the next may go in %v", at.Sub(now))
	}
	if p.room() != 200 {
		t.Errorf("room for %v units", p.room())
	}
	passes(100, 0, true)
	want("all taken", 420)
	passes(105, 0, true)
	want("all taken again", 462)
	passes(200, 0, true)
	want("more taken than expected", 960)
	for range 3 {
		passes(10, 0, false)
	}
	want("little to send", 960)
	passes(10, 0, false)
	want("little to send for long", 0)
	passes(0, 4000, false)
	want("nothing taken", 4000)
	for range 10 {
		passes(0, 1, true)
	}
	want("nothing taken for long", 400.0/32)
}

// A share given back however little is sent is no reason to send less and less.
func TestPaceFindsTheUsualShare(t *testing.T) {
	var p pace
	now := noon
	p.answered(0, 0, now)
	offered := 1000.0
	for range 40 {
		now = now.Add(period)
		for range 4 {
			p.answered(0.7*offered/4, 0.3*offered/4, now)
		}
		offered = min(p.rate*period.Seconds(), 1000)
		p.pressed = true
	}
	if offered < 1000 || p.usual < 0.25 || p.usual > 0.35 {
		t.Errorf("%v offered, %v usual", offered, p.usual)
	}
}
