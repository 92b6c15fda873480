package dynamodb

import (
	"context"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// budget is a number of read units that may be used in any second (promise 7).
// A request counts from its sending until a second after its answer, first as
// estimated and then as it was. A nil budget is none.
type budget struct {
	limit float64

	mu      sync.Mutex
	flying  int
	sent    float64 // units of requests in flight
	cooling []spent // answered less than a second ago, in order
	changed chan struct{}
}

type spent struct {
	units float64
	until time.Time
}

func newBudget(limit float64) *budget {
	return &budget{limit: limit, changed: make(chan struct{})}
}

// take waits until that many units may be sent. More than the whole budget go
// alone.
func (b *budget) take(ctx context.Context, units float64) error {
	if b == nil {
		return ctx.Err()
	}
	for {
		until, changed, ok := b.try(units, time.Now())
		if ok {
			return nil
		}
		// An answer may make room before the window does.
		wait, stop := context.WithDeadline(ctx, until)
		select {
		case <-wait.Done():
		case <-changed:
		}
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// try takes the units, or says when to try again: at a time, or when something
// changed.
func (b *budget) try(units float64, now time.Time) (until time.Time, changed <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.cooling) > 0 && !b.cooling[0].until.After(now) {
		b.cooling = b.cooling[1:]
	}
	used := b.sent
	for _, s := range b.cooling {
		used += s.units
	}
	if used+units <= b.limit || b.flying == 0 && len(b.cooling) == 0 {
		b.flying++
		b.sent += units
		return time.Time{}, nil, true
	}
	until = now.Add(time.Hour) // only an answer helps
	if len(b.cooling) > 0 {
		until = b.cooling[0].until
	}
	return until, b.changed, false
}

// answered replaces an estimate by what the answer says.
func (b *budget) answered(estimate, units float64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.sent -= estimate
	if b.flying == 0 {
		b.sent = 0
	}
	if units > 0 {
		b.cooling = append(b.cooling, spent{units: units, until: time.Now().Add(time.Second)})
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// Reading takes one unit for each 4 KB, half of one when eventually consistent,
// and a page reads up to 1 MB (AWS, "DynamoDB read consistency" and "Scanning
// tables in DynamoDB").
const (
	unitBytes = 4 << 10
	pageBytes = 1 << 20
)

// pacer sizes pages so that they fit a budget. It learns how many units an item
// takes: it rises at once and falls slowly, since the budget is hard.
type pacer struct {
	share    float64 // of the budget, that a page may take; 0 without one
	fullPage float64 // units that a page takes at most

	mu      sync.Mutex
	perItem float64
}

// request is what a page is expected to be.
type request struct {
	limit int // items; 0: what fits
	units float64
}

func newPacer(c *Config, t *dynamo.Table) *pacer {
	perByte := 0.5 / unitBytes
	if c.consistent {
		perByte *= 2
	}
	p := &pacer{
		share:    c.readCapacity / float64(c.segmentsFor(t)),
		fullPage: perByte * pageBytes,
		perItem:  perByte * unitBytes,
	}
	if t.ItemCount > 0 && t.SizeBytes > 0 {
		p.perItem = perByte * float64(t.SizeBytes) / float64(t.ItemCount)
	}
	return p
}

// next is the next page, of at most so many items when pageSize is not 0.
// Segments share the budget; each asks for at least one unit's worth.
func (p *pacer) next(pageSize int) request {
	p.mu.Lock()
	defer p.mu.Unlock()
	ask := request{limit: pageSize, units: p.fullPage}
	share := max(p.share, 1)
	if p.share > 0 && share < p.fullPage {
		if fits := max(int(share/p.perItem), 1); ask.limit == 0 || fits < ask.limit {
			ask.limit = fits
		}
	}
	if ask.limit > 0 {
		ask.units = min(max(float64(ask.limit)*p.perItem, 0.5), p.fullPage)
	}
	return ask
}

// learn takes in what a page of so many items read has taken.
func (p *pacer) learn(scanned int64, units float64) {
	if scanned <= 0 || units <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := units / float64(scanned)
	if seen >= p.perItem {
		p.perItem = seen
		return
	}
	p.perItem += (seen - p.perItem) / 8
}
