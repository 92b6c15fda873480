package dynamo

import (
	"context"
	"sync"
	"time"
)

// patience is a context that ends at a time, for which nothing is set up until
// somebody waits for it. Credentials are nearly always at hand, and connections
// have deadlines of their own.
type patience struct {
	context.Context
	until time.Time

	once   sync.Once
	real   context.Context
	cancel context.CancelFunc
}

func (p *patience) setUp() context.Context {
	p.once.Do(func() { p.real, p.cancel = context.WithDeadline(p.Context, p.until) })
	return p.real
}

// end gives up what was set up. Nobody waits any more.
func (p *patience) end() {
	p.once.Do(func() { p.real, p.cancel = p.Context, func() {} })
	p.cancel()
}

func (p *patience) Deadline() (time.Time, bool) { return p.setUp().Deadline() }
func (p *patience) Done() <-chan struct{}       { return p.setUp().Done() }
func (p *patience) Err() error                  { return p.setUp().Err() }
