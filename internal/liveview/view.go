package liveview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// warmUp is how long a run has to go on before it is said what is slow in it.
const warmUp = 2 * time.Second

// View is one run, watched. It is not for several goroutines.
type View struct {
	title string
	wrote string // what is done with rows at the end: written

	elapsed  time.Duration
	waited   time.Duration // before the first row could be read
	began    bool
	stopping bool
	totals   Totals
	rate     float64
	nodes    []*node
	history  history
	pace     pace

	width int         // that of the lines drawn last
	seen  map[key]int // how wide columns have been
}

// New is a view of the run of that title, in which rows end as wrote says.
func New(title, wrote string) *View {
	return &View{title: clean(title), wrote: wrote, seen: map[key]int{}}
}

// Take takes in how the run stands, so long after its start.
func (v *View) Take(elapsed time.Duration, r *engine.Report, live engine.Live) {
	v.elapsed, v.stopping, v.totals = elapsed, live.Stopping, TotalsOf(r)
	now := sampleOf(r, elapsed)
	if !v.began {
		if !v.totals.ready {
			v.waited = elapsed
			return
		}
		v.began = true
		// What is there of a run that goes on was done by an earlier one.
		if r.Checkpoint == nil || !r.Checkpoint.Resumed {
			v.history.add(sample{at: v.waited, nodes: make([]done, len(r.Nodes))}, live)
			v.pace.add(mark{at: v.waited})
		}
	}
	v.history.add(now, live)
	read, _ := v.totals.read()
	v.pace.add(mark{at: elapsed, done: read})
	graph := newGraph(live, v.history.fills)
	var slow map[int]bool
	if elapsed-v.waited >= warmUp {
		slow = graph.slowest()
	}
	v.nodes, v.rate = nil, 0
	for i := range r.Nodes {
		n := v.node(&r.Nodes[i], i, live.Nodes[i])
		n.queue, n.queued = graph.queue(i)
		n.slowest = slow[i]
		n.notes = v.notes(n, &r.Nodes[i], i)
		v.nodes = append(v.nodes, n)
		if r.Nodes[i].Kind == "source" {
			v.rate += n.rate
		}
	}
}

func (v *View) node(r *engine.NodeReport, i int, live engine.NodeLive) *node {
	lately, seconds := v.history.lately(i)
	return &node{
		name: clean(r.Node), in: r.In + r.Read, out: r.Out + r.Written + r.WouldWrite, held: r.InFlight(),
		rate: per(float64(lately.rows), seconds), load: live.Load, asks: r.Requests > 0 || live.InFlight > 0,
		retries: r.Retries, throttled: r.Throttles, unprocessed: r.Unprocessed, units: capacity(lately.units, seconds, live.Budget),
		ended: live.Ended, rejected: r.Rejected,
	}
}

// fact is something to say of a run or a node, also in fewer words.
type fact struct {
	text, short string
	style
}

// notes are what else there is to say of a node, the most telling first.
func (v *View) notes(n *node, r *engine.NodeReport, i int) []fact {
	var notes []fact
	note := func(text, short string) { notes = append(notes, fact{text: text, short: short}) }
	if n.slowest {
		note("<- slowest"+v.because(n, i), "<- slowest")
	}
	if n.ended {
		note("done", "done")
	}
	if n.rejected > 0 {
		note("rejected "+figures.Count(n.rejected), "rejected")
	}
	if r.Kind == "source" && !n.ended {
		if s := share(r.BytesRead, r.BytesTotal, r.Read, r.RowsTotal); s != "" {
			percent, _, _ := strings.Cut(s, " ")
			note(s, percent)
		}
		if r.Partitions > 1 {
			note(fmt.Sprintf("segments %d of %d", r.PartitionsDone, r.Partitions), fmt.Sprintf("%d of %d", r.PartitionsDone, r.Partitions))
		}
	}
	return notes
}

// because is why a node is slow, where that is known.
func (v *View) because(n *node, i int) string {
	lately, _ := v.history.lately(i)
	switch {
	case n.load.Budget > 0 && v.history.savings[i] > 0.5:
		return ": at its budget"
	case lately.throttles > 0:
		return ": throttled"
	}
	return ""
}

