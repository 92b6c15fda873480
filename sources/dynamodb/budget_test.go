package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// use is a request that was let through.
type use struct {
	from, until time.Time
	units       float64
}

// readers has segments read n items each within a budget, from a server that
// answers after latency, and says what was let through and how long it took.
// whole is that the items come as they are, without filter or projection.
func readers(t *testing.T, b *budget, segments, n int, latency time.Duration, whole bool, item func() float64) (uses []use, took time.Duration) {
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
				page, units := told{}, 0.0
				for size := item(); ; size = item() {
					page.items++
					units += size
					if whole {
						page.texts = append(page.texts, 20+int(1.5*size*unitBytes/b.step))
					}
					if page.items == int64(left) || page.items == int64(ask.limit) || units+size > b.page-2*b.step {
						break
					}
				}
				page.units = min(math.Ceil(units/b.step)*b.step, b.page)
				uses = append(uses, use{from, time.Now().Add(time.Second), page.units})
				mu.Unlock()
				left -= int(page.items)
				b.answered(ask, page)
			}
		})
	}
	all.Wait()
	return uses, time.Since(start)
}

// most is the most that counts at one moment.
func most(uses []use) (peak float64) {
	uses = slices.SortedFunc(slices.Values(uses), func(a, b use) int { return a.from.Compare(b.from) })
	for i, moment := range uses {
		sum := 0.0
		for _, u := range uses[max(0, i-5000) : i+1] { // those before are long over
			if u.until.After(moment.from) {
				sum += u.units
			}
		}
		peak = max(peak, sum)
	}
	return peak
}

// kind gives the units that items of a kind take.
type kind func(*rand.Rand) float64

func evenly(units float64) kind { return func(*rand.Rand) float64 { return units } }

func among(units ...float64) kind {
	return func(r *rand.Rand) float64 { return units[r.IntN(len(units))] }
}

// rarely are small items and a large one in so many.
func rarely(small, large float64, in int) kind {
	return func(r *rand.Rand) float64 {
		if r.IntN(in) == 0 {
			return large
		}
		return small
	}
}

// mean is what an item takes on average.
func (k kind) mean() float64 {
	random := rand.New(rand.NewPCG(3, 4))
	sum := 0.0
	for range 100000 {
		sum += k(random) / 100000
	}
	return sum
}

// Promise 7, checked from outside: no moment at which the requests that count
// exceed the budget; and the budget is used. Items far costlier than all before
// them can't be foreseen: what counts is that the budget holds from then on,
// with as much of it left unused as the costliest item takes.
func TestBudgetHoldsAndIsUsed(t *testing.T) {
	tests := []struct {
		name       string
		budget     float64
		segments   int
		consistent bool
		item       kind
		giant      float64 // from which on an item can't be foreseen
		// Of the budget that is used, and of the units to those of the items: with
		// items that come whole, and when only the sum of a page is known.
		used, waste, usedOfSums, wasteOfSums float64
	}{
		{"one segment", 20, 1, true, evenly(0.08), 0, 0.9, 1.25, 0.75, 1.25},
		{"four segments", 20, 4, true, evenly(0.08), 0, 0.85, 1.25, 0.75, 1.25},
		{"more than units", 3, 8, false, evenly(0.04), 0, 0.75, 1.5, 0.6, 1.5},
		{"large items", 100, 4, false, evenly(7.3), 0, 0.85, 1.1, 0.85, 1.1},
		{"large budget", 2000, 8, false, evenly(0.5), 0, 0.9, 1.1, 0.9, 1.1},
		{"mixed", 100, 3, false, among(0.002, 0.02, 0.2, 3.7), 0, 0.8, 1.2, 0.75, 1.2},
		{"mixed, large budget", 1000, 8, false, among(0.002, 0.02, 0.2, 3.7), 0, 0.9, 1.1, 0.85, 1.1},
		{"giants, 60", 60, 4, false, rarely(0.125, 50, 500), 40, 0.1, 4, 0.1, 4},
		{"giants, 100", 100, 4, false, rarely(0.125, 50, 500), 40, 0.4, 3, 0.4, 3},
		{"giants, 300", 300, 4, false, rarely(0.125, 50, 500), 40, 0.65, 1.1, 0.65, 1.1},
		{"giants, 1000", 1000, 4, false, rarely(0.125, 50, 500), 40, 0.75, 1.1, 0.7, 1.1},
	}
	for _, c := range tests {
		for _, whole := range []bool{true, false} {
			used, waste := c.used, c.waste
			if !whole {
				used, waste = c.usedOfSums, c.wasteOfSums
			}
			t.Run(fmt.Sprintf("%s, whole %v", c.name, whole), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBudget(&Config{readCapacity: c.budget, consistent: c.consistent})
					random := rand.New(rand.NewPCG(1, 2))
					took := 0.0
					item := func() float64 {
						x := c.item(random)
						took += x
						return x
					}
					n := int(20*c.budget/c.item.mean()) / c.segments
					uses, duration := readers(t, b, c.segments, n, 5*time.Millisecond, whole, item)
					total := 0.0
					for _, u := range uses {
						total += u.units
					}
					peak := most(foreseen(uses, c.giant))
					rate := total / (duration.Seconds() + 1)
					t.Logf("at most %v of %v units at one moment; %.0f %% used, %.2f times what the items take, in %d requests",
						peak, c.budget, 100*rate/c.budget, total/took, len(uses))
					// Of giants and small ones, only the sums of pages don't tell enough.
					if peak > c.budget && (whole || c.giant == 0) {
						t.Error("over the budget")
					}
					if total/took > waste {
						t.Error("too many small pages")
					}
					if rate < used*c.budget {
						t.Error("budget left unused")
					}
				})
			})
		}
	}
}

