// Package metrics tells a run's counters to Prometheus, in its text format:
// https://prometheus.io/docs/instrumenting/exposition_formats/
//
//	metrics.go  what is told, and how it is written
//	server.go   where it is asked for
//
// The ADR of 2026-11-27, "Metrics in the text format", says why no library does it.
package metrics

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// Metric is one name with its samples.
type Metric struct {
	Name, Help string
	Gauge      bool // else a counter, which only grows
	Labels     []string
	each       func(r *engine.Report, add func(value float64, labels ...string))
	histogram  func(n *engine.NodeReport) *progress.Histogram // of each node, in place of each
}

// Kind is the metric's type, as Prometheus calls it.
func (m Metric) Kind() string {
	switch {
	case m.histogram != nil:
		return "histogram"
	case m.Gauge:
		return "gauge"
	}
	return "counter"
}

// Metrics is all that is told, in the order in which it is.
func Metrics() []Metric {
	return []Metric{
		{Name: "dynapipe_run_info", Help: "1, with the version and the run that go on.", Gauge: true, Labels: []string{"pipeline", "run", "version"}},
		ofRun("dynapipe_run_start_time_seconds", "When the run began, in seconds since 1970.", true, func(r *engine.Report) float64 {
			if r.Started.IsZero() {
				return 0 // it is about to
			}
			return float64(r.Started.UnixMilli()) / 1000
		}),
		ofRun("dynapipe_run_rows_rejected_total", "Rows rejected by all nodes.", false, func(r *engine.Report) float64 { return float64(r.Rejects) }),
		ofRun("dynapipe_run_checkpoints_total", "The number of the last checkpoint that was saved, through resumptions.", false, func(r *engine.Report) float64 {
			if r.Checkpoint == nil {
				return 0
			}
			return float64(r.Checkpoint.Number)
		}),
		counter("dynapipe_rows_read_total", "Rows that a source has read.", func(n *engine.NodeReport) int64 { return n.Read }),
		counter("dynapipe_rows_in_total", "Rows that came to a transform or sink.", func(n *engine.NodeReport) int64 { return n.In }),
		counter("dynapipe_rows_made_total", "Rows that a transform made of others.", func(n *engine.NodeReport) int64 { return n.Made }),
		counter("dynapipe_rows_out_total", "Rows that went on to other nodes.", func(n *engine.NodeReport) int64 { return n.Out }),
		counter("dynapipe_rows_written_total", "Rows that a sink has written.", func(n *engine.NodeReport) int64 { return n.Written }),
		counter("dynapipe_rows_would_write_total", "Rows that a sink would have written, in a dry run.", func(n *engine.NodeReport) int64 { return n.WouldWrite }),
		counter("dynapipe_rows_filtered_total", "Rows that ended as an expression of the pipeline says.", func(n *engine.NodeReport) int64 { return n.Filtered }),
		counter("dynapipe_rows_coalesced_total", "Rows that ended in another one: duplicates, groups.", func(n *engine.NodeReport) int64 { return n.Coalesced }),
		counter("dynapipe_rows_rejected_total", "Rows that went to the dead letter.", func(n *engine.NodeReport) int64 { return n.Rejected }),
		{Name: "dynapipe_rows_in_flight", Help: "Rows that a node has and that have not ended or gone on.", Gauge: true, Labels: []string{"node"}, each: ofNodes((*engine.NodeReport).InFlight)},
		{Name: "dynapipe_rows_queued", Help: "Rows between two nodes.", Gauge: true, Labels: []string{"from", "to"}, each: func(r *engine.Report, add func(float64, ...string)) {
			for _, e := range r.Edges {
				add(float64(max(e.Sent-e.Received, 0)), e.From, e.To)
			}
		}},
		counter("dynapipe_requests_total", "Requests to a service.", func(n *engine.NodeReport) int64 { return n.Requests }),
		counter("dynapipe_retries_total", "Requests that were sent again.", func(n *engine.NodeReport) int64 { return n.Retries }),
		counter("dynapipe_throttles_total", "Requests that were throttled.", func(n *engine.NodeReport) int64 { return n.Throttles }),
		{Name: "dynapipe_throttles_by_reason_total", Help: "Requests that were throttled, where the service said why.", Labels: []string{"node", "reason", "resource"}, each: func(r *engine.Report, add func(float64, ...string)) {
			for _, n := range r.Nodes {
				for _, t := range n.ThrottleReasons {
					add(float64(t.Count), n.Node, t.Reason, t.Resource)
				}
			}
		}},
		counter("dynapipe_unprocessed_total", "Items or keys that DynamoDB gave back, to be sent again.", func(n *engine.NodeReport) int64 { return n.Unprocessed }),
		counter("dynapipe_splits_total", "Requests divided to find a row that spoils them.", func(n *engine.NodeReport) int64 { return n.Splits }),
		{Name: "dynapipe_capacity_units_total", Help: "Capacity units that requests have taken, of a table or an index of it.", Labels: []string{"node", "table", "index"}, each: func(r *engine.Report, add func(float64, ...string)) {
			for _, n := range r.Nodes {
				for _, c := range n.Capacity {
					add(c.Units, n.Node, c.Table, c.Index)
				}
			}
		}},
		histogram("dynapipe_request_seconds", "How long requests took, in seconds, until the answer or the error.", func(n *engine.NodeReport) *progress.Histogram { return n.RequestSeconds }),
		histogram("dynapipe_request_items", "Items or keys in requests; of a scan, in the pages that came.", func(n *engine.NodeReport) *progress.Histogram { return n.RequestItems }),
		counter("dynapipe_bytes_read_total", "Bytes of files that a source has read.", func(n *engine.NodeReport) int64 { return n.BytesRead }),
	}
}

