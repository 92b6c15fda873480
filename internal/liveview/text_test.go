package liveview

import (
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

func TestCutAndShorten(t *testing.T) {
	for _, c := range []struct {
		text           string
		n              int
		cut, shortened string
	}{
		{"abc", 3, "abc", "abc"}, {"abcd", 3, "abc", "abc"}, {"abcdefgh", 6, "abcdef", "abcd.."}, {"abc", 0, "", ""}, {"abc", -1, "", ""},
		{"äöü", 2, "äö", "äö"}, {"日本語", 5, "日本", "日.."}, {"日本語日本語", 7, "日本語", "日本.."},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301e\u0301", "e\u0301e\u0301"},
	} {
		if got := cut(c.text, c.n); got != c.cut {
			t.Errorf("cut(%q, %d) = %q, not %q", c.text, c.n, got, c.cut)
		}
		if got := shorten(c.text, c.n); got != c.shortened {
			t.Errorf("shorten(%q, %d) = %q, not %q", c.text, c.n, got, c.shortened)
		}
	}
}

func TestPadCountsColumns(t *testing.T) {
	if got := pad("日本", 6, true) + "|" + pad("e\u0301", 3, false) + "|" + pad("long", 2, true); got != "  日本|e\u0301  |long" {
		t.Errorf("got %q", got)
	}
}

func TestClean(t *testing.T) {
	for name, want := range map[string]string{
		"käse 日本": "käse 日本", "a\nb\tc": "a b c", "\x1b[31mred": " [31mred", "a\u202eb\u200bc": "abc", "e\u0301": "e\u0301", "\u2028x": " x", "\x9bx": "\ufffdx",
	} {
		if got := clean(name); got != want {
			t.Errorf("clean(%q) = %q, not %q", name, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{0: "[    ]", 0.1: "[    ]", 0.5: "[##  ]", 0.9: "[####]", 7: "[####]", -1: "[    ]"} {
		if got := bar(share, 6); got != want {
			t.Errorf("bar(%v) = %q", share, got)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 9_999: "9,999", 10_000: "10.0K", 12_345: "12.3K", 99_949: "99.9K", 99_950: "100K", 999_499: "999K", 999_500: "1.00M", 9_994_999: "9.99M", 1_234_567_890: "1.23G", 1<<63 - 1: "9.22E",
	} {
		if got := count(n, true); got != want || len(got) > 5 {
			t.Errorf("count(%d) = %s, not %s", n, got, want)
		}
	}
	if got := count(1_234_567, false); got != "1,234,567" {
		t.Errorf("got %s", got)
	}
}

// The speed is that of the last seconds, and memory does not grow with the run
// (promise 6).
func TestSpeedIsThatOfTheLastSeconds(t *testing.T) {
	var h history
	rows := int64(0)
	for now := time.Second; now <= 60*time.Second; now += time.Second {
		step := int64(1000)
		if now > 30*time.Second {
			step = 10
		}
		rows += step
		h.add(sample{at: now, nodes: []done{{rows: rows}}}, engine.Live{})
		lately, seconds := h.lately(0)
		got := per(float64(lately.rows), seconds)
		if now == 30*time.Second && got != 1000 {
			t.Errorf("after 30 s: %v", got)
		}
		if now >= 36*time.Second && got != 10 {
			t.Errorf("after %v: %v", now, got)
		}
	}
	if len(h.samples) > 8 {
		t.Errorf("%d samples are kept", len(h.samples))
	}
}

// A queue is averaged over about a second, however often it is looked at.
func TestQueuesAreAveraged(t *testing.T) {
	for _, step := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		var h history
		for now := time.Duration(0); now <= time.Second; now += step {
			h.add(sample{at: now}, engine.Live{Edges: []engine.EdgeLive{{Waiting: 4, Capacity: 4}}})
		}
		if got := h.fills[0]; got < 0.63 || got > 0.64 {
			t.Errorf("after a second of a full queue, looked at each %v: %v", step, got)
		}
		for range 100 {
			h.add(sample{at: h.samples[len(h.samples)-1].at + step}, engine.Live{Edges: []engine.EdgeLive{{Capacity: 4}}})
		}
		if got := h.fills[0]; got > 0.01 {
			t.Errorf("long empty, looked at each %v: %v", step, got)
		}
	}
}

func TestCapacityOfABudget(t *testing.T) {
	for _, c := range []struct{ units, seconds, budget, want float64 }{
		{3000, 5, 0, 600}, {2000, 5, 500, 400}, {2500, 5, 500, 500}, {3000, 5, 500, 500}, {3001, 5, 500, 600.2}, {0, 0, 0, 0}, {10, 0, 5, 0},
	} {
		if got := capacity(c.units, c.seconds, c.budget); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestLastParts(t *testing.T) {
	for _, c := range []struct {
		address string
		n       int
		want    string
	}{
		{"sink.file.copy", 3, "sink.file.copy"}, {"sink.file.copy", 2, "file.copy"}, {"sink.file.copy", 1, "copy"},
		{"the rows of file a.b.c", 1, "the rows of file a.b.c"}, {"reading", 1, "reading"},
	} {
		if got := lastParts(c.address, c.n); got != c.want {
			t.Errorf("%d of %s: %s", c.n, c.address, got)
		}
	}
}
