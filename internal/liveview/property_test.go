package liveview

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// A view stays within its window, whatever it shows: it is as wide as it says,
// and a terminal of that width wraps none of it.
func viewFits(t *rapid.T) {
	v := New(rapid.OneOf(rapid.String(), label()).Draw(t, "title"), rapid.SampledFrom([]string{"written", "taken in"}).Draw(t, "wrote"))
	nodes := rapid.IntRange(0, 40).Draw(t, "nodes")
	names := rapid.SliceOfN(label(), nodes, nodes).Draw(t, "names")
	var edges []engine.EdgeLive
	for to := 1; to < nodes; to++ {
		for range rapid.IntRange(0, 2).Draw(t, "inputs") {
			edges = append(edges, engine.EdgeLive{From: rapid.IntRange(0, to-1).Draw(t, "from"), To: to, Capacity: rapid.IntRange(1, 9).Draw(t, "capacity")})
		}
	}
	elapsed := time.Duration(0)
	for range rapid.IntRange(1, 4).Draw(t, "looks") {
		elapsed += time.Duration(rapid.Int64Range(0, int64(500*time.Hour)).Draw(t, "later"))
		live := engine.Live{Stopping: rapid.Bool().Draw(t, "stopping"), Edges: slices.Clone(edges)}
		for i := range live.Edges {
			live.Edges[i].Waiting = rapid.IntRange(0, live.Edges[i].Capacity).Draw(t, "waiting")
		}
		r := &engine.Report{Rejects: figure(t), Checkpoint: &engine.CheckpointReport{Resumed: rapid.Bool().Draw(t, "resumed")}}
		for i := range nodes {
			kind := rapid.SampledFrom([]string{"source", "transform", "sink"}).Draw(t, "kind")
			live.Nodes = append(live.Nodes, engine.NodeLive{
				Load:  progress.Load{InFlight: int(figure(t)), Limit: int(figure(t)), Budget: float64(figure(t)) / 3},
				Ended: rapid.Bool().Draw(t, "ended"),
			})
			r.Nodes = append(r.Nodes, engine.NodeReport{
				Node: kind + ".t." + names[i], Kind: kind, In: figure(t), Read: figure(t), Out: figure(t), Written: figure(t), Rejected: figure(t),
				Requests: figure(t), Retries: figure(t), Throttles: figure(t), Unprocessed: figure(t),
				BytesRead: figure(t), BytesTotal: figure(t), RowsTotal: figure(t), Partitions: figure(t), PartitionsDone: figure(t),
				Capacity: []progress.Consumed{{Units: float64(figure(t)) / 7}},
			})
		}
		v.Take(elapsed, r, live)
		width, height := rapid.IntRange(1, 300).Draw(t, "width"), rapid.IntRange(0, 50).Draw(t, "height")
		lines := v.Lines(width, height, rapid.Bool().Draw(t, "color"))
		if len(lines) < 1 || len(lines) > max(height, 1) {
			t.Fatalf("%d lines in a window of %d", len(lines), height)
		}
		for _, l := range append(lines, Line{Text: v.Line(), Width: -1}) {
			text := sgr.ReplaceAllString(l.Text, "")
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Fatalf("it moves the cursor: %q", l.Text)
			}
			if l.Width >= 0 && (columns(text) != l.Width || l.Width > width) {
				t.Fatalf("it is %d wide, says %d, and may be %d: %q", columns(text), l.Width, width, l.Text)
			}
		}
		unwrapped(t, lines, width)
	}
}

// unwrapped draws lines on a terminal that is one column wider.
func unwrapped(t *rapid.T, lines []Line, width int) {
	screen := vt.NewEmulator(width+1, len(lines)+5)
	for i, l := range lines {
		if i > 0 {
			_, _ = screen.WriteString("\r\n")
		}
		_, _ = screen.WriteString(l.Text)
		if at := screen.CursorPosition(); at.Y != i || at.X != l.Width {
			t.Fatalf("line %d, %d wide, ends in column %d of line %d: %q", i, l.Width, at.X, at.Y, l.Text)
		}
	}
}

// figure is a count of any size.
func figure(t *rapid.T) int64 {
	n := rapid.Int64Range(0, 1<<50).Draw(t, "figure")
	return n >> (n % 51) // small ones too
}

// label is a name as HCL has them: of letters of any script, with what combines.
func label() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z][a-z0-9_-]{0,40}`),
		rapid.Map(rapid.StringOfN(rapid.RuneFrom([]rune("aé日本語한글ßйไทย\u0301\u0e49")), 1, 30, -1), func(s string) string { return "x" + s }),
	)
}

func TestViewFits(t *testing.T) { rapid.Check(t, viewFits) }

func FuzzViewFits(f *testing.F) {
	for seed := range 4 {
		f.Add([]byte(strings.Repeat(fmt.Sprint(seed, "a-"), 200)))
	}
	f.Fuzz(rapid.MakeFuzz(viewFits))
}
