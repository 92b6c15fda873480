package estimate

import (
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

func comparedNodes() (*plan.View, *engine.Report) {
	v := &plan.View{Sampling: &plan.Sampling{Rows: 10}, Nodes: []plan.NodeView{
		{Address: "source.csv.in", Kind: "source", Estimate: &plan.NodeEstimate{
			In: plan.Figure{Value: 200}, Out: plan.Figure{Unknown: "it is not known"}, Bytes: &plan.Figure{Value: 1000, Exact: true},
		}},
		{Address: "sink.batch_write.out", Kind: "sink", Estimate: &plan.NodeEstimate{
			In: plan.Figure{Value: 200}, Out: plan.Figure{Value: 200}, Bytes: &plan.Figure{Value: 5000}, Requests: &plan.Figure{Value: 8},
			Capacity: []plan.Capacity{
				{Table: "t", Kind: "write", Units: plan.Figure{Value: 200, AtLeast: true}}, {Table: "t", Index: "x", Kind: "write", Units: plan.Figure{}},
			},
			Seconds: &plan.Figure{Value: 2, AtLeast: true},
		}},
	}}
	r := &engine.Report{Status: engine.DoneWithRejects, Seconds: 3, Nodes: []engine.NodeReport{
		{Node: "source.csv.in", Read: 210, Out: 210, BytesRead: 1000},
		{Node: "sink.batch_write.out", In: 210, Written: 209, Rejected: 1, Requests: 11, Retries: 2,
			Capacity: []progress.Consumed{{Table: "t", Units: 250}, {Table: "t", Index: "x", Units: 3}}},
	}}
	return v, r
}

func TestCompare(t *testing.T) {
	v, r := comparedNodes()
	off := func(f engine.PlannedFigure) float64 {
		if f.Off == nil {
			return -1000
		}
		return *f.Off
	}
	want := []struct {
		node, what, index, bound string
		planned, actual, off     float64
	}{
		{"source.csv.in", "rows_in", "", "", 200, 210, 5},
		{"source.csv.in", "rows_out", "", "", 0, 210, -1000},
		{"source.csv.in", "bytes_read", "", "", 1000, 1000, 0},
		{"sink.batch_write.out", "rows_in", "", "", 200, 210, 5},
		{"sink.batch_write.out", "rows_out", "", "", 200, 209, 4.5},
		{"sink.batch_write.out", "rejected", "", "", 0, 1, -1000},
		{"sink.batch_write.out", "requests", "", "", 8, 9, 12.5}, // without retries
		{"sink.batch_write.out", "write_units", "", "at_least", 200, 250, 25},
		{"sink.batch_write.out", "write_units", "x", "", 0, 3, -1000},
		{"", "seconds", "", "at_least", 2, 3, 50},
	}
	got := Compare(v, r)
	if len(got.Figures) != len(want) {
		t.Fatalf("%d figures: %+v", len(got.Figures), got.Figures)
	}
	for i, w := range want {
		f := got.Figures[i]
		if f.Node != w.node || f.What != w.what || f.Index != w.index || f.Bound != w.bound || f.Planned != w.planned || f.Actual != w.actual || off(f) != w.off {
			t.Errorf("figure %d is %+v, off %v; not %+v", i, f, off(f), w)
		}
	}
	if got.Figures[1].PlannedText() != "not known" || got.Figures[7].PlannedText() != "at least 200" || got.Figures[9].Text(3) != "3.00 s" {
		t.Errorf("texts: %q, %q, %q", got.Figures[1].PlannedText(), got.Figures[7].PlannedText(), got.Figures[9].Text(3))
	}
}

// What a run did before it was resumed, and what a dry run leaves out, is not held
// against a plan; nor is a run that did not come to its end, or a plan without figures.
func TestCompareOnlyWhatCanBe(t *testing.T) {
	for name, change := range map[string]func(*plan.View, *engine.Report){
		"resumed": func(_ *plan.View, r *engine.Report) { r.Checkpoint = &engine.CheckpointReport{Resumed: true} },
		"dry run": func(_ *plan.View, r *engine.Report) { r.DryRun = true },
	} {
		v, r := comparedNodes()
		change(v, r)
		for _, f := range Compare(v, r).Figures {
			if f.What != "rows_in" && f.What != "rows_out" && f.What != "rejected" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	for name, change := range map[string]func(*plan.View, *engine.Report){
		"failed":      func(_ *plan.View, r *engine.Report) { r.Status = engine.Failed },
		"interrupted": func(_ *plan.View, r *engine.Report) { r.Status = engine.Interrupted },
		"no sample":   func(v *plan.View, _ *engine.Report) { v.Sampling = nil },
	} {
		v, r := comparedNodes()
		if change(v, r); Compare(v, r) != nil {
			t.Errorf("%s is compared", name)
		}
	}
}
