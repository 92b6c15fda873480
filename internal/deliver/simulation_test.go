package deliver

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// simulate delivers n rows in virtual time to a table that answers after 5 ms
// as answer says, and returns the rows per second.
func simulate(t *testing.T, n int, answer func(r *Request, now time.Time) (Answer, error)) (rate float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		var mu sync.Mutex
		cfg := testConfig()
		cfg.Random = rand.New(rand.NewPCG(3, 3)).Float64
		core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			return answer(r, time.Now())
		}))
		defer core.Close()
		start := time.Now()
		if err := deliver(t.Context(), core, l.puts(n, unique)); err != nil {
			t.Error(err)
		}
		rate = float64(n) / time.Since(start).Seconds()
		wantTally(t, &l, int64(n), 0, 0)
	})
	return rate
}

// A little that a table gives back must not cost much of what it takes.
func TestFewThrottlesDoNotCollapseTheRate(t *testing.T) {
	const n = 200_000
	free := simulate(t, n, func(*Request, time.Time) (Answer, error) { return Answer{}, nil })
	random := rand.New(rand.NewPCG(1, 2))
	requests := simulate(t, n, func(*Request, time.Time) (Answer, error) {
		if random.IntN(100) < 2 {
			return Answer{}, throttle()
		}
		return Answer{}, nil
	})
	rows := simulate(t, n, func(r *Request, _ time.Time) (Answer, error) {
		var a Answer
		for i := range r.Rows {
			if random.IntN(100) < 2 {
				a.Unprocessed = append(a.Unprocessed, i)
			}
		}
		return a, nil
	})
	t.Logf("rows per second: %.0f unthrottled, %.0f with 2 %% of requests throttled, %.0f with 2 %% of rows given back", free, requests, rows)
	if requests < free/2 || rows < free/5 {
		t.Error("the rate collapsed")
	}
}

// provisioned is a table with a capacity in rows per second, of which it saves
// up a second's worth. whole: it takes all of a request or nothing.
func provisioned(capacity float64, whole bool) func(*Request, time.Time) (Answer, error) {
	tokens, last := capacity, time.Time{}
	return func(r *Request, now time.Time) (Answer, error) {
		if !last.IsZero() {
			tokens = min(capacity, tokens+capacity*now.Sub(last).Seconds())
		}
		last = now
		if tokens < 1 || whole && tokens < float64(len(r.Rows)) {
			return Answer{}, throttle()
		}
		var a Answer
		for i := range r.Rows {
			if tokens < 1 {
				a.Unprocessed = append(a.Unprocessed, i)
				continue
			}
			tokens--
		}
		return a, nil
	}
}

// Without a budget, a table that takes little is found out and used.
func TestSlowTableIsUsed(t *testing.T) {
	for name, whole := range map[string]bool{"taking parts": false, "all or nothing": true} {
		rate := simulate(t, 20_000, provisioned(500, whole))
		t.Logf("%s: %.0f of 500 rows per second", name, rate)
		if rate < 0.8*500 {
			t.Errorf("%s: %.0f of 500 rows per second", name, rate)
		}
	}
}
