package dynamodb

import (
	"context"
	"errors"
	"math"
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

// readers has segments read n items each within a budget, from a server that
// answers after latency, and says what was let through and how long it took.
func readers(t *testing.T, b *budget, segments, n int, latency time.Duration, item func() float64) (uses []use, took time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for range segments {
		all.Go(func() {
			for left := n; left > 0; {
				ask, err := b.take(t.Context(), 0)
				if err != nil {
					t.Error(err)
					return
				}
				from := time.Now()
				time.Sleep(latency)
				mu.Lock()
				units, scanned := 0.0, 0
				for ; scanned < min(ask.limit, left) && units < b.page; scanned++ {
					units += item()
				}
				units = math.Ceil(units/b.step) * b.step
				uses = append(uses, use{from, time.Now().Add(time.Second), units})
				mu.Unlock()
				left -= scanned
				b.answered(ask, int64(scanned), units)
			}
		})
	}
	all.Wait()
	return uses, time.Since(start)
}

// most is the most that counts at one moment, and all of it.
func most(uses []use) (peak, total float64) {
	for _, moment := range uses {
		sum := 0.0
		for _, u := range uses {
			if !u.from.After(moment.from) && u.until.After(moment.from) {
				sum += u.units
			}
		}
		peak = max(peak, sum)
		total += moment.units
	}
	return peak, total
}

// Promise 7, checked from outside: no moment at which the requests that count
// exceed the budget; and the budget is used.
func TestBudgetHoldsAndIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		budget     float64
		segments   int
		consistent bool
		item       func(*rand.Rand) float64
	}{
		"one segment":        {20, 1, true, func(*rand.Rand) float64 { return 0.08 }},
		"four segments":      {20, 4, true, func(*rand.Rand) float64 { return 0.08 }},
		"more than units":    {3, 8, false, func(*rand.Rand) float64 { return 0.04 }},
		"large items":        {100, 4, false, func(*rand.Rand) float64 { return 7.3 }},
		"items of all sizes": {100, 3, false, func(r *rand.Rand) float64 { return []float64{0.002, 0.02, 0.2, 3.7}[r.IntN(4)] }},
		"large budget":       {2000, 8, false, func(*rand.Rand) float64 { return 0.5 }},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(&Config{readCapacity: c.budget, consistent: c.consistent}, &dynamo.Table{})
			random := rand.New(rand.NewPCG(1, 2))
			item := func() float64 { return c.item(random) }
			mean := 0.0
			for range 1000 {
				mean += item() / 1000
			}
			n := int(20*c.budget/mean) / c.segments
			uses, took := readers(t, b, c.segments, n, 5*time.Millisecond, item)
			peak, total := most(uses)
			// What a page of items of sizes far apart takes is an estimate, which
			// the schedule of the segments can put to a hard test.
			limit := c.budget
			if name == "items of all sizes" {
				limit *= 1.1
			}
			if peak > limit {
				t.Errorf("%s: %v units count at one moment, of %v", name, peak, c.budget)
			}
			if waste := total / (float64(n*c.segments) * mean); waste > 1.3 {
				t.Errorf("%s: %.2f times the units that the items take, in %d requests", name, waste, len(uses))
			}
			if rate := total / (took.Seconds() + 1); rate < 0.85*c.budget-b.step {
				t.Errorf("%s: %.1f units a second in %d requests, of %v", name, rate, len(uses), c.budget)
			}
		})
	}
}

// Until the first answer nothing is known of the items, and segments wait.
func TestFirstPageGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 100}, &dynamo.Table{})
		uses, _ := readers(t, b, 4, 3, time.Millisecond, func() float64 { return 50 })
		if peak, _ := most(uses); peak > 100 {
			t.Errorf("%v units at one moment", peak)
		}
	})
}

func TestBudgetTakesALargeRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 1}, &dynamo.Table{})
		uses, took := readers(t, b, 1, 3, 0, func() float64 { return 50 })
		if len(uses) != 3 || took != 2*time.Second {
			t.Errorf("%d requests over the budget took %v, want each after the one before has cooled", len(uses), took)
		}
	})
}

func TestBudgetEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 1}, &dynamo.Table{})
		if _, err := b.take(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.take(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPagesFitTheBudget(t *testing.T) {
	table := &dynamo.Table{ItemCount: 1000, SizeBytes: 1000 * 8192} // one unit each
	known := cost{mean: 1, seen: 1000, largest: 1e6}
	for name, c := range map[string]struct {
		config Config
		cost   cost
		most   int
		want   request
	}{
		"no budget":                     {Config{}, known, 0, request{0, 0}},
		"no budget, small pages":        {Config{}, known, 10, request{10, 0}},
		"nothing known":                 {Config{readCapacity: 20}, cost{}, 0, request{1, 1.5}},
		"nothing known, consistent":     {Config{readCapacity: 20, consistent: true}, cost{}, 0, request{1, 3}},
		"known":                         {Config{readCapacity: 20}, known, 0, request{19, 19.5}},
		"page smaller than the budget":  {Config{readCapacity: 20}, known, 3, request{3, 3.5}},
		"budget larger than a page":     {Config{readCapacity: 1000}, known, 0, request{999, 128}},
		"small pages seen":              {Config{readCapacity: 20}, cost{mean: 1, seen: 3, largest: 2}, 0, request{4, 4.5}},
		"items that differ":             {Config{readCapacity: 20}, cost{mean: 1, variance: 1, seen: 1000, largest: 1e6}, 0, request{5, 19}},
		"item larger than budget alone": {Config{readCapacity: 1}, known, 0, request{1, 1.5}},
	} {
		got, err := newBudget(&c.config, table).with(c.cost).take(t.Context(), c.most)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, want %+v (%v)", name, got, c.want, err)
		}
	}
}

// with is the budget, knowing what items cost.
func (b *budget) with(c cost) *budget {
	if b != nil {
		b.cost = c
	}
	return b
}

func TestCostFollowsThePages(t *testing.T) {
	var c cost
	c.learn(0, 0.5, 0.5)
	if c.known() {
		t.Error("an empty page told something")
	}
	for range 50 {
		c.learn(100, 100, 0.5)
	}
	if math.Abs(c.mean-1) > 0.01 || c.variance > 0.01 || c.largest != 100 {
		t.Errorf("of equal items: %+v", c)
	}
	for range 100 {
		c.learn(100, 300, 0.5)
	}
	if math.Abs(c.mean-3) > 0.01 {
		t.Errorf("items that grew: %+v", c)
	}
}
