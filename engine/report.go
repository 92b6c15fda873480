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

// Values are the states that there are.
func (Status) Values() []string {
	return []string{string(Running), string(Done), string(DoneWithRejects), string(Failed), string(Interrupted)}
}

// Words is the status as people say it.
func (s Status) Words() string {
	if s == DoneWithRejects {
		return "done, with rejected rows"
	}
	return string(s)
}

// Report is what a run did: the ledger, what it cost, and how it ended. The
// documentation of its JSON form is made of the doc tags, here as in all that
// commands write for programs.
type Report struct {
	Pipeline     string            `json:"pipeline" doc:"The pipeline's name."`
	DryRun       bool              `json:"dry_run,omitempty" doc:"Nothing was written: rows that reached a sink are in would_write."`
	Run          string            `json:"run" doc:"The run's id, which a resumed run keeps."`
	Status       Status            `json:"status" doc:"How the run ended."`
	Error        string            `json:"error,omitempty" doc:"Why the run failed."`
	Started      time.Time         `json:"started" doc:"When this process began to run the pipeline."`
	RunStart     time.Time         `json:"run_start" doc:"What timestamp() gives: when the run began, which a resumed run keeps."`
	Seconds      float64           `json:"seconds" doc:"How long it took, in seconds."`
	Rejects      int64             `json:"rejects" doc:"Rows that were rejected, of all nodes."`
	FirstReject  string            `json:"first_reject,omitempty" doc:"Where and why the first row was rejected."`
	DeadLetter   string            `json:"dead_letter,omitempty" doc:"The file that has the rejected rows, when there are any."`
	FirstRejects []string          `json:"first_rejects,omitempty" doc:"The first rows that were rejected, of a dry run."`
	Unsettled    int64             `json:"unsettled" doc:"Rows that were read, and neither written nor rejected when the run ended: only of a run that failed or was interrupted."`
	Plan         *PlanReport       `json:"plan,omitempty" doc:"How far the plan was off that the run was given with --plan; only of a run that came to its end."`
	Checkpoint   *CheckpointReport `json:"checkpoint,omitempty" doc:"What the run has saved last, or goes on from."`
	Nodes        []NodeReport      `json:"nodes" doc:"The nodes, with their ledger and what they asked of services."`
	Edges        []EdgeReport      `json:"edges" doc:"What went from one node to another."`
}

// CheckpointReport is where a run that does not come to its end can go on from.
type CheckpointReport struct {
	Number  int64     `json:"number" doc:"How many checkpoints there were, through resumptions."`
	Saved   time.Time `json:"saved" doc:"When it was saved."`
	Resumed bool      `json:"resumed" doc:"The run itself went on from an earlier one."`
}

// NodeReport is one node's ledger and what it asked of services.
type NodeReport struct {
	Node            string              `json:"node" doc:"The node's address, as sink.file.out."`
	Kind            string              `json:"kind" values:"source transform sink" doc:"What kind of node it is."`
	In              int64               `json:"in" doc:"Rows that came from other nodes."`
	Read            int64               `json:"read" doc:"Rows that a source has read."`
	Made            int64               `json:"made" doc:"Rows that a transform made of others: elements beyond the first, groups."`
	Out             int64               `json:"out" doc:"Rows that went on to other nodes; one that several nodes read counts once."`
	Written         int64               `json:"written" doc:"Rows that a sink has written."`
	WouldWrite      int64               `json:"would_write,omitempty" doc:"Rows that a sink would have written, in a dry run."`
	Filtered        int64               `json:"filtered" doc:"Rows that ended as an expression of the pipeline says."`
	Coalesced       int64               `json:"coalesced" doc:"Rows that ended in another one: duplicates, groups."`
	Rejected        int64               `json:"rejected" doc:"Rows that went to the dead letter."`
	Unsettled       int64               `json:"unsettled" doc:"Rows that were under way when the run ended before its time."`
	Requests        int64               `json:"requests" doc:"Requests to a service."`
	Retries         int64               `json:"retries" doc:"Requests that were sent again."`
	Throttles       int64               `json:"throttles" doc:"Requests that were throttled."`
	Unprocessed     int64               `json:"unprocessed" doc:"Items or keys that DynamoDB gave back, to be sent again."`
	Splits          int64               `json:"splits" doc:"Requests divided to find a row that spoils them."`
	BytesRead       int64               `json:"bytes_read,omitempty" doc:"Bytes of files that a source has read, as stored."`
	BytesTotal      int64               `json:"bytes_total,omitempty" doc:"Bytes that its files have, where that is known."`
	RowsTotal       int64               `json:"rows_total,omitempty" doc:"About how many rows a source has, where a service says."`
	Partitions      int64               `json:"partitions,omitempty" doc:"Parts of a source that are read in parallel, as the segments of a scan."`
	PartitionsDone  int64               `json:"partitions_done,omitempty" doc:"Parts that were read to their end."`
	Capacity        []progress.Consumed `json:"capacity,omitempty" doc:"Capacity that its requests took."`
	ThrottleReasons []progress.Throttle `json:"throttle_reasons,omitempty" doc:"Throttled requests by reason, where the service said why."`
	RequestSeconds  *progress.Histogram `json:"request_seconds,omitempty" doc:"How long its requests took, in seconds, until the answer or the error."`
	RequestItems    *progress.Histogram `json:"request_items,omitempty" doc:"How many items or keys were in its requests; of a scan, in the pages that came."`
	Warnings        []progress.Warning  `json:"warnings,omitempty" doc:"What was noticed while the run went on."`
}

// EdgeReport is what went from one node to another.
type EdgeReport struct {
	From     string `json:"from" doc:"The node that rows come from, with the output of a route."`
	To       string `json:"to" doc:"The node that they go to."`
	Sent     int64  `json:"sent" doc:"Rows that left the one."`
	Received int64  `json:"received" doc:"Rows that reached the other: as many, once a run has ended."`
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
		RequestSeconds: m.Seconds, RequestItems: m.Items,
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
