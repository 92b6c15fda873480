package liveview

import (
	"testing"
	"time"
)

func TestTimeLeft(t *testing.T) {
	const total = 1_000_000
	for name, c := range map[string]struct {
		done    func(seconds int64) int64
		seconds int64
		want    time.Duration // 0: not known
	}{
		"steady":            {func(s int64) int64 { return 1000 * s }, 100, 900 * time.Second},
		"too early":         {func(s int64) int64 { return 1000 * s }, 4, 0},
		"early":             {func(s int64) int64 { return 1000 * s }, 5, 995 * time.Second},
		"nothing moves":     {func(s int64) int64 { return min(1000*s, 10_000) }, 100, 0},
		"all is read":       {func(s int64) int64 { return 100_000 * s }, 10, 0},
		"queues that fill":  {func(s int64) int64 { return 500_000 + 1000*s }, 60, 440 * time.Second},
		"for hours, steady": {func(s int64) int64 { return 20 * s }, 40_000, 10_000 * time.Second},
	} {
		p := pace{}
		if name != "queues that fill" {
			p.add(mark{})
		}
		now := mark{}
		for s := int64(1); s <= c.seconds; s++ {
			now = mark{at: time.Duration(s) * time.Second, done: c.done(s)}
			p.add(now)
			if len(p.marks) > maxMarks {
				t.Fatalf("%s: %d marks are kept", name, len(p.marks))
			}
		}
		left, ok := p.left(now, total)
		if ok != (c.want > 0) || ok && (left-c.want).Abs() > c.want/100 {
			t.Errorf("%s: %v, %v, not %v", name, left, ok, c.want)
		}
	}
}

// The pace is that of the second half: an hour after a table became ten times
// slower, what it was before counts no more.
func TestPaceFollows(t *testing.T) {
	var p pace
	now := mark{}
	for s := int64(0); s <= 7200; s++ {
		now = mark{at: time.Duration(s) * time.Second, done: min(1000*s, 3_600_000+100*max(s-3600, 0))}
		p.add(now)
	}
	if left, ok := p.left(now, now.done+360_000); !ok || (left-time.Hour).Abs() > 3*time.Minute {
		t.Errorf("%v, %v", left, ok)
	}
}

func TestAbout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1s", 1400 * time.Millisecond: "1s", 119 * time.Second: "1m59s", 124 * time.Second: "2m0s", 599 * time.Second: "10m0s",
		629 * time.Second: "10m", 59*time.Minute + 20*time.Second: "59m", 61*time.Minute + 40*time.Second: "1h02m", 47 * time.Hour: "47h00m", 60 * time.Hour: "3 days",
	} {
		if got := about(d); got != want {
			t.Errorf("%v: %s, not %s", d, got, want)
		}
	}
}
