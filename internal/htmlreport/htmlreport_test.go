package htmlreport

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// TestSamplesAreBounded records a run of a day and looks at whether what it
// keeps still adds up (promise 6).
func TestSamplesAreBounded(t *testing.T) {
	r := NewRecorder()
	report := func(second float64, status engine.Status) *engine.Report {
		return &engine.Report{Status: status, Started: time.Unix(1, 0), Seconds: second, Nodes: []engine.NodeReport{
			{Node: "source.csv.a", Kind: "source", Read: int64(second) * 10},
		}}
	}
	const day = 24 * 3600
	for second := range day {
		r.Add(report(float64(second)+0.5, engine.Running))
		if n := len(r.samples); n > maxSamples {
			t.Fatalf("%d samples after %d s", n, second)
		}
	}
	end := report(day, engine.Done)
	r.Add(end)
	samples := r.history()
	if len(samples) < maxSamples/3 || samples[0].at != 0 || samples[len(samples)-1].at != day {
		t.Fatalf("%d samples, from %v to %v", len(samples), samples[0].at, samples[len(samples)-1].at)
	}
	sum := 0.0
	for i, v := range speeds(samples, 0, func(c counts) float64 { return float64(c.rows) }) {
		sum += v * (samples[i+1].at - samples[i].at)
		if v < 9 || v > 11 {
			t.Errorf("%v rows per second", v)
		}
	}
	if sum < day*10-1 || sum > day*10+1 {
		t.Errorf("the samples add up to %v rows", sum)
	}
	all := charts(end, samples)
	if len(all) != 1 || all[0].Lines[0].Mean != "10" {
		t.Errorf("charts %+v", all)
	}
}

// A run that goes on from an earlier one did not read that one's rows in its
// first moment.
func TestResumedRunBeginsWhereItWentOn(t *testing.T) {
	r := NewRecorder()
	at := func(second float64, read int64) *engine.Report {
		return &engine.Report{
			Status: engine.Running, Started: time.Unix(1, 0), Seconds: second, Checkpoint: &engine.CheckpointReport{Resumed: true},
			Nodes: []engine.NodeReport{{Node: "source.csv.a", Kind: "source", Read: read}},
		}
	}
	r.Add(at(1, 1000))
	r.Add(at(2, 1100))
	got := speeds(r.history(), 0, func(c counts) float64 { return float64(c.rows) })
	if len(got) != 1 || got[0] != 100 {
		t.Errorf("rows per second: %v", got)
	}
}

func TestRequestsInFlight(t *testing.T) {
	r := NewRecorder()
	report := &engine.Report{
		Status: engine.Done, Started: time.Unix(1, 0), Seconds: 2,
		Nodes: []engine.NodeReport{{Node: "sink.batch_write.a", Kind: "sink", Requests: 3}},
	}
	for range 3 {
		r.Requested(progress.Request{Node: "sink.batch_write.a", Duration: 2 * time.Second})
	}
	r.Add(report)
	for _, c := range charts(report, r.history()) {
		if c.Title == "Requests in flight" && c.Lines[0].Mean == "3" {
			return
		}
	}
	t.Error("three requests of the whole time were not three in flight")
}

// Texts of others are text, wherever they stand, and a page of an empty run is
// a page.
func TestTextIsText(t *testing.T) {
	const evil = `</style></title><script>alert(1)</script>"'onload=x`
	r := &engine.Report{
		Pipeline: evil, Run: evil, Status: engine.Failed, Error: evil, Rejects: 1, FirstReject: evil, DeadLetter: evil,
		Nodes: []engine.NodeReport{{
			Node: "source.csv." + evil, Kind: "source", Requests: 1,
			Capacity:        []progress.Consumed{{Table: evil, Index: evil, Units: 1}},
			ThrottleReasons: []progress.Throttle{{Reason: evil, Resource: evil, Count: 1}},
			Warnings:        []progress.Warning{{Message: evil, Count: 1}},
		}},
	}
	recorder := NewRecorder()
	r.Started = time.Unix(1, 0)
	recorder.Add(r)
	var b bytes.Buffer
	if err := Write(&b, r, recorder); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script") || strings.Count(b.String(), "</style>") != 1 {
		t.Errorf("a text is markup:\n%s", b.String())
	}
	if n := strings.Count(b.String(), "&lt;script&gt;"); n < 12 {
		t.Errorf("of the texts %d are there", n)
	}
	b.Reset()
	if err := Write(&b, &engine.Report{Status: engine.Failed}, NewRecorder()); err != nil || !strings.HasSuffix(b.String(), "</html>\n") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestRejectsAreCountedByReason(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	var b bytes.Buffer
	for _, l := range []engine.DeadLetterLine{
		{Run: "1", Node: "a", Code: "X"}, {Run: "1", Node: "b", Code: "X"}, {Run: "0", Node: "a", Code: "X"}, {Run: "1", Node: "b", Code: "X"},
	} {
		line, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	reasons, other := rejects(&engine.Report{Run: "1", Rejects: 4, DeadLetter: path})
	if want := []reason{{"b", "X", 2}, {"a", "X", 1}}; len(reasons) != 2 || reasons[0] != want[0] || reasons[1] != want[1] || other != 1 {
		t.Errorf("%v and %d others", reasons, other)
	}
	if reasons, other := rejects(&engine.Report{Run: "1", Rejects: 4, DeadLetter: os.DevNull}); len(reasons) != 0 || other != 4 {
		t.Errorf("%v and %d others", reasons, other)
	}
}

// Boxes don't lie on one another, and an edge over several columns passes
// beside the nodes between.
func TestGraphIsPlaced(t *testing.T) {
	g := drawGraph(&engine.Report{
		Nodes: []engine.NodeReport{{Node: "source.csv.a"}, {Node: "transform.route.b"}, {Node: "transform.map.c"}, {Node: "sink.file.d"}, {Node: "sink.file.e"}},
		Edges: []engine.EdgeReport{
			{From: "source.csv.a", To: "transform.route.b"}, {From: "transform.route.b.x", To: "transform.map.c"},
			{From: "transform.map.c", To: "sink.file.d"}, {From: "transform.route.b.otherwise", To: "sink.file.d"}, {From: "source.csv.a", To: "sink.file.e"},
		},
	})
	seen := map[[2]int]bool{}
	for _, b := range g.Boxes {
		if seen[[2]int{b.X, b.Y}] || b.X < 0 || b.Y < 0 || b.X+boxWidth > g.Width || b.Y+boxHeight > g.Height {
			t.Errorf("%s at %d, %d of %d by %d", b.Node, b.X, b.Y, g.Width, g.Height)
		}
		seen[[2]int{b.X, b.Y}] = true
	}
	if g.Edges[3].Output != "otherwise" || g.Edges[1].Output != "x" || g.Edges[0].Output != "" {
		t.Errorf("edges %+v", g.Edges)
	}
	if strings.Count(g.Edges[3].Path, "C") != 2 {
		t.Errorf("the long edge goes %s", g.Edges[3].Path)
	}
}
