package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/progress"
)

// A budget holds also when the estimates don't know of an index, from the
// first answer on.
func TestBudgetLearnsWhatRowsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Budget = 300
		var log table
		core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			sent := time.Now()
			time.Sleep(5 * time.Millisecond)
			units := float64(3 * len(r.Rows))
			log.mu.Lock()
			defer log.mu.Unlock()
			log.log = append(log.log, call{sent: sent, answered: time.Now(), units: units})
			return Answer{Consumed: []Consumed{{Table: "t", Units: units / 3}, {Table: "t", Index: "i", Units: units * 2 / 3}}}, nil
		}))
		defer core.Close()
		start := time.Now()
		if err := deliver(t.Context(), core, l.puts(2000, unique)); err != nil {
			t.Fatal(err)
		}
		if over := log.overspent(300); over != "" {
			t.Error(over)
		}
		if took := time.Since(start); took < 19*time.Second || took > 22*time.Second {
			t.Errorf("6,000 units at 300 a second took %v", took)
		}
		want := []progress.Consumed{{Table: "t", Units: 2000}, {Table: "t", Index: "i", Units: 4000}}
		if got := cfg.Meter.Snapshot().Capacity; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("capacity: %+v", got)
		}
	})
}

// What is left of the budget is used, also where no whole request fits in it.
func TestBudgetThatIsNoMultipleOfARequestIsUsed(t *testing.T) {
	for _, budget := range []float64{7, 30, 40, 49, 99, 110} {
		synctest.Test(t, func(t *testing.T) {
			var l ledger
			cfg := testConfig()
			cfg.Budget = budget
			var log table
			core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
				sent := time.Now()
				time.Sleep(5 * time.Millisecond)
				log.mu.Lock()
				defer log.mu.Unlock()
				log.log = append(log.log, call{sent: sent, answered: time.Now(), units: float64(len(r.Rows))})
				return Answer{Consumed: []Consumed{{Table: "t", Units: float64(len(r.Rows))}}}, nil
			}))
			defer core.Close()
			start := time.Now()
			n := int(20 * budget)
			if err := deliver(t.Context(), core, l.puts(n, unique)); err != nil {
				t.Fatal(err)
			}
			if over := log.overspent(budget); over != "" {
				t.Error(over)
			}
			if rate := float64(n) / time.Since(start).Seconds(); rate < 0.9*budget {
				t.Errorf("%.1f of %v units a second", rate, budget)
			}
			if least := n / 25; len(log.log) > 4*least+40 {
				t.Errorf("budget %v: %d requests for %d rows", budget, len(log.log), n)
			}
		})
	}
}
