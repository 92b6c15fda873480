package dynamodb

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// Reading takes one unit for each 4 KB, half of one when eventually consistent,
// and a page reads up to 1 MB (AWS, "DynamoDB read consistency" and "Scanning
// tables in DynamoDB").
const (
	unitBytes = 4 << 10
	pageBytes = 1 << 20
)

// A page is rounded up to a whole step, so that many small ones would waste the
// budget. It is asked for when so many steps are left, and a share of the
// budget; or all of it, if that is less.
const (
	leastSteps = 4
	leastShare = 1.0 / 16
)

// request is what a page is expected to be.
type request struct {
	limit int // items; 0: what fits
	units float64
}

// budget is a number of read units that may be used in any second (promise 7).
// A request counts from its sending until a second after its answer, first as
// estimated and then as it was. A page is sized by what is left: what an item
// takes is learned from the pages before. A nil budget is none.
type budget struct {
	limit float64
	start float64 // units of an item, while nothing else is known
	step  float64 // units that a page is rounded up to
	page  float64 // units of the largest page

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
func newBudget(c *Config, t *dynamo.Table) *budget {
	if c.readCapacity == 0 {
		return nil
	}
	step := 0.5
	if c.consistent {
		step = 1
	}
	b := &budget{limit: c.readCapacity, start: step, step: step, page: step * pageBytes / unitBytes, changed: make(chan struct{})}
	if t.ItemCount > 0 && t.SizeBytes > 0 {
		b.start = step * float64(t.SizeBytes) / float64(t.ItemCount) / unitBytes
	}
	return b
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

// try is the page to ask for, or when to try again. The first page goes alone:
// it tells what the others will take.
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
	idle := b.flying == 0 && len(b.cooling) == 0
	ask := b.fit(left, most)
	if idle || ask.units <= left && left >= min(b.least(), 2*ask.units) && (b.cost.known() || b.flying == 0) {
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

// least is what has to be left for a page that would take the most of it.
func (b *budget) least() float64 {
	return min(max(leastSteps*b.step, b.limit*leastShare), b.limit)
}

// fit is a page of one item or more that takes no more than what is left, as
// far as one can tell. What a page took before it was rounded up is only known
// to half a step.
func (b *budget) fit(left float64, most int) request {
	n := b.cost.within(math.Floor(left/b.step)*b.step - b.step/2)
	if most > 0 {
		n = min(n, most)
	}
	units := b.start
	if b.cost.known() {
		units = b.cost.of(n)
	}
	steps := math.Ceil((units + b.step/2) / b.step)
	return request{limit: n, units: min(steps*b.step, b.page)}
}

// answered replaces an estimate by what the answer says of so many items.
func (b *budget) answered(ask request, scanned int64, units float64) {
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
	if units > 0 {
		b.cooling = append(b.cooling, spent{units: units, until: time.Now().Add(time.Second)})
		b.cost.learn(scanned, units, b.step)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// cost is what items take, as far as pages have told: how much on average, and
// how much they differ.
type cost struct {
	mean     float64
	variance float64
	seen     float64 // items that the two are of
	largest  float64 // items in a page
}

// window is the number of items after which older ones count less, and doubt
// the number of standard deviations that a page is reckoned above the mean.
const (
	window = 1000
	doubt  = 6
)

func (c *cost) known() bool { return c.seen > 0 }

// of is what so many items take, and hardly more.
func (c *cost) of(items int) float64 {
	n := float64(items)
	return n*c.mean + doubt*math.Sqrt(n*c.variance)
}

// within is the number of items, at least one, that hardly take more units
// than that, and no more than twice those of a page before: how much items
// differ shows in larger pages only.
func (c *cost) within(units float64) int {
	if !c.known() {
		return 1
	}
	most := 2 * c.largest
	if units <= 0 || c.mean <= 0 {
		return 1
	}
	spread := doubt * math.Sqrt(c.variance)
	root := (math.Sqrt(spread*spread+4*c.mean*units) - spread) / (2 * c.mean)
	return int(max(1, min(root*root, most, math.MaxInt32)))
}

// learn takes in what a page of so many items took, rounded up to whole steps.
func (c *cost) learn(items int64, units, step float64) {
	if items <= 0 {
		return
	}
	n := float64(items)
	c.largest = max(c.largest, n)
	took := units - step/2
	switch expected := n * c.mean; {
	case !c.known():
		c.mean = took / n
	case expected > units-step && expected <= units:
		took = expected // for all that one can tell
	case expected > units:
		took = units
	}
	off := took/n - c.mean
	weight := n / (n + c.seen)
	c.mean += weight * off
	// Only costlier pages tell how much items differ, for both sides: the first
	// small pages, rounded up, look costlier than all that follow.
	differ := 0.0
	if off > 0 {
		differ = 2 * n * off * off
	}
	c.variance += (differ - c.variance) / 8 // of about the last eight pages, small ones too
	c.seen = min(c.seen+n, window)
}