// Lines are the view for a window, at most so many of at most so many columns,
// and at least one.
func (v *View) Lines(width, height int, color bool) []Line {
	if v.width != width {
		v.width = width
		clear(v.seen)
	}
	rows := [][]span{v.head(width)}
	const around = 2 // the head, and the names of columns
	if room := height - around; room >= 1 && len(v.nodes) > 0 {
		shown := v.nodes
		if len(shown) > room {
			shown = important(shown, max(room-1, 1))
		}
		rows = append(rows, v.table(shown, width)...)
		if more := len(v.nodes) - len(shown); more > 0 && room > 1 {
			rows = append(rows, []span{{fmt.Sprintf("and %d more", more), dim}})
		}
	}
	lines := make([]Line, len(rows))
	for i, spans := range rows {
		lines[i] = line(spans, width, color)
	}
	return lines
}

// important are so many of the nodes, in their order: those that are slow, then
// those that work, ends of the graph before what is between them.
func important(nodes []*node, n int) []*node {
	rank := func(n *node) int {
		r := 0
		if n.slowest {
			r -= 100
		}
		if n.ended {
			r += 50
		}
		if strings.HasPrefix(n.name, "transform.") {
			r += 30
		}
		return r - int(n.queue*20)
	}
	places := make([]int, len(nodes))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(rank(nodes[a]), rank(nodes[b])) })
	places = places[:n]
	slices.Sort(places)
	shown := make([]*node, len(places))
	for i, p := range places {
		shown[i] = nodes[p]
	}
	return shown
}

// head is the run on one line: in fewer words where there is too little room,
// and then with as many of the facts as there is room for.
func (v *View) head(width int) []span {
	name := shorten(v.title, max(width/2, 8))
	head := []span{{name + ":", bold}, {" " + v.elapsed.Truncate(time.Second).String(), plain}}
	facts := v.facts()
	used := columns(head[0].text) + columns(head[1].text)
	all := used
	for _, f := range facts {
		all += gap + columns(f.text)
	}
	for i := len(facts) - 1; i >= 0 && all > width; i-- {
		all -= columns(facts[i].text) - columns(facts[i].short)
		facts[i].text = facts[i].short
	}
	for _, f := range facts {
		if used += gap + columns(f.text); used > width {
			break
		}
		head = append(head, span{strings.Repeat(" ", gap), plain}, span{f.text, f.style})
	}
	return head
}

// gap is the blanks between facts, and columns.
const gap = 2

// facts are what is said of the run as a whole, the most telling first.
func (v *View) facts() []fact {
	t := &v.totals
	var facts []fact
	say := func(s style, text, short string) { facts = append(facts, fact{text, short, s}) }
	switch {
	case v.stopping:
		say(loud, "stopping: finishing what is under way", "stopping")
	case !v.began:
		say(plain, "opening", "opening")
	}
	read, short := "read "+figures.Count(t.Read), "read "+count(t.Read, true)
	if share := t.share(); share != "" {
		read += " (" + share + ")"
		percent, _, _ := strings.Cut(share, " ")
		short = percent + " read"
	}
	say(plain, read, short)
	done, total := t.read()
	if left, ok := v.pace.left(mark{at: v.elapsed, done: done}, total); ok && !v.stopping {
		say(bold, "about "+about(left)+" left", about(left)+" left")
	}
	say(plain, v.wrote+" "+figures.Count(t.Written), v.wrote+" "+count(t.Written, true))
	if t.Rejected > 0 {
		say(bad, "rejected "+figures.Count(t.Rejected), "rejected "+count(t.Rejected, true))
	}
	return facts
}

// Line is the run on one line of its own, for where lines can't be drawn anew.
func (v *View) Line() string {
	t := &v.totals
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.title, v.elapsed.Truncate(time.Second))
	for _, f := range v.facts() {
		b.WriteString("  " + f.text)
	}
	fmt.Fprintf(&b, "  %s rows/s", figures.Count(int64(v.rate)))
	if t.segments > 0 {
		fmt.Fprintf(&b, "  segments %s of %s", figures.Count(t.segmentsDone), figures.Count(t.segments))
	}
	for _, c := range []struct {
		name  string
		count int64
	}{{"requests", t.Requests}, {"retries", t.Retries}, {"throttled", t.Throttles}} {
		if c.count > 0 {
			fmt.Fprintf(&b, "  %s %s", c.name, figures.Count(c.count))
		}
	}
	for i, n := range v.nodes {
		if n.load.Budget > 0 && !n.ended {
			fmt.Fprintf(&b, "  %s %s units/s", n.name, used(n.units, n.load.Budget, false))
		}
		if n.slowest {
			fmt.Fprintf(&b, "  slowest %s%s", n.name, v.because(n, i))
		}
	}
	return b.String()
}
