package engine

import (
	"slices"
	"testing"

	"github.com/dynapipe/dynapipe/transforms"
)

// What comes behind a barrier on one input, of a source that the other does not
// bring, waits until the barrier has come on both. Then all goes on in order.
func TestWhatComesBehindABarrierWaits(t *testing.T) {
	a, b := &stage{run: &sourceStage{}}, &stage{run: &sourceStage{}}
	a.sources, b.sources = []*stage{a}, []*stage{b}
	both := &stage{sources: []*stage{a, b}, run: &transformStage{}}
	to := &stage{}
	one, two := &edge{from: a, to: to}, &edge{from: both, to: to}
	to.inputs = []*edge{one, two}
	u := newUnion(to)
	var went []string
	f := func(got unit) error {
		switch {
		case got.barrier != nil:
			went = append(went, "barrier")
		case got.source == a:
			went = append(went, "a")
		default:
			went = append(went, "b")
		}
		return nil
	}
	first, second := &barrier{}, &barrier{}
	for _, arrives := range []arrival{
		{input: 1, unit: unit{source: b, last: true}},
		{input: 1, unit: unit{barrier: first}},
		{input: 1, unit: unit{source: b, number: 1, last: true}},
		{input: 1, unit: unit{source: a, last: true}},
		{input: 1, unit: unit{barrier: second}},
		{input: 1, ended: true},
		{input: 0, unit: unit{barrier: first}},
		{input: 0, unit: unit{source: a, last: true}},
		{input: 0, ended: true},
	} {
		if err := u.arrive(arrives, f); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"b", "barrier", "b", "a", "barrier"}; !slices.Equal(went, want) || u.open != 0 {
		t.Errorf("went %q, not %q; %d inputs are open", went, want, u.open)
	}
}

// A reader waits at a gate unless what others bring may depend on its going on.
func TestGates(t *testing.T) {
	source := func() *stage { s := &stage{run: &sourceStage{}}; s.sources = []*stage{s}; return s }
	through := func(transform transforms.Transform, from ...*stage) *stage {
		s := &stage{run: &transformStage{transform: transform}}
		for _, f := range from {
			s.inputs = append(s.inputs, &edge{from: f, to: s})
			s.sources = append(s.sources, f.sources...)
		}
		return s
	}
	a, b, c := source(), source(), source()
	for name, test := range map[string]struct {
		from []*stage
		want []bool // there is a gate
	}{
		"two sources":                 {[]*stage{a, b}, []bool{true, true}},
		"two branches of one":         {[]*stage{a, through(nil, a)}, []bool{false, false}},
		"two branches and another":    {[]*stage{a, through(nil, a), c}, []bool{false, false, true}},
		"branches that share in part": {[]*stage{through(nil, a, b), through(nil, b, c)}, []bool{false, false}},
		"one that holds units back":   {[]*stage{through(holder{}, a), b}, []bool{false, false}},
		"behind one that holds them":  {[]*stage{through(nil, through(holder{}, a)), b}, []bool{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			to := through(nil, test.from...)
			for i, gate := range gates(to.inputs) {
				if (gate != nil) != test.want[i] {
					t.Errorf("input %d: %v", i, gate != nil)
				}
			}
		})
	}
}

// holder holds units back.
type holder struct{ transforms.Flusher }
