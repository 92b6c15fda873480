package deliver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/progress"
)

const tableARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/"

// refused is a throttled request with its reason.
func refused(reason, table string) error {
	return &Fault{
		Class: Throttled, Code: "ThrottlingException", Message: "slow down", Answered: true, Err: errors.New("slow down"),
		Reasons: []Throttle{{Reason: reason, Resource: tableARN + table, Table: table}},
	}
}

// tablesIn is how many of a request's rows each table has.
func tablesIn(r *Request) map[string]int {
	n := map[string]int{}
	for _, row := range r.Rows {
		n[row.Table]++
	}
	return n
}

// A table that pushes back slows itself alone, and is soon sent nothing
// together with one that doesn't.
func TestThrottledTableDoesNotSlowOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		var mu sync.Mutex
		slow := &bucket{capacity: constantly(100)}
		var lastFast time.Time
		fast, mixed := 0, 0
		start := time.Now()
		core := New(t.Context(), testConfig(), senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			in := tablesIn(r)
			if in["fast"] > 0 {
				fast += in["fast"]
				lastFast = time.Now()
			}
			if len(in) > 1 && time.Since(start) > 100*time.Millisecond {
				mixed++
			}
			if in["slow"] == 0 {
				return Answer{}, nil
			}
			only := &Request{}
			at := []int{}
			for i, row := range r.Rows {
				if row.Table == "slow" {
					only.Rows = append(only.Rows, row)
					at = append(at, i)
				}
			}
			a, _, err := slow.answer(only, time.Now())
			for i, u := range a.Unprocessed {
				a.Unprocessed[i] = at[u]
			}
			return a, err
		}))
		defer core.Close()
		rows := l.puts(8000, unique)
		for i := range rows {
			rows[i].Table = "fast"
			if i%10 == 0 {
				rows[i].Table = "slow"
			}
		}
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 8000, 0, 0)
		if took := lastFast.Sub(start); took > time.Second || fast != 7200 {
			t.Errorf("the fast table's %d rows took %v", fast, took)
		}
		if mixed > 0 {
			t.Errorf("%d requests had rows of both tables after one had pushed back", mixed)
		}
		// At best 7 s: a second of it is saved up. Twice that is no collapse.
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("800 rows at 100 a second took %v", took)
		}
	})
}

// A range of keys that is too busy has its rows wait, and no others.
func TestHotKeysDoNotSlowTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Caps.Items = 1
		start := time.Now()
		var mu sync.Mutex
		cold := 0
		core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(r.Rows[0].Key, "hot") && time.Since(start) < 20*time.Second {
				return Answer{}, refused("TableWriteKeyRangeThroughputExceeded", "t")
			}
			if time.Since(start) < time.Second {
				cold++
			}
			return Answer{}, nil
		}))
		defer core.Close()
		rows := l.puts(4000, func(i int) string {
			if i%20 == 0 {
				return "hot" + unique(i)
			}
			return unique(i)
		})
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 4000, 0, 0)
		if cold != 3800 {
			t.Errorf("%d of 3,800 rows with other keys were written in the first second", cold)
		}
		s := cfg.Meter.Snapshot()
		want := progress.Throttle{Reason: "TableWriteKeyRangeThroughputExceeded", Resource: tableARN + "t", Count: s.Throttles}
		if len(s.ThrottleReasons) != 1 || s.ThrottleReasons[0] != want || s.Throttles == 0 {
			t.Errorf("reasons: %+v", s.ThrottleReasons)
		}
		if len(s.Warnings) != 1 || s.Warnings[0].Count != s.Throttles || !strings.Contains(s.Warnings[0].Message, "table/t takes no more rows of some range of keys") {
			t.Errorf("warnings: %+v", s.Warnings)
		}
	})
}

// A request of several tables that one of them refused is sent to each by
// itself.
func TestReasonSaysWhichTableIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		var mu sync.Mutex
		var requests []map[string]int
		core := New(t.Context(), testConfig(), senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, tablesIn(r))
			if r.Number == 1 {
				return Answer{}, refused("TableWriteProvisionedThroughputExceeded", "a")
			}
			return Answer{}, nil
		}))
		defer core.Close()
		rows := l.puts(4, unique)
		for i, table := range []string{"a", "b", "b", "a"} {
			rows[i].Table = table
		}
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 4, 0, 0)
		if len(requests) != 3 || requests[0]["a"] != 2 || requests[0]["b"] != 2 || len(requests[1]) != 1 || len(requests[2]) != 1 {
			t.Errorf("requests: %v", requests)
		}
		if m := core.machine; m.lanes["b"].held(time.Now()) || !m.lanes["a"].held(time.Now()) {
			t.Error("the table that was named is held back, and no other")
		}
	})
}

// A lane that was full is open again when a quarter of its requests are back, if
// the service is near, and at once if it is not.
func TestNearServiceIsSentSeveralAtATime(t *testing.T) {
	for name, c := range map[string]struct {
		least time.Duration
		allow float64
		opens int // requests in flight when it may be sent to, after it was full
	}{
		"near":          {500 * time.Microsecond, 8, 6},
		"near, one":     {500 * time.Microsecond, 1, 0},
		"near, two":     {500 * time.Microsecond, 2, 1},
		"far":           {3 * time.Millisecond, 8, 7},
		"not known yet": {0, 8, 7},
	} {
		t.Run(name, func(t *testing.T) {
			l := lane{limit: newLimiter(DefaultConcurrency)}
			l.limit.limit, l.limit.latency.least[0] = c.allow, c.least
			for inFlight := range int(c.allow) {
				l.inFlight = int(c.allow)
				if _, open := l.open(noon); open {
					t.Fatal("open though it is full")
				}
				l.inFlight = inFlight
				_, open := l.open(noon)
				if want := inFlight <= c.opens; open != want {
					t.Errorf("%d in flight: open %v, want %v", inFlight, open, want)
				}
				if l.inFlight++; open && l.inFlight < int(c.allow) {
					if _, still := l.open(noon); !still {
						t.Errorf("%d in flight: no more may be sent, though it is not full", l.inFlight)
					}
				}
			}
		})
	}
}
