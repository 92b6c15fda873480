package engine

import (
	"context"
	"slices"

	"github.com/sourcegraph/conc"
)

// arrival is a unit on one of a stage's edges, or the end of that edge.
type arrival struct {
	input int
	unit  unit
	ended bool
}

// union reads the edges into one stage. Units of one source that reach the
// stage over several edges are taken from each in turn, so that they leave in
// the order they were read: all edges bring the same units in the same order,
// because every node makes one unit of one. Units of different sources come as
// they come.
//
// What arrives out of turn is held. That is bounded, though no limit stands
// here: a source sends a unit on all its edges before the next one, so one
// path is never further ahead of another than what their channels hold.
type union struct {
	inputs []*edge
	closed []bool // by input
	turns  map[*stage]*turn
	held   map[*stage][][]unit // by source, then by input
}

// turn says whose unit of a source comes next.
type turn struct {
	inputs []int // the inputs that carry the source, still open
	next   int   // index into inputs
}

func newUnion(inputs []*edge) *union {
	u := &union{inputs: inputs, closed: make([]bool, len(inputs)), turns: map[*stage]*turn{}, held: map[*stage][][]unit{}}
	for i, e := range inputs {
		for _, s := range e.from.sources {
			t := u.turns[s]
			if t == nil {
				t = &turn{}
				u.turns[s] = t
				u.held[s] = make([][]unit, len(inputs))
			}
			t.inputs = append(t.inputs, i)
		}
	}
	return u
}

// each calls f with every unit in order, until the edges have ended, f fails,
// or the run does. It reports whether some edge ended with input left.
// Whatever is held when it fails is counted as unsettled.
func (u *union) each(ctx context.Context, f func(unit) error) (stopped bool, err error) {
	if len(u.inputs) == 1 {
		return u.single(ctx, f)
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

func (u *union) single(ctx context.Context, f func(unit) error) (bool, error) {
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
	s := a.unit.source
	u.held[s][a.input] = append(u.held[s][a.input], a.unit)
	return u.advance(s, f)
}

// end marks an input as closed. It leaves each source's turn when its turn
// comes and what it had brought is out.
func (u *union) end(input int, f func(unit) error) error {
	u.closed[input] = true
	for s := range u.turns {
		if err := u.advance(s, f); err != nil {
			return err
		}
	}
	return nil
}

// advance lets out the units of a source whose turn has come.
func (u *union) advance(s *stage, f func(unit) error) error {
	t := u.turns[s]
	for len(t.inputs) > 0 {
		t.next %= len(t.inputs)
		in := t.inputs[t.next]
		waiting := u.held[s][in]
		if len(waiting) == 0 {
			if !u.closed[in] {
				return nil
			}
			t.inputs = slices.Delete(t.inputs, t.next, t.next+1)
			continue
		}
		next := waiting[0]
		u.held[s][in] = waiting[1:]
		if next.last {
			// What the inputs bring of one unit leaves as parts of one unit,
			// which end with the last input's.
			next.last = t.next == len(t.inputs)-1
			t.next++
		}
		if err := f(next); err != nil {
			return err
		}
	}
	return nil
}

func (u *union) dropHeld() {
	for _, byInput := range u.held {
		for i, units := range byInput {
			for _, held := range units {
				abandon(u.inputs[i].to, held)
			}
		}
	}
}

// abandon counts the rows of a unit that a stage had taken and can't go on with.
func abandon(s *stage, u unit) {
	s.tally.Unsettled.Add(u.rows())
	u.release()
}
