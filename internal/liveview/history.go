package liveview

import (
	"math"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

const (
	// window is the time that a speed is measured over: long enough to be steady,
	// short enough to follow.
	window = 5 * time.Second
	// settling is the time over which a queue is averaged: its length changes
	// with each batch.
	settling = time.Second
)

// sample is what the nodes had done at one moment.
type sample struct {
	at    time.Duration // since the start
	nodes []done
}

type done struct {
	rows, throttles int64
	units           float64 // of capacity
}

// history is what the nodes did of late.
type history struct {
	samples []sample // the first is at least a window old, or the oldest there is
	fills   []float64
}

func sampleOf(r *engine.Report, at time.Duration) sample {
	s := sample{at: at, nodes: make([]done, len(r.Nodes))}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		s.nodes[i] = done{rows: n.In + n.Read, throttles: n.Throttles + n.Unprocessed}
		for _, c := range n.Capacity {
			s.nodes[i].units += c.Units
		}
	}
	return s
}

// add takes a sample. The one before it says how long the queues have been like
// this.
func (h *history) add(s sample, edges []engine.EdgeLive) {
	past := time.Duration(0)
	if last := len(h.samples) - 1; last >= 0 {
		past = s.at - h.samples[last].at
	}
	if len(h.fills) != len(edges) {
		h.fills = make([]float64, len(edges))
	}
	weight := 1 - math.Exp(-past.Seconds()/settling.Seconds())
	for i, e := range edges {
		now := float64(e.Waiting) / float64(max(e.Capacity, 1))
		h.fills[i] += (now - h.fills[i]) * weight
	}
	h.samples = append(h.samples, s)
	for len(h.samples) > 2 && s.at-h.samples[1].at >= window {
		h.samples = h.samples[1:]
	}
}

// lately is what a node did in the last window, and how many seconds that is.
func (h *history) lately(node int) (d done, seconds float64) {
	if len(h.samples) < 2 {
		return done{}, 0
	}
	first, last := h.samples[0], h.samples[len(h.samples)-1]
	a, b := first.nodes[node], last.nodes[node]
	return done{rows: b.rows - a.rows, throttles: b.throttles - a.throttles, units: b.units - a.units}, (last.at - first.at).Seconds()
}

// per is n in a second.
func per(n, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return max(n/seconds, 0)
}
