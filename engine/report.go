package engine

import (
	"errors"
	"time"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// Status is how a run stands.
type Status string

// The states of a run. All but Running are final.
const (
	Running         Status = "running"
	Done            Status = "done"
	DoneWithRejects Status = "done_with_rejects" // within max_rejects
	Failed          Status = "failed"
	Interrupted     Status = "interrupted"
)

// Words is the status as people say it.
func (s Status) Words() string {
	if s == DoneWithRejects {
		return "done, with rejected rows"
	}
	return string(s)
}

// Report is what a run did: the ledger, what it cost, and how it ended.
type Report struct {
	Pipeline string `json:"pipeline"`
	// DryRun says that nothing was written: rows at sinks are in would_write.
	DryRun  bool      `json:"dry_run,omitempty"`
	Run     string    `json:"run"`
	Status  Status    `json:"status"`
	Error   string    `json:"error,omitempty"`
	Started time.Time `json:"started"`
	// RunStart is what timestamp() gives.
	RunStart time.Time `json:"run_start"`
	Seconds  float64   `json:"seconds"`
	Rejects  int64     `json:"rejects"`
	// FirstReject and DeadLetter are set when there are rejects.
	FirstReject string `json:"first_reject,omitempty"` // where and why
	DeadLetter  string `json:"dead_letter,omitempty"`
	// FirstRejects are more of them, of a dry run.
	FirstRejects []string `json:"first_rejects,omitempty"`
	Unsettled    int64    `json:"unsettled"`
	// Checkpoint is what the run has saved last, or goes on from.
	Checkpoint *CheckpointReport `json:"checkpoint,omitempty"`
	Nodes      []NodeReport      `json:"nodes"`
	Edges      []EdgeReport      `json:"edges"`
}

// CheckpointReport is where a run that does not come to its end can go on from.
type CheckpointReport struct {
	Number  int64     `json:"number"` // through resumptions
	Saved   time.Time `json:"saved"`
	Resumed bool      `json:"resumed"` // the run itself went on from an earlier one
}

// NodeReport is one node's ledger and what it asked of services.
type NodeReport struct {
	Node        string `json:"node"`
	Kind        string `json:"kind"`
	In          int64  `json:"in"`
	Read        int64  `json:"read"`
	Made        int64  `json:"made"`
	Out         int64  `json:"out"`
	Written     int64  `json:"written"`
	WouldWrite  int64  `json:"would_write,omitempty"` // in place of written, of a dry run
	Filtered    int64  `json:"filtered"`
	Coalesced   int64  `json:"coalesced"`
	Rejected    int64  `json:"rejected"`
	Unsettled   int64  `json:"unsettled"`
	Requests    int64  `json:"requests"`
	Retries     int64  `json:"retries"`
	Throttles   int64  `json:"throttles"`
	Unprocessed int64  `json:"unprocessed"`
	Splits      int64  `json:"splits"`
	BytesRead   int64  `json:"bytes_read,omitempty"`
	BytesTotal  int64  `json:"bytes_total,omitempty"`
	RowsTotal   int64  `json:"rows_total,omitempty"`
	// Partitions is how many parts of a source are read in parallel, as the
	// segments of a scan, and PartitionsDone how many of them to their end.
	Partitions     int64               `json:"partitions,omitempty"`
	PartitionsDone int64               `json:"partitions_done,omitempty"`
	Capacity       []progress.Consumed `json:"capacity,omitempty"`
	// ThrottleReasons has the throttles by reason.
	ThrottleReasons []progress.Throttle `json:"throttle_reasons,omitempty"`
	Warnings        []progress.Warning  `json:"warnings,omitempty"`
}

// EdgeReport is what went from one node to another.
type EdgeReport struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Sent     int64  `json:"sent"`
	Received int64  `json:"received"`
}

// Report is the run as it stands now. It may be called at any time, also while
// the run goes on; the counts of different nodes are then from slightly
// different moments.
func (e *Engine) Report() *Report {
	e.mu.Lock()
	r := &Report{
		Pipeline: e.plan.Name, Run: e.options.Run.ID, Status: e.status,
		Started: e.started, RunStart: e.options.Run.Start, Seconds: e.seconds(),
	}
	if e.failure != nil {
		r.Error = e.failure.Error()
	}
	e.mu.Unlock()
	r.Unsettled = e.unsettled()
	r.Rejects, r.FirstReject = e.dead.rejected()
	if r.Rejects > 0 {
		r.DeadLetter = e.plan.Settings.DeadLetter
	}
	if state := e.checkpoints.kept(); state != nil {
		r.Checkpoint = &CheckpointReport{Number: state.Number, Saved: state.Saved, Resumed: e.options.Checkpoints.Resume != nil}
	}
	for _, s := range e.stages {
		r.Nodes = append(r.Nodes, s.report())
	}
	for _, link := range e.edges {
		from := link.from.node.Address
		if link.output != "" {
			from += "." + link.output
		}
		r.Edges = append(r.Edges, EdgeReport{
			From: from, To: link.to.node.Address, Sent: link.sent.Load(), Received: link.received.Load(),
		})
	}
	return r
}

func (s *stage) report() NodeReport {
	m, t := s.meter.Snapshot(), &s.tally
	r := NodeReport{
		Node: s.node.Address, Kind: kindName(s.node.Kind),
		In: t.In.Load(), Read: t.Read.Load(), Made: t.Made.Load(), Out: t.Out.Load(),
		Written: t.Written.Load(), Filtered: t.Filtered.Load(), Coalesced: t.Coalesced.Load(),
		Rejected: t.Rejected.Load(), Unsettled: t.Unsettled.Load(),
		Requests: m.Requests, Retries: m.Retries, Throttles: m.Throttles, Unprocessed: m.Unprocessed, Splits: m.Splits,
		BytesRead: m.BytesRead, BytesTotal: m.BytesTotal, RowsTotal: m.RowsTotal,
		Capacity: m.Capacity, ThrottleReasons: m.ThrottleReasons, Warnings: m.Warnings,
	}
	if source, ok := s.run.(*sourceStage); ok {
		r.Partitions, r.PartitionsDone = source.partitions.Load(), source.done.Load()
	}
	return r
}

func kindName(k plan.Kind) string {
	switch k {
	case plan.Source:
		return "source"
	case plan.Transform:
		return "transform"
	default:
		return "sink"
	}
}

// seconds is how long the run took, or has taken so far. mu is held.
func (e *Engine) seconds() float64 {
	switch {
	case e.started.IsZero():
		return 0
	case e.ended.IsZero():
		return time.Since(e.started).Seconds()
	default:
		return e.ended.Sub(e.started).Seconds()
	}
}

// end records how the run ended.
func (e *Engine) end(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended, e.failure = time.Now(), err
	switch {
	case errors.Is(err, ErrAborted):
		e.status = Interrupted // by the second signal
	case err != nil:
		e.status = Failed
	case e.stopping.Load():
		e.status = Interrupted
	case e.dead.rejects() > 0:
		e.status = DoneWithRejects
	default:
		e.status = Done
	}
}