func ofRun(name, help string, gauge bool, value func(*engine.Report) float64) Metric {
	return Metric{Name: name, Help: help, Gauge: gauge, each: func(r *engine.Report, add func(float64, ...string)) { add(value(r)) }}
}

// counter is a count of each node.
func counter(name, help string, of func(*engine.NodeReport) int64) Metric {
	return Metric{Name: name, Help: help, Labels: []string{"node"}, each: ofNodes(of)}
}

func histogram(name, help string, of func(*engine.NodeReport) *progress.Histogram) Metric {
	return Metric{Name: name, Help: help, Labels: []string{"node", "le"}, histogram: of}
}

func ofNodes(of func(*engine.NodeReport) int64) func(*engine.Report, func(float64, ...string)) {
	return func(r *engine.Report, add func(float64, ...string)) {
		for i := range r.Nodes {
			add(float64(of(&r.Nodes[i])), r.Nodes[i].Node)
		}
	}
}

// Write writes a report as Prometheus reads it. mask hides secrets (promise 8).
func Write(w io.Writer, r *engine.Report, version string, mask func(string) string) error {
	var b bytes.Buffer
	for _, m := range Metrics() {
		b.WriteString("# HELP " + m.Name + " " + m.Help + "\n# TYPE " + m.Name + " " + m.Kind() + "\n")
		sample := func(suffix string, value float64, labels ...string) {
			b.WriteString(m.Name + suffix)
			for i, l := range labels {
				if i == 0 {
					b.WriteByte('{')
				} else {
					b.WriteByte(',')
				}
				b.WriteString(m.Labels[i] + `="` + escaped(mask(l)) + `"`)
			}
			if len(labels) > 0 {
				b.WriteByte('}')
			}
			b.WriteString(" " + number(value) + "\n")
		}
		m.samples(r, version, sample)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// samples gives each sample of a metric, of a histogram with the ending of its name.
func (m Metric) samples(r *engine.Report, version string, add func(suffix string, value float64, labels ...string)) {
	switch {
	case m.histogram != nil:
		for i := range r.Nodes {
			h, node := m.histogram(&r.Nodes[i]), r.Nodes[i].Node
			if h == nil {
				continue
			}
			for _, x := range h.Buckets {
				add("_bucket", float64(x.Count), node, number(x.Bound))
			}
			add("_bucket", float64(h.Count), node, "+Inf")
			add("_sum", h.Sum, node)
			add("_count", float64(h.Count), node)
		}
	case m.each != nil:
		m.each(r, func(value float64, labels ...string) { add("", value, labels...) })
	default:
		add("", 1, r.Pipeline, r.Run, version)
	}
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// escaped is a label's value between quotes.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(text, "\uFFFD"))
}
