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
// A barrier leaves when it has come on every input that is open. What is behind
// it on some input is held until then, or waits in the edge where nothing that
// is still to come on another can depend on it.
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
	open   int
	// stopped says that some edge has ended with input left.
	stopped bool
	// A barrier has come on some inputs and not yet on all: barred says on
	// which, behind has what came there after it, by input.
	barrier *barrier
	barred  []bool
	behind  [][]arrival
	gates   []chan struct{}
}

// newUnion is the union of a stage's inputs.
func newUnion(s *stage) *union {
	n := len(s.inputs)
	u := &union{
		inputs: s.inputs, open: n, closed: make([]bool, n), lanes: map[*stage]*lane{}, single: n == 1,
		barred: make([]bool, n), behind: make([][]arrival, n), gates: gates(s.inputs),
	}
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
		readers.Go(func() { forward(ctx, i, e, arrivals, u.gates[i]) })
	}
	defer func() {
		cancel(err)
		readers.Wait()
		u.dropHeld()
	}()
	for u.open > 0 {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case a := <-arrivals:
			if err := u.arrive(a, f); err != nil {
				return false, err
			}
		}
	}
	return u.stopped, nil
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
// Behind a barrier it waits at the gate, if there is one.
func forward(ctx context.Context, input int, e *edge, to chan<- arrival, gate <-chan struct{}) {
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
		if a.unit.barrier == nil || gate == nil {
			continue
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return
		}
	}
}

func (u *union) arrive(a arrival, f func(unit) error) error {
	switch {
	case u.barred[a.input]:
		u.behind[a.input] = append(u.behind[a.input], a)
		return nil
	case a.unit.barrier != nil:
		u.barrier, u.barred[a.input] = a.unit.barrier, true
		return u.pass(f)
	case a.ended:
		return u.end(a.input, f)
	}
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
	u.open--
	u.stopped = u.stopped || u.inputs[input].stopped
	u.closed[input] = true
	for _, l := range u.lanes {
		if err := l.advance(u.closed, f); err != nil {
			return err
		}
	}
	return u.pass(f)
}

func (u *union) dropHeld() {
	for _, arrivals := range u.behind {
		u.drop(arrivals)
	}
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
