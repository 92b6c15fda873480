package dynamodb

import (
	"context"
	"math"
	"sync"
	"time"
)

// Reading takes one unit for each 4 KB, half of one when eventually consistent,
// a page reads up to 1 MB, and an item has up to 400 KB (AWS, "DynamoDB read
// consistency", "Scanning tables in DynamoDB", "Quotas in Amazon DynamoDB").
const (
	unitBytes = 4 << 10
	pageBytes = 1 << 20
	itemBytes = 400 << 10
)

// A page is rounded up to a whole step, so that many small ones would waste the
// budget. It is asked for when it should take so many steps, and a share of the
// budget; or half of what it could with the whole budget left, if that is less.
const (
	leastSteps = 4
	leastShare = 1.0 / 64
)

// enough is the number of items from which on pages may be asked for side by
// side.
const enough = 100

// request is what a page is expected to be.
type request struct {
	limit int // items; 0: what fits
	units float64
}

// budget is a number of read units that may be used in any second (promise 7).
// A request counts from its sending until a second after its answer, first as
// the most that it may take and then as it was. As long as there is room for
// the largest page there is, one is asked for; then pages are sized by what is
// left and what the items before took. A nil budget is none.
type budget struct {
	limit float64
	step  float64 // units that a page is rounded up to
	page  float64 // units of the largest page
	item  float64 // units of the largest item

	mu      sync.Mutex
	cost    cost
	flying  int
	sent    float64 // units of requests in flight
	cooling []spent // answered less than a second ago, in order
	changed chan struct{}
}

type spent struct {
	units float64
	until time.Time
}

// newBudget is the block's budget, or nil.
func newBudget(c *Config) *budget {
	if c.readCapacity == 0 {
		return nil
	}
	step := 0.5
	if c.consistent {
		step = 1
	}
	return &budget{
		limit: c.readCapacity, step: step,
		// The item that makes the page full may be read beyond it.
		page: step * (pageBytes/unitBytes + 2), item: step * itemBytes / unitBytes,
		changed: make(chan struct{}),
	}
}

// take waits until a page may be asked for, of at most so many items when most
// is not 0.
func (b *budget) take(ctx context.Context, most int) (request, error) {
	if b == nil {
		return request{limit: most}, ctx.Err()
	}
	for {
		ask, wait := b.try(most, time.Now())
		if wait == nil {
			return ask, ctx.Err()
		}
		if err := wait.done(ctx); err != nil {
			return request{}, err
		}
	}
}

// pause is when to try again: at a time, or when something changed.
type pause struct {
	until   time.Time
	changed <-chan struct{}
}

func (p *pause) done(ctx context.Context) error {
	wait, stop := context.WithDeadline(ctx, p.until)
	defer stop()
	select {
	case <-wait.Done():
	case <-p.changed:
	}
	return ctx.Err()
}

// try is the page to ask for, or when to try again. As long as little is known
// of the items, pages go alone: they tell what the others will take.
func (b *budget) try(most int, now time.Time) (request, *pause) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.cooling) > 0 && !b.cooling[0].until.After(now) {
		b.cooling = b.cooling[1:]
	}
	left := b.limit - b.sent
	for _, s := range b.cooling {
		left -= s.units
	}
	ask := b.fit(left, most)
	idle := b.flying == 0 && len(b.cooling) == 0
	sure := b.flying == 0 || b.cost.seen >= enough || ask.units == b.page
	if idle || sure && ask.units <= left && b.worth(ask, most) {
		b.flying++
		b.sent += ask.units
		return ask, nil
	}
	wait := &pause{until: now.Add(time.Hour), changed: b.changed} // only an answer helps
	if len(b.cooling) > 0 {
		wait.until = b.cooling[0].until
	}
	return request{}, wait
}

// fit is the largest page that takes no more than what is left, of one item at
// least. It holds no more than twice the items of a page before: how much items
// differ shows in larger pages only.
func (b *budget) fit(left float64, most int) request {
	if left >= b.page {
		return request{limit: most, units: b.bound(most)}
	}
	n := b.within(left, min(positive(most), b.grown()))
	return request{limit: n, units: b.bound(n)}
}

// grown is the most items that a page may have.
func (b *budget) grown() int { return int(max(1, min(2*b.cost.page, pageItems))) }

// within is how many items, up to many, take no more than so much; one at least.
func (b *budget) within(units float64, many int) int {
	few := 1
	for few < many {
		if n := (few + many + 1) / 2; b.bound(n) <= units {
			few = n
		} else {
			many = n - 1
		}
	}
	return few
}

func positive(most int) int {
	if most == 0 {
		return pageItems
	}
	return most
}

// pageItems is more items than a page has: each has a key, of a byte or more.
const pageItems = pageBytes

// bound is the most that a page of so many items may take; 0 is what fits.
func (b *budget) bound(n int) float64 {
	if n == 0 {
		return b.page
	}
	units := float64(n) * b.item
	if b.cost.known() {
		units = min(units, b.cost.of(n))
	}
	return min(math.Ceil(units/b.step)*b.step, b.page)
}

// worth reports that a page is as large as it may be, or not so small that
// rounding would waste much, or as large as half the budget allows.
func (b *budget) worth(ask request, most int) bool {
	if ask.limit == most || ask.limit == b.grown() {
		return true
	}
	least := max(leastSteps*b.step, b.limit*leastShare)
	return float64(ask.limit)*b.cost.mean >= least || ask.limit >= b.within(b.limit/2, positive(most))
}

// answered replaces the reservation by what the answer tells.
func (b *budget) answered(ask request, t told) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.sent -= ask.units
	if b.flying == 0 {
		b.sent = 0
	}
	if t.units > 0 {
		b.cooling = append(b.cooling, spent{units: t.units, until: time.Now().Add(time.Second)})
		b.cost.learn(t, b.step, b.limit)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