// foreseen leaves out what was sent before the first giant had cooled.
func foreseen(uses []use, giant float64) []use {
	first := slices.IndexFunc(uses, func(u use) bool { return giant > 0 && u.units >= giant })
	if first < 0 {
		return uses
	}
	return slices.DeleteFunc(slices.Clone(uses), func(u use) bool { return u.from.Before(uses[first].until) })
}

// Until the first answer nothing is known of the items, and segments wait.
func TestFirstPageGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 100})
		uses, _ := readers(t, b, 4, 3, time.Millisecond, true, func() float64 { return 50 })
		if peak := most(uses); peak > 100 {
			t.Errorf("%v units at one moment", peak)
		}
	})
}

func TestBudgetTakesALargeRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 1})
		uses, took := readers(t, b, 1, 3, 0, true, func() float64 { return 50 })
		if len(uses) != 3 || took != 2*time.Second {
			t.Errorf("%d requests over the budget took %v, want each after the one before has cooled", len(uses), took)
		}
	})
}

func TestBudgetEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(&Config{readCapacity: 1})
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
	even := cost{mean: 1, seen: 1000, page: 1e6}
	mixed := cost{mean: 1, variance: 4, seen: 1000, page: 1e6, largest: [2]float64{5, 0}}
	for name, c := range map[string]struct {
		config Config
		cost   cost
		most   int
		want   request
	}{
		"no budget":                     {Config{}, even, 0, request{0, 0}},
		"no budget, small pages":        {Config{}, even, 10, request{10, 0}},
		"nothing known":                 {Config{readCapacity: 20}, cost{}, 0, request{1, 50}},
		"nothing known, consistent":     {Config{readCapacity: 20, consistent: true}, cost{}, 0, request{1, 100}},
		"room for the largest page":     {Config{readCapacity: 1000}, cost{}, 0, request{0, 129}},
		"room for few items":            {Config{readCapacity: 1000}, cost{}, 2, request{2, 100}},
		"even":                          {Config{readCapacity: 20}, even, 0, request{20, 20}},
		"page smaller than the budget":  {Config{readCapacity: 20}, even, 3, request{3, 3}},
		"small pages seen":              {Config{readCapacity: 20}, cost{mean: 1, seen: 3, page: 2}, 0, request{4, 4}},
		"items that differ":             {Config{readCapacity: 20}, mixed, 0, request{4, 20}},
		"items that differ, many":       {Config{readCapacity: 100}, mixed, 0, request{38, 100}},
		"costliest one longer ago":      {Config{readCapacity: 20}, cost{mean: 1, variance: 4, seen: 1000, page: 1e6, largest: [2]float64{2, 5}}, 0, request{4, 20}},
		"item larger than budget alone": {Config{readCapacity: 1}, cost{mean: 7, seen: 1000, page: 1e6}, 0, request{1, 7}},
	} {
		b := newBudget(&c.config)
		if b != nil {
			b.cost = c.cost
		}
		got, err := b.take(t.Context(), c.most)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, want %+v (%v)", name, got, c.want, err)
		}
	}
}
