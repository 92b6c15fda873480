package htmlreport

import (
	"sync"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

const (
	// maxSamples bounds what is kept of a run of any length (promise 6), and is
	// about as much as a chart can show.
	maxSamples = 300
	// every is how many seconds samples are apart until they are thinned.
	every = 0.25
)

// counts is what one node had done at one moment.
type counts struct {
	rows, rejected, requests, retries, throttles int64
	units                                        float64 // of capacity
	busy                                         float64 // seconds spent in requests, of all of them that had ended
}

type sample struct {
	at    float64 // seconds since the start
	nodes []counts
}

// Recorder keeps how a run went over time. It may be used by several goroutines.
type Recorder struct {
	mu      sync.Mutex
	busy    map[string]float64
	samples []sample
	every   float64
}

// NewRecorder is a recorder of one run.
func NewRecorder() *Recorder {
	return &Recorder{busy: map[string]float64{}, every: every}
}

// Requested is told of each request of the run.
func (r *Recorder) Requested(q progress.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[q.Node] += q.Duration.Seconds()
}

// Add takes a sample, unless the last one is too near.
func (r *Recorder) Add(report *engine.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.samples) - 1
	if report.Status == engine.Running && last >= 0 && report.Seconds < r.samples[last].at+r.every {
		return
	}
	if report.Started.IsZero() {
		return // nothing has moved, and a run that goes on has not taken up its counts
	}
	if last < 0 && !goesOn(report) {
		r.samples = append(r.samples, sample{nodes: make([]counts, len(report.Nodes))})
	}
	r.samples = append(r.samples, r.sample(report))
	if len(r.samples) > maxSamples {
		r.thin()
	}
}

// goesOn is whether a run has taken up what an earlier one counted.
func goesOn(report *engine.Report) bool { return report.Checkpoint != nil && report.Checkpoint.Resumed }

// sample is a report as one. mu is held.
func (r *Recorder) sample(report *engine.Report) sample {
	s := sample{at: report.Seconds, nodes: make([]counts, len(report.Nodes))}
	for i, n := range report.Nodes {
		c := counts{
			rows: n.Read + n.Written + n.WouldWrite, rejected: n.Rejected,
			requests: n.Requests, retries: n.Retries, throttles: n.Throttles, busy: r.busy[n.Node],
		}
		for _, used := range n.Capacity {
			c.units += used.Units
		}
		s.nodes[i] = c
	}
	return s
}

// thin drops every other sample but the first and the last. They count from
// the start, so that what was between two is kept. mu is held.
func (r *Recorder) thin() {
	kept := r.samples[:1]
	for i := 2; i < len(r.samples)-1; i += 2 {
		kept = append(kept, r.samples[i])
	}
	kept = append(kept, r.samples[len(r.samples)-1])
	clear(r.samples[len(kept):])
	r.samples, r.every = kept, r.every*2
}

// history is the samples so far.
func (r *Recorder) history() []sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sample(nil), r.samples...)
}
