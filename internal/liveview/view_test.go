package liveview

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// imported is an import after so many seconds, in which a table takes 900 units
// per second and what comes before it waits.
func imported(seconds int64) (*engine.Report, engine.Live) {
	rows := 8_192 + 1_000*seconds
	r := &engine.Report{
		Pipeline: "import", Status: engine.Running, Rejects: 12,
		Nodes: []engine.NodeReport{
			{Node: "source.csv.users", Kind: "source", Partitions: 1, Read: rows + 24_576, Out: rows + 22_528, BytesRead: 48 * (rows + 24_576), BytesTotal: 91_332_547},
			{Node: "transform.filter.active", Kind: "transform", In: rows + 14_336, Out: rows + 4_096, Filtered: rows / 10},
			{Node: "transform.map.items", Kind: "transform", In: rows + 4_096, Out: rows, Rejected: 12},
			{
				Node: "sink.batch_write.users", Kind: "sink", In: rows, Written: rows - 8_192, Requests: rows / 25, Retries: rows / 500, Throttles: rows / 900, Unprocessed: rows / 40,
				Capacity: []progress.Consumed{{Table: "users", Units: 900 * float64(seconds)}, {Table: "users", Index: "by_city", Units: 80 * float64(seconds)}},
			},
			{Node: "sink.file.copy", Kind: "sink", In: rows, Written: rows},
		},
	}
	live := engine.Live{
		Nodes: []engine.NodeLive{{}, {}, {}, {Load: progress.Load{InFlight: 7, Limit: 7, Budget: 1000, Saving: 1}}, {}},
		Edges: []engine.EdgeLive{
			{From: 0, To: 1, Waiting: 4, Capacity: 4}, {From: 1, To: 2, Waiting: 4, Capacity: 4},
			{From: 2, To: 3, Waiting: 4, Capacity: 4}, {From: 2, To: 4, Capacity: 4},
		},
	}
	return r, live
}

// watched is a view that has looked once a second.
func watched(seconds int64, run func(int64) (*engine.Report, engine.Live)) *View {
	v := New("import", "written")
	for s := int64(1); s <= seconds; s++ {
		r, live := run(s)
		v.Take(time.Duration(s)*time.Second, r, live)
	}
	return v
}

func texts(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}

const wide = `import: 1m12s  read 104,768 (6% of 87.1 MB)  about 30m left  written 152,192  rejected 12
node                     queue            in      out  rows/s   held  in flight  retries  throttled  unprocessed       units/s
source.csv.users                     104,768  102,720   1,000  2,048                                                            6% of 87.1 MB
transform.filter.active  [########]   94,528   84,288   1,000  2,221
transform.map.items      [########]   84,288   80,192   1,000  4,084                                                            rejected 12
sink.batch_write.users   [########]   80,192   72,000   1,000  8,192     7 of 7      160         89        2,004  980 of 1,000  <- slowest: at its budget
sink.file.copy           [        ]   80,192   80,192   1,000
`

// The two windows that the README shows.
const usual = `import: 1m12s  6% read  30m left  written 152K  rejected 12
node               queue     out  rows/s  throttled
csv.users                   103K   1,000             6% of 87.1 MB
filter.active      [####]  84.3K   1,000
map.items          [####]  80.2K   1,000             rejected 12
batch_write.users  [####]  72.0K   1,000         89  <- slowest: at its budget
file.copy          [    ]  80.2K   1,000
`

const narrow = `import: 1m12s  6% read  30m left
node   queue    out rows/s
users          103K  1,000 6%
active [####] 84.3K  1,000
items  [####] 80.2K  1,000 rejected
users  [####] 72.0K  1,000 <- slowest
copy   [    ] 80.2K  1,000
`

func TestViewFitsTheWindow(t *testing.T) {
	for columns, want := range map[int]string{160: wide, 79: usual, 39: narrow} {
		if got := texts(watched(72, imported).Lines(columns, 23, false)); got != want {
			t.Errorf("%d columns:\n%s\nnot\n%s", columns, got, want)
		}
	}
}

func TestReadmeShowsTheView(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range []string{usual, narrow} {
		if !strings.Contains(string(readme), "```text\n"+view+"```\n") {
			t.Errorf("README.md does not have\n%s", view)
		}
	}
}

