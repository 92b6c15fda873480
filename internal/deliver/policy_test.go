package deliver

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestLoad(t *testing.T) {
	type row struct {
		table   string
		body    int
		units   float64
		actions int
	}
	small := row{"t", 10, 1, 0}
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
		"a table has a price": {Caps{Items: 9, Bytes: 30, PerTable: 7}, 0, []row{small, {"u", 10, 1, 0}}, 1, 19},
		"units":               {Caps{Items: 9, Bytes: 1000}, 2.5, []row{small, small, small}, 2, 23},
		"too large alone":     {Caps{Items: 9, Bytes: 5}, 0.5, []row{small, small}, 1, 12},
		"actions":             {Caps{Items: 4, Bytes: 1000}, 0, []row{{"t", 10, 1, 3}, {"t", 10, 1, 2}}, 1, 12},
		"many actions alone":  {Caps{Items: 4, Bytes: 1000}, 0, []row{{"t", 10, 1, 5}, small}, 1, 12},
		"single":              {Caps{Items: 100, Bytes: 1000, Single: true}, 0, []row{small, small}, 1, 12},
		"batch write":         {BatchWriteCaps(), 0, make([]row, 30), 25, 128 + 6 + 25},
		"batch get":           {BatchGetCaps(0), 0, make([]row, 101), 100, 128 + len(`"":{"Keys":[]},`) + 100},
		"16 MB":               {BatchWriteCaps(), 0, []row{{"", 8 << 20, 1, 0}, {"", 8<<20 - 136, 1, 0}, small}, 2, 16 << 20},
		"over 16 MB":          {BatchWriteCaps(), 0, []row{{"", 8 << 20, 1, 0}, {"", 8<<20 - 135, 1, 0}}, 1, 8<<20 + 135},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoad(c.caps, c.units)
			fit := 0
			for fit < len(c.rows) && l.add(c.rows[fit].table, max(c.rows[fit].actions, 1), c.rows[fit].body, c.rows[fit].units) {
				fit++
			}
			if fit != c.fit || l.bytes != c.bytes {
				t.Errorf("%d rows of %d bytes, want %d of %d", fit, l.bytes, c.fit, c.bytes)
			}
		})
	}
}

func TestCapsHold(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		caps           Caps
		actions, bytes int
		want           bool
	}{
		"100 actions of 4 MB": {TransactWriteCaps(), 100, 4 * mb, true},
		"101 actions":         {TransactWriteCaps(), 101, 1, false},
		"a byte beyond 4 MB":  {TransactWriteCaps(), 1, 4*mb + 1, false},
		"100 gets":            {TransactGetCaps(), 100, 1, true},
		"101 gets":            {TransactGetCaps(), 101, 1, false},
	} {
		if got := c.caps.Holds(c.actions, c.bytes); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
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

const trip = 5 * time.Millisecond

// round has a limiter that is pressed take in as many answers as it allows
// requests, and returns when the last one came.
func (l *limiter) round(share float64, at time.Time) time.Time {
	n := l.allowed()
	for range n {
		l.sent(n, at)
	}
	for range n {
		l.answered(at, share, at.Add(trip))
	}
	return at.Add(trip)
}

func TestLimiterFindsItsWayUp(t *testing.T) {
	l := newLimiter(20)
	if l.allowed() != 1 {
		t.Errorf("%d at the start, want 1", l.allowed())
	}
	l.limit = 4
	for range 10 {
		l.sent(1, noon)
		l.answered(noon, 0, noon.Add(trip))
	}
	if l.allowed() != 4 {
		t.Errorf("raised to %d though never reached", l.allowed())
	}
	at := l.round(0, noon.Add(time.Minute))
	if l.allowed() != 8 {
		t.Errorf("%d after a round trip, want twice as many", l.allowed())
	}
	for range 3 {
		at = l.round(0, at)
	}
	if l.allowed() != 20 {
		t.Errorf("%d, want the cap", l.allowed())
	}
}

func TestLimiterCutsOncePerWindow(t *testing.T) {
	l := newLimiter(20)
	l.limit = 20
	after := l.round(1, noon) // one burst: all were sent before the first answer
	if l.limit < 19 || l.limit >= 20 {
		t.Errorf("%v after a burst, want one small cut", l.limit)
	}
	for range 30 {
		after = l.round(1, after)
	}
	if l.limit >= 1 || l.limit < l.least() || l.allowed() != 1 {
		t.Errorf("%v after nothing was taken for long, want less than 1", l.limit)
	}
	if pause := l.resumes.Sub(after); pause <= 0 || pause > breath {
		t.Errorf("sent again after %v", pause)
	}
}

func TestLimiterToleratesALittle(t *testing.T) {
	l := newLimiter(50)
	l.limit, l.probing, l.loaded, l.cutAt = 40, false, noon, noon
	at := noon
	for range 20 { // 100 ms: one more
		at = l.round(0.1, at)
	}
	if l.limit < 40.9 || l.limit > 41.1 {
		t.Errorf("%v after 100 ms in which a tenth was given back, want one more than 40", l.limit)
	}
	for range 20 {
		at = l.round(0.3, at)
	}
	if l.limit > 20 {
		t.Errorf("%v after 100 ms in which three tenths were given back", l.limit)
	}
}

func TestLimiterDoublesAgainAfterQuiet(t *testing.T) {
	l := newLimiter(100)
	l.limit, l.probing, l.loaded, l.cutAt = 10, false, noon, noon
	l.round(0, noon.Add(quiet/2))
	if l.allowed() != 10 {
		t.Errorf("%d after half the quiet", l.allowed())
	}
	at := noon.Add(quiet)
	l.round(0, at)
	if l.allowed() != 20 {
		t.Errorf("%d after the quiet, want twice as many", l.allowed())
	}
}

func TestLatencyTellsAQueueFromAStep(t *testing.T) {
	var l latency
	at, limit := noon, 8.0
	for i, c := range []struct {
		took  time.Duration
		limit float64
		trial trial
	}{
		{10 * time.Millisecond, 8, noTrial},
		{19 * time.Millisecond, 8, noTrial},
		{22 * time.Millisecond, 8, holding},
		{18 * time.Millisecond, 8, noTrial}, // it was a moment
		{22 * time.Millisecond, 8, holding},
		{22 * time.Millisecond, 4, halved},
		{12 * time.Millisecond, 4, noTrial}, // it helped
		{40 * time.Millisecond, 4, holding},
		{40 * time.Millisecond, 2, halved},
		{39 * time.Millisecond, 4, noTrial}, // it did not: this is the measure
		{41 * time.Millisecond, 4, noTrial},
		{85 * time.Millisecond, 4, holding},
	} {
		if l.trial != noTrial { // it waited for what was in flight before
			limit = l.answered(at, at.Add(time.Second), limit)
			at = at.Add(time.Second)
		}
		for range minRound {
			limit = l.answered(at, at.Add(c.took), limit)
		}
		at = at.Add(c.took)
		if limit != c.limit || l.trial != c.trial {
			t.Errorf("round %d of %v: limit %v, trial %v; want %v, %v", i, c.took, limit, l.trial, c.limit, c.trial)
		}
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
	if f := e.factor("t"); f != 1 {
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
	if f := e.factor("t"); f != 2.75 || e.factor("u") != 1 {
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
