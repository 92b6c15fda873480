package liveview

import (
	"maps"

	"github.com/dynapipe/dynapipe/engine"
)

const (
	// full is the average share of a queue from which on the node behind it
	// holds up those before it.
	full = 0.75
	// low is the share below which a queue's node waits for rows.
	low = 0.25
)

// graph is how the nodes of a run hang together.
type graph struct {
	live  engine.Live
	fills []float64 // of the edges
	// sources are, of each node, those from which rows come to it.
	sources []map[int]bool
}

func newGraph(live engine.Live, fills []float64) *graph {
	g := &graph{live: live, fills: fills, sources: make([]map[int]bool, len(live.Nodes))}
	for i := range live.Nodes { // upstream first
		g.sources[i] = map[int]bool{}
		for _, e := range live.Edges {
			if e.To == i {
				maps.Copy(g.sources[i], g.sources[e.From])
			}
		}
		if len(g.sources[i]) == 0 {
			g.sources[i][i] = true
		}
	}
	return g
}

// queue is how full it is before a node; ok is false where nothing leads to it.
// Rows of one source that come on several ways are put in order again: while one
// of them brings none the others wait for it, and not for the node. So of the
// ways from one source the emptiest counts, and of several sources the fullest.
func (g *graph) queue(node int) (fill float64, ok bool) {
	lanes := map[int]float64{}
	for i, e := range g.live.Edges {
		if e.To != node {
			continue
		}
		ok = true
		if g.live.Nodes[e.From].Ended && e.Waiting == 0 {
			continue // it brings no more
		}
		for source := range g.sources[e.From] {
			if f, seen := lanes[source]; !seen || g.fills[i] < f {
				lanes[source] = g.fills[i]
			}
		}
	}
	for _, f := range lanes {
		fill = max(fill, f)
	}
	return fill, ok
}

// behind is how full the fullest queue behind a node is; ok is false when none
// leads anywhere.
func (g *graph) behind(node int) (fill float64, ok bool) {
	for i, e := range g.live.Edges {
		if e.From == node && !g.live.Nodes[e.To].Ended {
			fill, ok = max(fill, g.fills[i]), true
		}
	}
	return fill, ok
}

// slowest are the nodes that the others wait for: rows pile up before them, and
// not behind them. Where they pile up nowhere, that is the sources.
func (g *graph) slowest() map[int]bool {
	slow, held := map[int]bool{}, false
	for i, n := range g.live.Nodes {
		fill, ok := g.queue(i)
		if n.Ended || !ok || fill < low {
			continue
		}
		held = true
		if next, _ := g.behind(i); fill >= full && next < full {
			slow[i] = true
		}
	}
	if held || g.live.Stopping {
		return slow
	}
	for i, n := range g.live.Nodes {
		_, leads := g.queue(i)
		if _, ok := g.behind(i); ok && !leads && !n.Ended {
			slow[i] = true
		}
	}
	return slow
}