// A line for a log has all of it, whatever its length.
func TestLine(t *testing.T) {
	const want = "import: 1m12s  read 104,768 (6% of 87.1 MB)  about 30m left  written 152,192  rejected 12  1,000 rows/s  " +
		"requests 3,207  retries 160  throttled 89  sink.batch_write.users 980 of 1,000 units/s  slowest sink.batch_write.users: at its budget"
	if got := watched(72, imported).Line(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	scan := func(seconds int64) (*engine.Report, engine.Live) {
		return &engine.Report{Nodes: []engine.NodeReport{{Node: "source.dynamodb.t", Kind: "source", Read: 50 * seconds, RowsTotal: 1000, Partitions: 4, PartitionsDone: 1}}},
			engine.Live{Nodes: make([]engine.NodeLive, 1)}
	}
	if got, want := watched(10, scan).Line(), "import: 10s  read 500 (50% of about 1,000)  about 10s left  written 0  50 rows/s  segments 1 of 4"; got != want {
		t.Errorf("a scan: got\n%s\nwant\n%s", got, want)
	}
}

func TestColors(t *testing.T) {
	v := watched(72, imported)
	sequences := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	inColor, plain := v.Lines(150, 23, true), v.Lines(150, 23, false)
	for i := range plain {
		if got := sequences.ReplaceAllString(inColor[i].Text, ""); got != plain[i].Text || inColor[i].Width != plain[i].Width {
			t.Errorf("line %d says something else in colour:\n%s\n%s", i, got, plain[i].Text)
		}
	}
	for _, want := range []string{"\x1b[1mimport:\x1b[0m", "\x1b[33m[########]\x1b[0m", "\x1b[1;33m<- slowest: at its budget\x1b[0m", "\x1b[31mrejected 12\x1b[0m"} {
		if !strings.Contains(texts(inColor), want) {
			t.Errorf("%q is not in %q", want, texts(inColor))
		}
	}
}

// Where there are more nodes than lines, those stay that tell most.
func TestMoreNodesThanLines(t *testing.T) {
	v := watched(72, imported)
	for lines, want := range map[int]string{
		1: "import:",
		2: "import:",
		3: "import: node sink.batch_write.users",
		4: "import: node sink.batch_write.users and",
		5: "import: node source.csv.users sink.batch_write.users and",
		6: "import: node source.csv.users sink.batch_write.users sink.file.copy and",
		7: "import: node source.csv.users transform.filter.active transform.map.items sink.batch_write.users sink.file.copy",
		9: "import: node source.csv.users transform.filter.active transform.map.items sink.batch_write.users sink.file.copy",
	} {
		var first []string
		got := v.Lines(150, lines, false)
		for _, l := range got {
			first = append(first, strings.Fields(l.Text)[0])
		}
		if strings.Join(first, " ") != want || len(got) > lines {
			t.Errorf("%d lines: %s", lines, strings.Join(first, " "))
		}
	}
	if got := texts(v.Lines(150, 5, false)); !strings.HasSuffix(got, "\nand 3 more\n") {
		t.Errorf("it does not say how many more there are:\n%s", got)
	}
}

func TestViewSaysThatARunStops(t *testing.T) {
	stops := func(s int64) (*engine.Report, engine.Live) {
		r, live := imported(s)
		live.Stopping, live.Nodes[0].Ended = true, true
		return r, live
	}
	v := watched(72, stops)
	got := v.Lines(150, 23, false)
	if want := "import: 1m12s  stopping: finishing what is under way  read 104,768"; !strings.HasPrefix(got[0].Text, want) || strings.Contains(got[0].Text, " left") {
		t.Errorf("got %s", got[0].Text)
	}
	if !strings.HasSuffix(got[2].Text, "  done") {
		t.Errorf("the source has ended: %s", got[2].Text)
	}
	if got := v.Lines(32, 23, false)[0].Text; got != "import: 1m12s  stopping  6% read" {
		t.Errorf("got %s", got)
	}
}

// At first all queues are empty, which says nothing.
func TestNothingIsSlowAtFirst(t *testing.T) {
	run := func(s int64) (*engine.Report, engine.Live) {
		r, live := imported(s)
		for i := range live.Edges {
			live.Edges[i].Waiting = 0
		}
		return r, live
	}
	for seconds, want := range map[int64]bool{1: false, 2: true} {
		if got := strings.Contains(watched(seconds, run).Line(), "slowest source.csv.users"); got != want {
			t.Errorf("after %d s: %v", seconds, got)
		}
	}
}

// What had been read before is no part of the speed of a run that goes on, nor
// is the time until the first row could be read.
func TestSpeedOfARunThatGoesOn(t *testing.T) {
	v := New("p", "written")
	report := func(resumed bool, partitions, read int64) *engine.Report {
		return &engine.Report{
			Checkpoint: &engine.CheckpointReport{Resumed: resumed},
			Nodes:      []engine.NodeReport{{Node: "source.csv.a", Kind: "source", Partitions: partitions, Read: read, RowsTotal: 1_002_000}},
		}
	}
	live := engine.Live{Nodes: make([]engine.NodeLive, 1)}
	v.Take(20*time.Second, report(true, 0, 0), live)
	if got := v.Line(); got != "p: 20s  opening  read 0 (0% of about 1,002,000)  written 0  0 rows/s" {
		t.Errorf("got %s", got)
	}
	for s := range 11 {
		v.Take(time.Duration(20+s)*time.Second, report(true, 1, 1_000_000+100*int64(s)), live)
	}
	if got := v.Line(); got != "p: 30s  read 1,001,000 (100% of about 1,002,000)  about 10s left  written 0  100 rows/s" {
		t.Errorf("got %s", got)
	}

	v = New("p", "written")
	v.Take(20*time.Second, report(false, 0, 0), live)
	v.Take(22*time.Second, report(false, 1, 200), live)
	if got := v.Line(); !strings.HasSuffix(got, "  100 rows/s") {
		t.Errorf("got %s", got)
	}
}

// A column stays where it is as long as the window does.
func TestColumnsDoNotJump(t *testing.T) {
	held := int64(0)
	run := func(int64) (*engine.Report, engine.Live) {
		r, live := imported(72)
		r.Nodes[4].Written = r.Nodes[4].In - held
		return r, live
	}
	v := watched(72, run)
	held = 123_456
	r, live := run(73)
	v.Take(73*time.Second, r, live)
	before := v.Lines(160, 23, false)
	held = 0
	r, live = run(74)
	v.Take(74*time.Second, r, live)
	if after := v.Lines(160, 23, false); after[1].Text != before[1].Text {
		t.Errorf("columns moved:\n%s\n%s", before[1].Text, after[1].Text)
	}
	v.Lines(100, 23, false)
	if after := v.Lines(160, 23, false); after[1].Text == before[1].Text {
		t.Errorf("in another window they are as wide as before:\n%s", after[1].Text)
	}
}

func TestTotals(t *testing.T) {
	r := &engine.Report{Nodes: []engine.NodeReport{{Kind: "source", Read: 4000, BytesRead: 512 << 10, BytesTotal: 2 << 20}}}
	total := func() *Totals { t := TotalsOf(r); return &t }
	if got := total().share(); got != "25% of 2.0 MB" {
		t.Errorf("got %q", got)
	}
	if done, of := total().read(); done != 512<<10 || of != 2<<20 {
		t.Errorf("%d of %d", done, of)
	}
	// With a second source of unknown size the whole is unknown.
	r.Nodes = append(r.Nodes, engine.NodeReport{Kind: "source", Read: 1})
	if got := total().share(); got != "" {
		t.Errorf("a share of the unknown: %s", got)
	}
	if _, of := total().read(); of != 0 {
		t.Errorf("a total of the unknown: %d", of)
	}
	// DynamoDB's count of a table's items is hours old.
	for read, want := range map[int64]string{50: "50% of about 100", 101: ""} {
		r.Nodes = []engine.NodeReport{{Kind: "source", Read: read, RowsTotal: 100}}
		if got := total().share(); got != want {
			t.Errorf("%d of about 100: %q", read, got)
		}
	}
}
