package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/progress"
)

// TestLoadOfCore: who watches sees what is in flight, what may be, and the budget.
func TestLoadOfCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Concurrency, cfg.Budget = 4, 1000
		core := New(t.Context(), cfg, senderFunc(func(ctx context.Context, _ *Request) (Answer, error) {
			time.Sleep(time.Second)
			return Answer{}, nil
		}))
		defer core.Close()
		if got := cfg.Meter.Load(); got != (progress.Load{Budget: 1000}) {
			t.Errorf("before anything is sent: %+v", got)
		}
		done := make(chan error)
		go func() { done <- deliver(t.Context(), core, l.puts(1000, unique)) }()
		var seen []progress.Load
		for range 5 {
			time.Sleep(900 * time.Millisecond)
			synctest.Wait()
			seen = append(seen, cfg.Meter.Load())
		}
		// One request at first, and as many more with each round trip as were answered.
		for i, want := range []int{1, 2, 4, 4, 4} {
			if got := seen[i]; got != (progress.Load{InFlight: want, Limit: want, Budget: 1000}) {
				t.Errorf("look %d: %+v, want %d of %d", i, got, want, want)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := cfg.Meter.Load(); got != (progress.Load{Budget: 1000}) {
			t.Errorf("when all has ended: %+v", got)
		}
	})
}

// TestLoadOfBudget: who watches sees that it is the budget that rows wait for.
func TestLoadOfBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Budget = 25
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, nil }))
		defer core.Close()
		rows := l.puts(100, unique)
		for i := range rows {
			rows[i].Units = 1
		}
		done := make(chan error)
		go func() { done <- deliver(t.Context(), core, rows) }()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := cfg.Meter.Load(); got.Saving != 1 {
			t.Errorf("with 75 rows to come: %+v", got)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := cfg.Meter.Load(); got.Saving != 0 {
			t.Errorf("when all has ended: %+v", got)
		}
	})
}
