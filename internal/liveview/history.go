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
	// settling is the time over which is averaged what changes with each batch.
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
	samples []sample  // the first is at least a window old, or the oldest there is
	fills   []float64 // of the queues
	savings []float64 // the share of time in which nodes waited for their budgets
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

// add takes a sample. The one before it says how long things have been like
// this.
func (h *history) add(s sample, live engine.Live) {
	past := time.Duration(0)
	if last := len(h.samples) - 1; last >= 0 {
		past = s.at - h.samples[last].at
	}
	h.fills = averaged(h.fills, len(live.Edges), past, func(i int) float64 {
		return float64(live.Edges[i].Waiting) / float64(max(live.Edges[i].Capacity, 1))
	})
	h.savings = averaged(h.savings, len(live.Nodes), past, func(i int) float64 {
		return float64(min(live.Nodes[i].Saving, 1))
	})
	h.samples = append(h.samples, s)
	for len(h.samples) > 2 && s.at-h.samples[1].at >= window {
		h.samples = h.samples[1:]
	}
}

// averaged are averages over the time of settling, after things have been as now
// says for some time.
func averaged(averages []float64, n int, past time.Duration, now func(i int) float64) []float64 {
	if len(averages) != n {
		averages = make([]float64, n)
	}
	weight := 1 - math.Exp(-past.Seconds()/settling.Seconds())
	for i := range averages {
		averages[i] += (now(i) - averages[i]) * weight
	}
	return averages
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

// capacity is units in a second. A budget may be spent at the beginning of each
// second, so that so many seconds see it spent once more: that is within it.
func capacity(units, seconds, budget float64) float64 {
	if units <= budget*(seconds+1) {
		return min(per(units, seconds), budget)
	}
	return per(units, seconds)
}
