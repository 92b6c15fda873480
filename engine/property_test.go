package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/explode"
	"github.com/dynapipe/dynapipe/transforms/route"
)

// graph is a random pipeline, with what should come out of each node computed
// row by row, without the engine.
type graph struct {
	*pipe
	rows  map[plan.Input][]string
	sinks map[*plan.Node]*collect
	want  map[*plan.Node][]string
	srcs  []*numbers
}

func drawGraph(t *testing.T, rt *rapid.T) *graph {
	g := &graph{pipe: newPipe(t), rows: map[plan.Input][]string{}, sinks: map[*plan.Node]*collect{}, want: map[*plan.Node][]string{}}
	g.plan.Settings.MaxRejects = plan.Limit{Count: 1 << 40}
	g.plan.Settings.ChannelCapacity = rapid.IntRange(1, 3).Draw(rt, "capacity")
	g.plan.Settings.Parallelism = rapid.IntRange(1, 4).Draw(rt, "parallelism")
	g.plan.Settings.BatchRows = rapid.IntRange(1, 6).Draw(rt, "batch rows")
	var readable []plan.Input
	for range rapid.IntRange(1, 3).Draw(rt, "sources") {
		readable = append(readable, g.drawSource(rt))
	}
	for range rapid.IntRange(0, 5).Draw(rt, "transforms") {
		from := g.drawInputs(rt, readable)
		switch rapid.SampledFrom([]string{"step", "route", "explode", "delay"}).Draw(rt, "transform") {
		case "route":
			readable = append(readable, g.drawRoute(rt, from)...)
		case "explode":
			readable = append(readable, g.drawExplode(rt, from))
		case "delay":
			in := g.tie(&plan.Node{Kind: plan.Transform, Transform: delay{rapid.IntRange(0, 5).Draw(rt, "units")}}, from)
			g.rows[in] = g.union(from)
			readable = append(readable, in)
		default:
			readable = append(readable, g.drawStep(rt, from))
		}
	}
	for range rapid.IntRange(1, 3).Draw(rt, "sinks") {
		from := g.drawInputs(rt, readable)
		out := &collect{late: rapid.Bool().Draw(rt, "late")}
		if rapid.Bool().Draw(rt, "refuses") {
			out.rejectIf = func(n string) bool { return strings.HasSuffix(n, "5") }
		}
		n := g.tie(&plan.Node{Kind: plan.Sink, Sink: out}, from).From
		g.sinks[n] = out
		for _, row := range g.union(from) {
			if out.rejectIf == nil || !out.rejectIf(row) {
				g.want[n] = append(g.want[n], row)
			}
		}
	}
	return g
}

func (g *graph) drawSource(rt *rapid.T) plan.Input {
	src := &numbers{
		partitions: rapid.IntRange(1, 3).Draw(rt, "partitions"),
		units:      rapid.IntRange(0, 12).Draw(rt, "units"),
		rows:       rapid.IntRange(0, 4).Draw(rt, "rows"),
		badEvery:   rapid.IntRange(0, 4).Draw(rt, "badEvery"),
	}
	g.srcs = append(g.srcs, src)
	in := plan.Input{From: g.source(src)}
	for p := range src.partitions {
		for i := range src.units * src.rows {
			g.rows[in] = append(g.rows[in], fmt.Sprintf("%s/%d-%d", in.From.Address, p, i))
		}
	}
	return in
}

func (g *graph) drawInputs(rt *rapid.T, readable []plan.Input) []plan.Input {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(readable), 1, min(3, len(readable)), rapid.ID).Draw(rt, "from")
}

// tie adds a node that reads the inputs.
func (g *graph) tie(n *plan.Node, from []plan.Input) plan.Input {
	g.add(n).Inputs = from
	return plan.Input{From: n}
}

func (g *graph) union(from []plan.Input) (rows []string) {
	for _, f := range from {
		rows = append(rows, g.rows[f]...)
	}
	return rows
}

// decoded is a transform of a block's body.
func (g *graph) decoded(c transforms.Config, body string) transforms.Config {
	if diags := transformtest.Diagnose(g.t, c, body); diags.HasErrors() {
		g.t.Fatal(diags)
	}
	return c
}

// drawRoute parts rows by their number.
func (g *graph) drawRoute(rt *rapid.T, from []plan.Input) []plan.Input {
	by := rapid.SliceOfN(rapid.Int64Range(1, 4), 1, 3).Draw(rt, "outputs take one in")
	body := ""
	for i, n := range by {
		body += fmt.Sprintf("output \"o%d\" {\n  where = row.seq %% %d == 0\n}\n", i, n)
	}
	n := g.tie(&plan.Node{Kind: plan.Transform, Transform: g.decoded(route.New(), body)}, from).From
	outputs := []plan.Input{{From: n, Output: route.Otherwise}}
	for i := range by {
		outputs = append(outputs, plan.Input{From: n, Output: fmt.Sprintf("o%d", i)})
	}
	for _, row := range g.union(from) {
		to := outputs[1+slices.IndexFunc(by, func(n int64) bool { return seqOf(row)%n == 0 })]
		g.rows[to] = append(g.rows[to], row)
	}
	return outputs
}

