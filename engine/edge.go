package engine

import (
	"context"
	"sync/atomic"

	"github.com/dynapipe/dynapipe/internal/record"
)

// unit is a part of what a source cut at one time.
type unit struct {
	source    *stage
	partition int
	number    int64 // of the unit within its partition
	last      bool  // no further part of this unit follows
	// tail marks a unit that no source cut: what a transform held until the
	// end of input. Unions pass it on at once.
	tail  bool
	batch *record.Batch // nil when the part has no rows
	// barrier is set in what is no unit but a mark between units.
	barrier *barrier
}

func (u unit) rows() int64 {
	if u.batch == nil {
		return 0
	}
	return int64(u.batch.Rows())
}

// empty is the unit without its rows.
func (u unit) empty() unit {
	u.batch = nil
	return u
}

func (u unit) release() {
	if u.batch != nil {
		u.batch.Release()
	}
}

// edge carries units from one stage to another. It counts at both ends.
type edge struct {
	from, to *stage
	output   string // of from; empty when it has a single one
	units    chan unit
	// stopped is written by the sender before it closes units, and read by
	// the receiver after: input was left when the edge ended.
	stopped bool

	sent, received atomic.Int64
}

// send hands u over, or gives up and keeps it when the run fails.
func (e *edge) send(ctx context.Context, u unit) error {
	rows := u.rows() // u may be gone as soon as it is sent
	if u.barrier != nil {
		u.barrier.passes(e)
	}
	select {
	case e.units <- u:
		e.sent.Add(rows)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the edge. Nothing is sent after it.
func (e *edge) close(stopped bool) {
	e.stopped = stopped
	close(e.units)
}

// take counts a unit that arrived.
func (e *edge) take(u unit) {
	e.received.Add(u.rows())
	e.to.tally.In.Add(u.rows())
}

// drain counts what was sent and never taken, after every stage has ended.
func (e *edge) drain() {
	for u := range e.units {
		e.take(u)
		e.to.tally.Unsettled.Add(u.rows())
		u.release()
	}
}
