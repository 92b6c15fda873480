package engine

import (
	"context"

	"github.com/sourcegraph/conc"
)

// arrival is a unit on one of a stage's edges, or the end of that edge.
type arrival struct {
	input int
	unit  unit
	ended bool
}

// union reads the edges into one stage. Of a unit that reaches the stage over
// several edges the rows leave in the order they were read (promises 4 and 10):
// all edges bring the same units in the same order, because every node makes
// one unit of one, and a unit's rows are put in order by where they came from
// (see lane). Units of different sources come as they come.
//
// What arrives out of turn is held. No limit stands here, but a source sends a
// unit on all its edges before the next one, so one path is never further ahead
// of another than what their channels hold, and what the transforms on them
// hold back.
type union struct {
	inputs []*edge
	closed []bool // by input
	lanes  map[*stage]*lane
	single bool
}

// newUnion is the union of a stage's inputs.
func newUnion(s *stage) *union {
	u := &union{inputs: s.inputs, closed: make([]bool, len(s.inputs)), lanes: map[*stage]*lane{}, single: len(s.inputs) == 1}
	for i, e := range s.inputs {
		for _, src := range e.from.sources {
			if u.lanes[src] == nil {
				u.lanes[src] = &lane{mem: s.mem, rows: s.batchRows}
			}
			u.lanes[src].branches = append(u.lanes[src].branches, &branch{input: i})
		}
	}
	return u
}

// each calls f with every unit in order, until the edges have ended, f fails,
// or the run does. It reports whether some edge ended with input left.
// Whatever is held when it fails is counted as unsettled.
func (u *union) each(ctx context.Context, f func(unit) error) (stopped bool, err error) {
	if u.single {
		return u.only(ctx, f)
	}
	arrivals := make(chan arrival)
	ctx, cancel := context.WithCancelCause(ctx)
	var readers conc.WaitGroup
	for i, e := range u.inputs {
		readers.Go(func() { forward(ctx, i, e, arrivals) })
	}
	defer func() {
		cancel(err)
		readers.Wait()
		u.dropHeld()
	}()
	for open := len(u.inputs); open > 0; {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case a := <-arrivals:
			if a.ended {
				open--
				stopped = stopped || u.inputs[a.input].stopped
				if err := u.end(a.input, f); err != nil {
					return false, err
				}
				continue
			}
			if err := u.arrive(a, f); err != nil {
				return false, err
			}
		}
	}
	return stopped, nil
}

func (u *union) only(ctx context.Context, f func(unit) error) (bool, error) {
	e := u.inputs[0]
	for {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case next, ok := <-e.units:
			if !ok {
				return e.stopped, nil
			}
			e.take(next)
			if err := f(next); err != nil {
				return false, err
			}
		}
	}
}

// forward passes an edge's units to the union, which owns them from then on.
func forward(ctx context.Context, input int, e *edge, to chan<- arrival) {
	for {
		a := arrival{input: input}
		select {
		case next, ok := <-e.units:
			a.unit, a.ended = next, !ok
		case <-ctx.Done():
			return
		}
		if !a.ended {
			e.take(a.unit)
		}
		select {
		case to <- a:
		case <-ctx.Done():
			if !a.ended {
				abandon(e.to, a.unit)
			}
			return
		}
		if a.ended {
			return
		}
	}
}

func (u *union) arrive(a arrival, f func(unit) error) error {
	if a.unit.tail {
		return f(a.unit)
	}
	l := u.lanes[a.unit.source]
	for _, b := range l.branches {
		if b.input == a.input {
			b.held = append(b.held, a.unit)
		}
	}
	return l.advance(u.closed, f)
}

// end marks an input as closed. It leaves each lane when what it had brought is
// out.
func (u *union) end(input int, f func(unit) error) error {
	u.closed[input] = true
	for _, l := range u.lanes {
		if err := l.advance(u.closed, f); err != nil {
			return err
		}
	}
	return nil
}

func (u *union) dropHeld() {
	for _, l := range u.lanes {
		for _, b := range l.branches {
			b.abandon(u.inputs[b.input].to)
		}
	}
}

// abandon counts the rows of a unit that a stage had taken and can't go on with.
func abandon(s *stage, u unit) {
	s.tally.Unsettled.Add(u.rows())
	u.release()
}
