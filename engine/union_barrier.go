package engine

import (
	"slices"

	"github.com/dynapipe/dynapipe/transforms"
)

// gates is, for each input, what its reader waits at behind a barrier, so that
// no more is held than must be (promise 6); nil for an input that is read on.
// That is one that shares a source with another: the one that is behind may need
// what the source sends after the barrier. And all are when some transform before
// them holds rows back until others come, and with them the barrier.
func gates(inputs []*edge) []chan struct{} {
	all := make([]chan struct{}, len(inputs))
	if slices.ContainsFunc(inputs, func(e *edge) bool { return e.from.mayHold() }) {
		return all
	}
	for i, e := range inputs {
		shares := slices.ContainsFunc(inputs, func(other *edge) bool {
			return other != e && slices.ContainsFunc(other.from.sources, func(s *stage) bool { return slices.Contains(e.from.sources, s) })
		})
		if !shares {
			all[i] = make(chan struct{}, 1)
		}
	}
	return all
}

// mayHold reports that the stage, or one before it, holds units back.
func (s *stage) mayHold() bool {
	if t, ok := s.run.(*transformStage); ok {
		if _, holds := t.transform.(transforms.Flusher); holds {
			return true
		}
	}
	return slices.ContainsFunc(s.inputs, func(e *edge) bool { return e.from.mayHold() })
}

// pass lets a barrier go when it has come on every open input, and then what
// came behind it.
func (u *union) pass(f func(unit) error) error {
	if u.barrier == nil {
		return nil
	}
	for i := range u.inputs {
		if !u.barred[i] && !u.closed[i] {
			return nil
		}
	}
	mark := unit{barrier: u.barrier}
	u.barrier = nil
	if err := f(mark); err != nil {
		return err
	}
	var behind []arrival
	for i := range u.inputs {
		if u.barred[i] && u.gates[i] != nil {
			u.gates[i] <- struct{}{}
		}
		behind = append(behind, u.behind[i]...)
		u.barred[i], u.behind[i] = false, nil
	}
	for i, a := range behind {
		if err := u.arrive(a, f); err != nil {
			u.drop(behind[i+1:])
			return err
		}
	}
	return nil
}

// drop counts what arrived and goes no further.
func (u *union) drop(arrivals []arrival) {
	for _, a := range arrivals {
		if !a.ended {
			abandon(u.inputs[a.input].to, a.unit)
		}
	}
}