// drawExplode makes a row of each element of the list.
func (g *graph) drawExplode(rt *rapid.T, from []plan.Input) plan.Input {
	keep := rapid.Bool().Draw(rt, "keep empty")
	body := "field = \"list\"\nas = \"e\"\n"
	if keep {
		body += "on_empty = \"keep\"\n"
	}
	in := g.tie(&plan.Node{Kind: plan.Transform, Transform: g.decoded(explode.New(), body)}, from)
	for _, row := range g.union(from) {
		row, _, _ = strings.Cut(row, "+")
		for _, e := range elements(seqOf(row)) {
			g.rows[in] = append(g.rows[in], row+"+"+e.Text())
		}
		if keep && len(elements(seqOf(row))) == 0 {
			g.rows[in] = append(g.rows[in], row)
		}
	}
	return in
}

// drawStep keeps rows by a rule of their number and rejects others.
func (g *graph) drawStep(rt *rapid.T, from []plan.Input) plan.Input {
	keep := int64(rapid.IntRange(1, 4).Draw(rt, "keep one in"))
	refuse := int64(rapid.IntRange(2, 6).Draw(rt, "reject one in"))
	s := &step{sequential: rapid.Bool().Draw(rt, "sequential")}
	s.apply = jitter(func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
		var rows []int
		for row := range in.Rows() {
			switch seq := in.Origins().Pos[row].Seq; {
			case seq%keep != 0:
				out.Filtered++
			case seq%refuse == 1:
				out.Rejects = append(out.Rejects, transforms.Reject(in, row, "step", "No", "not wanted"))
			default:
				rows = append(rows, row)
			}
		}
		// In several parts, as a transform may.
		for part := range slices.Chunk(rows, 2) {
			out.Emit(transforms.Keep(mem, in, part))
		}
		return nil
	}).apply
	in := g.tie(&plan.Node{Kind: plan.Transform, Transform: s}, from)
	for _, row := range g.union(from) {
		if seq := seqOf(row); seq%keep == 0 && seq%refuse != 1 {
			g.rows[in] = append(g.rows[in], row)
		}
	}
	return in
}

func seqOf(row string) (seq int64) {
	fmt.Sscanf(row[strings.LastIndexByte(row, '-')+1:], "%d", &seq)
	return seq
}

// Promises 1, 4 and 10, for any graph: every sink gets each row exactly as often
// as the graph says, the rows of a partition come in the order they were read,
// whatever branches they took, and the ledger balances (which run checks).
func TestAnyGraphMovesEveryRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(t, rt)
		r := g.mustRun()
		if r.Status != engine.Done && r.Status != engine.DoneWithRejects {
			rt.Fatalf("status %s", r.Status)
		}
		for n, out := range g.sinks {
			want := slices.Clone(g.want[n])
			if !out.late {
				inOrder(rt, out.rows)
			}
			slices.Sort(want)
			slices.Sort(out.rows)
			if !slices.Equal(out.rows, want) {
				rt.Fatalf("%s: got %d rows, want %d", n.Address, len(out.rows), len(want))
			}
		}
	})
}

// inOrder checks that rows of a partition come in the order they were read.
func inOrder(rt *rapid.T, rows []string) {
	at := map[string]int64{}
	for _, row := range rows {
		partition := row[:strings.LastIndexByte(row, '-')]
		if seqOf(row) < at[partition] {
			rt.Fatalf("%s came after row %d of its partition", row, at[partition])
		}
		at[partition] = seqOf(row)
	}
}

// Promise 9, for any graph: a run that is stopped drains and counts every row
// (which run checks); rows that sinks have are rows of the graph.
func TestAnyGraphStops(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(t, rt)
		waits := make(chan struct{})
		src := g.srcs[rapid.IntRange(0, len(g.srcs)-1).Draw(rt, "waiting source")]
		src.partitions, src.waits = 1, waits
		r, err := g.run(context.Background(), waits)
		if err != nil || r.Status != engine.Interrupted {
			rt.Fatalf("%s, %v", r.Status, err)
		}
		for n, out := range g.sinks {
			for _, row := range out.rows {
				if !slices.Contains(g.want[n], row) {
					rt.Fatalf("%s has %s", n.Address, row)
				}
			}
		}
	})
}

// Whatever node fails in whatever graph, the run ends, says so, and counts
// every row (which run checks).
func TestAnyGraphFailsWithItsLedgerBalanced(t *testing.T) {
	boom := errors.New("boom")
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(t, rt)
		g.srcs[rapid.IntRange(0, len(g.srcs)-1).Draw(rt, "failing source")].fail = boom
		r, err := g.run(context.Background(), nil)
		if !errors.Is(err, boom) || r.Status != engine.Failed {
			rt.Fatalf("%s, %v", r.Status, err)
		}
	})
}
