package liveview

import (
	"maps"
	"slices"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
)

func TestSlowest(t *testing.T) {
	// Three in a row: each edge is {from, to}.
	row := [][2]int{{0, 1}, {1, 2}}
	fork := [][2]int{{0, 1}, {0, 2}}
	// Both ways from 0 meet in 3.
	diamond := [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}}
	two := [][2]int{{0, 2}, {1, 2}}
	for name, c := range map[string]struct {
		edges    [][2]int
		fills    []float64
		ended    []int
		stopping bool
		want     []int
	}{
		"the sink":                              {edges: row, fills: []float64{1, 1}, want: []int{2}},
		"what is between":                       {edges: row, fills: []float64{1, 0}, want: []int{1}},
		"the source":                            {edges: row, fills: []float64{0, 0.2}, want: []int{0}},
		"in balance":                            {edges: row, fills: []float64{0.5, 0.4}},
		"no more is read":                       {edges: row, fills: []float64{0, 0}, ended: []int{0}},
		"it is to stop":                         {edges: row, fills: []float64{0, 0}, stopping: true},
		"one of two sinks":                      {edges: fork, fills: []float64{1, 0.1}, want: []int{1}},
		"a way behind it waits for the other":   {edges: diamond, fills: []float64{1, 0, 0, 1}, want: []int{1}},
		"where ways meet":                       {edges: diamond, fills: []float64{1, 1, 1, 1}, want: []int{3}},
		"a sink of two sources":                 {edges: two, fills: []float64{1, 0}, want: []int{2}},
		"a sink of two, one of which has ended": {edges: two, fills: []float64{0, 1}, ended: []int{0}, want: []int{2}},
		"two sources":                           {edges: two, fills: []float64{0, 0}, want: []int{0, 1}},
	} {
		live := engine.Live{Stopping: c.stopping}
		for _, e := range c.edges {
			live.Edges = append(live.Edges, engine.EdgeLive{From: e[0], To: e[1], Capacity: 4})
			for len(live.Nodes) <= max(e[0], e[1]) {
				live.Nodes = append(live.Nodes, engine.NodeLive{})
			}
		}
		for _, n := range c.ended {
			live.Nodes[n].Ended = true
		}
		if got := slices.Sorted(maps.Keys(newGraph(live, c.fills).slowest())); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

// Of many diamonds in a row each node is looked at once for each edge.
func TestManyWays(t *testing.T) {
	live := engine.Live{Nodes: make([]engine.NodeLive, 1)}
	for range 60 {
		last := len(live.Nodes) - 1
		live.Nodes = append(live.Nodes, make([]engine.NodeLive, 3)...)
		for _, e := range [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}} {
			live.Edges = append(live.Edges, engine.EdgeLive{From: last + e[0], To: last + e[1], Waiting: 4, Capacity: 4})
		}
	}
	fills := slices.Repeat([]float64{1}, len(live.Edges))
	if got := newGraph(live, fills).slowest(); len(got) != 1 || !got[180] {
		t.Errorf("%v", got)
	}
}
