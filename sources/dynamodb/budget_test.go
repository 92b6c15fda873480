package dynamodb

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// use is a request that was let through.
type use struct {
	from, until time.Time
	units       float64
}

// Promise 7, checked from outside: no moment at which the requests that count
// exceed the budget, whatever they take and however long.
func TestBudgetHolds(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(10)
			var mu sync.Mutex
			var uses []use
			var all sync.WaitGroup
			for worker := range uint64(4) {
				random := rand.New(rand.NewPCG(seed, worker))
				all.Go(func() {
					for range 20 {
						units := 0.5 + float64(random.IntN(8))/2
						if err := b.take(t.Context(), units); err != nil {
							t.Error(err)
							return
						}
						from := time.Now()
						time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
						took := units * float64(random.IntN(3)) / 2 // never more than estimated
						mu.Lock()
						uses = append(uses, use{from, time.Now(), units})
						uses = append(uses, use{time.Now(), time.Now().Add(time.Second), took})
						mu.Unlock()
						b.answered(units, took)
					}
				})
			}
			all.Wait()
			for _, moment := range uses {
				sum := 0.0
				for _, u := range uses {
					if !u.from.After(moment.from) && u.until.After(moment.from) {
						sum += u.units
					}
				}
				if sum > b.limit {
					t.Fatalf("seed %d: %v units count at one moment", seed, sum)
				}
			}
		})
	}
}

func TestBudgetTakesALargeRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		start := time.Now()
		for range 3 {
			if err := b.take(t.Context(), 50); err != nil {
				t.Fatal(err)
			}
			b.answered(50, 50)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("three requests over the budget took %v, want each after the one before has cooled", waited)
		}
	})
}

func TestBudgetEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		if err := b.take(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.take(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPagesFitTheBudget(t *testing.T) {
	table := &dynamo.Table{ItemCount: 1000, SizeBytes: 1000 * 8192} // one unit each
	tests := []struct {
		name     string
		config   Config
		pageSize int
		want     request
	}{
		{"no budget", Config{}, 0, request{0, 128}},
		{"no budget, strongly consistent", Config{consistent: true}, 0, request{0, 256}},
		{"no budget, small pages", Config{}, 10, request{10, 10}},
		{"budget", Config{readCapacity: 20}, 0, request{20, 20}},
		{"budget shared by segments", Config{readCapacity: 20, segments: 4}, 0, request{5, 5}},
		{"more segments than budget", Config{readCapacity: 2, segments: 4}, 0, request{1, 1}},
		{"strongly consistent", Config{readCapacity: 20, consistent: true}, 0, request{10, 20}},
		{"page smaller than the budget", Config{readCapacity: 20}, 3, request{3, 3}},
		{"budget larger than a page", Config{readCapacity: 1000}, 0, request{0, 128}},
	}
	for _, test := range tests {
		if got := newPacer(&test.config, table).next(test.pageSize); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestPacerRisesAtOnceAndFallsSlowly(t *testing.T) {
	p := newPacer(&Config{readCapacity: 100}, &dynamo.Table{})
	p.learn(10, 100)
	if p.perItem != 10 {
		t.Errorf("after a costly page: %v units an item", p.perItem)
	}
	p.learn(10, 20)
	if p.perItem != 9 {
		t.Errorf("after a cheap page: %v units an item", p.perItem)
	}
	p.learn(0, 0)
	if p.perItem != 9 {
		t.Errorf("an empty page changed it to %v", p.perItem)
	}
}
