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
	"github.com/dynapipe/dynapipe/transforms"
)

// graph is a random pipeline, with what should come out of each node computed
// row by row, without the engine.
type graph struct {
	*pipe
	rows  map[*plan.Node][]string
	sinks map[*plan.Node]*collect
	srcs  []*numbers
}

func drawGraph(t *testing.T, rt *rapid.T) *graph {
	g := &graph{pipe: newPipe(t), rows: map[*plan.Node][]string{}, sinks: map[*plan.Node]*collect{}}
	g.plan.Settings.MaxRejects = plan.Limit{Count: 1 << 40}
	g.plan.Settings.ChannelCapacity = rapid.IntRange(1, 3).Draw(rt, "capacity")
	g.plan.Settings.Parallelism = rapid.IntRange(1, 4).Draw(rt, "parallelism")
	var readable []*plan.Node
	for range rapid.IntRange(1, 3).Draw(rt, "sources") {
		readable = append(readable, g.drawSource(rt))
	}
	for range rapid.IntRange(0, 5).Draw(rt, "transforms") {
		readable = append(readable, g.drawStep(rt, g.drawInputs(rt, readable)))
	}
	for range rapid.IntRange(1, 3).Draw(rt, "sinks") {
		from := g.drawInputs(rt, readable)
		out := &collect{late: rapid.Bool().Draw(rt, "late")}
		if rapid.Bool().Draw(rt, "refuses") {
			out.rejectIf = func(n string) bool { return strings.HasSuffix(n, "5") }
		}
		n := g.sink(out, from...)
		g.sinks[n] = out
		for _, row := range g.union(from) {
			if out.rejectIf == nil || !out.rejectIf(row) {
				g.rows[n] = append(g.rows[n], row)
			}
		}
	}
	return g
}

func (g *graph) drawSource(rt *rapid.T) *plan.Node {
	src := &numbers{
		partitions: rapid.IntRange(1, 3).Draw(rt, "partitions"),
		units:      rapid.IntRange(0, 12).Draw(rt, "units"),
		rows:       rapid.IntRange(0, 4).Draw(rt, "rows"),
		badEvery:   rapid.IntRange(0, 4).Draw(rt, "badEvery"),
	}
	g.srcs = append(g.srcs, src)
	n := g.source(src)
	for p := range src.partitions {
		for i := range src.units * src.rows {
			g.rows[n] = append(g.rows[n], fmt.Sprintf("%s/%d-%d", n.Address, p, i))
		}
	}
	return n
}

func (g *graph) drawInputs(rt *rapid.T, readable []*plan.Node) []*plan.Node {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(readable), 1, min(3, len(readable)), rapid.ID).Draw(rt, "from")
}

func (g *graph) union(from []*plan.Node) (rows []string) {
	for _, f := range from {
		rows = append(rows, g.rows[f]...)
	}
	return rows
}

// drawStep keeps rows by a rule of their number and rejects others.
func (g *graph) drawStep(rt *rapid.T, from []*plan.Node) *plan.Node {
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
	n := g.transform(s, from...)
	for _, row := range g.union(from) {
		if seq := seqOf(row); seq%keep == 0 && seq%refuse != 1 {
			g.rows[n] = append(g.rows[n], row)
		}
	}
	return n
}

func seqOf(row string) (seq int64) {
	fmt.Sscanf(row[strings.LastIndexByte(row, '-')+1:], "%d", &seq)
	return seq
}

// Promise 1, for any graph: every sink gets each row exactly as often as the
// graph says, units of a partition come in order, and the ledger balances
// (which run checks).
func TestAnyGraphMovesEveryRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(t, rt)
		r := g.mustRun()
		if r.Status != engine.Done && r.Status != engine.DoneWithRejects {
			rt.Fatalf("status %s", r.Status)
		}
		for n, out := range g.sinks {
			want := slices.Clone(g.rows[n])
			if !out.late {
				unitsInOrder(rt, g, out.rows)
			}
			slices.Sort(want)
			slices.Sort(out.rows)
			if !slices.Equal(out.rows, want) {
				rt.Fatalf("%s: got %d rows, want %d", n.Address, len(out.rows), len(want))
			}
		}
	})
}

// unitsInOrder checks that rows of a later unit never come before rows of an
// earlier one of the same partition, whatever branches they took.
func unitsInOrder(rt *rapid.T, g *graph, rows []string) {
	at := map[string]int64{}
	for _, row := range rows {
		var source int
		fmt.Sscanf(row, "source.test.n%d/", &source)
		partition := row[:strings.LastIndexByte(row, '-')]
		unit := seqOf(row) / int64(g.srcs[source].rows)
		if unit < at[partition] {
			rt.Fatalf("%s came after unit %d of its partition", row, at[partition])
		}
		at[partition] = unit
	}
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
