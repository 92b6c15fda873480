package deliver

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestLoad(t *testing.T) {
	type row struct {
		table string
		body  int
		units float64
	}
	small := row{"t", 10, 1}
	for name, c := range map[string]struct {
		caps  Caps
		units float64
		rows  []row
		fit   int
		bytes int
	}{
		"count":               {Caps{Items: 2, Bytes: 1000}, 0, []row{small, small, small}, 2, 23},
		"bytes to the last":   {Caps{Items: 9, Bytes: 45, Envelope: 5, PerTable: 6}, 0, []row{small, small, small}, 3, 45},
		"one byte too many":   {Caps{Items: 9, Bytes: 44, Envelope: 5, PerTable: 6}, 0, []row{small, small, small}, 2, 34},
		"a table has a price": {Caps{Items: 9, Bytes: 30, PerTable: 7}, 0, []row{small, {"u", 10, 1}}, 1, 19},
		"units":               {Caps{Items: 9, Bytes: 1000}, 2.5, []row{small, small, small}, 2, 23},
		"too large alone":     {Caps{Items: 9, Bytes: 5}, 0.5, []row{small, small}, 1, 12},
		"batch write":         {BatchWriteCaps(), 0, make([]row, 30), 25, 128 + 6 + 25},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoad(c.caps, c.units)
			fit := 0
			for fit < len(c.rows) && l.add(c.rows[fit].table, c.rows[fit].body, c.rows[fit].units) {
				fit++
			}
			if fit != c.fit || l.bytes != c.bytes {
				t.Errorf("%d rows of %d bytes, want %d of %d", fit, l.bytes, c.fit, c.bytes)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	r := Retry{BaseDelay: 50 * time.Millisecond, MaxDelay: 5 * time.Second, Factor: 2}
	for _, c := range []struct {
		n      int
		random float64
		want   time.Duration
	}{
		{1, 0.5, 25 * time.Millisecond}, {1, 0, 0}, {4, 0.5, 200 * time.Millisecond},
		{8, 0.5, 2500 * time.Millisecond}, {5000, 0.5, 2500 * time.Millisecond},
	} {
		if got := r.Delay(c.n, c.random); got != c.want {
			t.Errorf("Delay(%d, %v) = %v, want %v", c.n, c.random, got, c.want)
		}
	}
}

func TestWriteUnits(t *testing.T) {
	for size, want := range map[int]float64{0: 1, 1: 1, 1024: 1, 1025: 2, 400 << 10: 400} {
		if got := WriteUnits(size); got != want {
			t.Errorf("WriteUnits(%d) = %v, want %v", size, got, want)
		}
	}
}

func TestLimiterFindsItsWayUp(t *testing.T) {
	l := newLimiter(20)
	if l.allowed() != 1 {
		t.Errorf("%d at the start, want 1", l.allowed())
	}
	accepted := func(n int, sent time.Time) {
		for range n {
			l.answered(sent, 0, 0, sent)
		}
	}
	l.limit = 4
	l.sent(1, noon)
	accepted(30, noon)
	if l.allowed() != 4 {
		t.Errorf("raised to %d though never reached", l.allowed())
	}
	l.sent(4, noon)
	accepted(8, noon)
	if l.allowed() != 12 {
		t.Errorf("%d after 8 answers, want one more for each", l.allowed())
	}
	accepted(1, noon.Add(time.Second))
	if l.allowed() != 12 {
		t.Errorf("%d, raised by a request sent when nothing pressed", l.allowed())
	}
	accepted(100, noon)
	if l.allowed() != 20 {
		t.Errorf("%d, want the cap", l.allowed())
	}
	l.limit, l.probing = 10, false
	accepted(10, noon)
	if l.limit < 10.9 || l.limit > 11 {
		t.Errorf("%v after a round trip, want one more", l.limit)
	}
}

func TestLimiterCutsOncePerWindow(t *testing.T) {
	l := newLimiter(50)
	l.limit = 40
	l.sent(40, noon)
	l.answered(noon, 1, 0, noon)
	if l.limit < 40 || !l.probing {
		t.Errorf("%v for a little that was given back", l.limit)
	}
	l.share = 0.5
	for range 20 { // one burst: all were sent before the first answer
		l.answered(noon, 1, 0, noon.Add(time.Second))
	}
	if l.limit < 28 || l.limit > 32 {
		t.Errorf("%v after a burst, want one cut by half of the share", l.limit)
	}
	for i := range 20 {
		at := noon.Add(time.Duration(i+2) * time.Second)
		l.answered(at, 1, 0, at)
	}
	if l.allowed() != 1 {
		t.Errorf("%v after nothing was taken for long, want 1", l.limit)
	}
	l.share, l.limit = 0.3, 10
	l.answered(noon.Add(time.Hour), 0.3, 0.3, noon.Add(time.Hour))
	if l.limit < 10 {
		t.Errorf("%v, cut for what the table always gives back", l.limit)
	}
}

// answers tells a latency of as many answers as make a window.
func answers(l *latency, limit float64, d time.Duration, now time.Time) float64 {
	for range max(few, int(limit)) - 1 {
		l.took(limit, now, d, now)
	}
	return l.took(limit, now, d, now)
}

func TestLatency(t *testing.T) {
	var l latency
	const base = 5 * time.Millisecond
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	if got := answers(&l, 40, base, at(1)); got != 40 {
		t.Errorf("%v at the least latency", got)
	}
	if got := answers(&l, 40, 2*base, at(2)); got != 40 {
		t.Errorf("%v at twice the least latency", got)
	}
	if got := answers(&l, 40, 3*base, at(2)); got != 40 || !l.suspected() {
		t.Errorf("%v at three times the least latency, want it held", got)
	}
	if got := answers(&l, 40, 4*base, at(3)); got != 20 || !l.suspected() {
		t.Errorf("%v at four times the least latency, want half", got)
	}
	if got := l.took(20, at(2), 9*base, at(3)); got != 20 || l.n != 0 {
		t.Error("an answer to what was sent before the cut counts")
	}
	if got := answers(&l, 20, 2*base, at(4)); got != 20 || l.suspected() || l.least != base {
		t.Errorf("%v, least %v, after the cut has helped", got, l.least)
	}
	answers(&l, 20, 4*base, at(5))
	if got := answers(&l, 20, 4*base, at(5)); got != 10 {
		t.Errorf("%v at four times the least latency, want half", got)
	}
	if got := answers(&l, 10, 4*base, at(6)); got != 20 || l.suspected() || l.least != 4*base {
		t.Errorf("%v, least %v, after the cut has not helped: want all back", got, l.least)
	}
	if got := answers(&l, 1, 40*base, at(7)); got != 1 || l.suspected() || l.least != 40*base {
		t.Errorf("%v, least %v, for one request at a time", got, l.least)
	}
	if got := answers(&l, 40, base/10, at(8)); got != 40 || l.least != base/10 {
		t.Errorf("%v, least %v, after it got better", got, l.least)
	}
	if got := answers(&l, 40, base/4, at(9)); got != 40 {
		t.Errorf("%v for jitter", got)
	}
}

func TestWindow(t *testing.T) {
	second := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	check := func(w *window, units float64, now, at time.Time, ok bool) {
		t.Helper()
		gotAt, gotOK := w.fits(units, now)
		if !gotAt.Equal(at) || gotOK != ok {
			t.Errorf("fits(%v) at %v: %v, %v; want %v, %v", units, now.Sub(noon), gotAt.Sub(noon), gotOK, at.Sub(noon), ok)
		}
	}
	var never time.Time
	free := &window{}
	free.send(1e9)
	check(free, 1e9, noon, never, true)

	w := &window{limit: 100}
	check(w, 500, noon, never, true) // larger than the budget: alone
	w.send(60)
	check(w, 40, noon, never, true)
	check(w, 41, noon, never, false) // until an answer comes
	w.send(30)
	w.answered(60, 50, second(0.1))
	check(w, 20, second(0.1), never, true) // corrected to what it took
	check(w, 21, second(0.1), second(1.1), false)
	check(w, 71, second(0.1), never, false)
	w.answered(30, 30, second(0.5))
	check(w, 50, second(0.5), second(1.1), false)
	check(w, 71, second(0.5), second(1.5), false)
	check(w, 500, second(0.5), second(1.5), false)
	check(w, 70, second(1.1), never, true) // a second after its answer
	check(w, 500, second(1.5), never, true)
}

func TestEstimator(t *testing.T) {
	e := estimator{}
	if f := e.factor("t"); f != unknown {
		t.Errorf("factor %v before an answer", f)
	}
	e.learn("t", 10, 5)
	if f := e.factor("t"); f != 0.5 {
		t.Errorf("factor %v, want what the first answer says", f)
	}
	e.learn("t", 10, 30)
	if f := e.factor("t"); f != 3 {
		t.Errorf("factor %v, want to rise at once", f)
	}
	e.learn("t", 8, 8)
	if f := e.factor("t"); f != 2.75 {
		t.Errorf("factor %v, want to fall slowly", f)
	}
	e.learn("t", 0, 8)
	if f := e.factor("t"); f != 2.75 || e.factor("u") != unknown {
		t.Errorf("factor %v", f)
	}
}

func TestQueueKeepsOrderAndForgets(t *testing.T) {
	var q queue
	next, want := 0, 0
	slots := map[*slot]int{}
	for round := range 200 {
		for range round % 7 {
			s := &slot{}
			slots[s] = next
			next++
			q.push(s)
		}
		n := min(q.len(), round%5)
		for i := range n {
			if got := slots[q.at(i)]; got != want+i {
				t.Fatalf("slot %d, want %d", got, want+i)
			}
		}
		q.drop(n)
		want += n
	}
	q.drop(q.len())
	if q.len() != 0 || len(q.slots) > 1 && q.head == 0 {
		t.Errorf("%d slots left, head %d", len(q.slots), q.head)
	}
}
