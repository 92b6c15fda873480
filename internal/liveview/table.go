package liveview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// node is what a line says of one.
type node struct {
	name           string // its address: kind, type, label
	queue          float64
	queued         bool // something leads to it
	in, out, held  int64
	rate           float64 // rows taken up per second, lately
	load           progress.Load
	asks           bool // it has made requests
	retries        int64
	throttled      int64
	unprocessed    int64
	units          float64 // of capacity per second, lately
	ended, slowest bool
	notes          []fact
	rejected       int64
}

// The columns, as they stand.
const (
	colName = iota
	colQueue
	colIn
	colOut
	colRate
	colHeld
	colFlight
	colRetries
	colThrottled
	colUnprocessed
	colUnits
	colNote
	colCount
)

var headings = [colCount]string{"node", "queue", "in", "out", "rows/s", "held", "in flight", "retries", "throttled", "unprocessed", "units/s", ""}

// layout is what of the table is shown.
type layout struct {
	hidden  [colCount]bool
	bar     int // columns of a queue
	compact bool
	gap     int
	parts   int // of an address, from its end
	name    int // columns at most
	notes   int // 0: none, 1: the first, in short, 2: the first, 3: all
}

// widest is the layout of a window with room for all.
func widest() layout { return layout{bar: 10, gap: gap, parts: 3, name: 60, notes: 3} }

// reductions make the table narrower, one after the other: what tells least of
// where the time goes is left out first.
var reductions = [...]func(*layout){
	hide(colIn),
	func(l *layout) { l.parts = 2 },
	hide(colRetries),
	func(l *layout) { l.bar = 6 },
	hide(colHeld),
	hide(colUnprocessed),
	func(l *layout) { l.name = 30 },
	func(l *layout) { l.compact = true },
	func(l *layout) { l.notes = 2 },
	hide(colFlight),
	func(l *layout) { l.name = 20 },
	hide(colUnits),
	func(l *layout) { l.notes = 1 },
	func(l *layout) { l.gap = 1 },
	func(l *layout) { l.parts = 1 },
	hide(colThrottled),
	func(l *layout) { l.name = 10 },
	hide(colOut),
	hide(colRate),
	func(l *layout) { l.name = 6 },
	func(l *layout) { l.notes = 0 },
	hide(colQueue),
}

func hide(column int) func(*layout) {
	return func(l *layout) { l.hidden[column] = true }
}

// cell is the text of a column; empty where there is nothing to say.
func (l *layout) cell(n *node, column int) string {
	number := func(c int64) string {
		if c == 0 {
			return ""
		}
		return count(c, l.compact)
	}
	switch column {
	case colName:
		return shorten(lastParts(n.name, l.parts), l.name)
	case colQueue:
		if n.queued {
			return bar(n.queue, l.bar)
		}
	case colIn:
		return count(n.in, l.compact)
	case colOut:
		return count(n.out, l.compact)
	case colRate:
		if !n.ended {
			return count(int64(n.rate), l.compact)
		}
	case colHeld:
		return number(n.held)
	case colFlight:
		switch {
		case !n.asks || n.ended:
		case n.load.Limit > 0:
			return fmt.Sprintf("%d of %d", n.load.InFlight, n.load.Limit)
		default:
			return figures.Count(int64(n.load.InFlight))
		}
	case colRetries:
		return number(n.retries)
	case colThrottled:
		return number(n.throttled)
	case colUnprocessed:
		return number(n.unprocessed)
	case colUnits:
		return l.capacity(n)
	case colNote:
		return l.noted(n)
	}
	return ""
}

func (l *layout) noted(n *node) string {
	switch {
	case len(n.notes) == 0 || l.notes == 0:
		return ""
	case l.notes == 1:
		return n.notes[0].short
	case l.notes == 2:
		return n.notes[0].text
	}
	all := make([]string, len(n.notes))
	for i, f := range n.notes {
		all[i] = f.text
	}
	return strings.Join(all, ", ")
}

func (l *layout) capacity(n *node) string {
	if n.ended || n.units < 0.5 && n.load.Budget == 0 {
		return ""
	}
	return used(n.units, n.load.Budget, l.compact)
}

// used is units per second, of the budget where there is one.
func used(units, budget float64, compact bool) string {
	text := count(int64(units+0.5), compact)
	if budget > 0 {
		text += " of " + count(int64(budget+0.5), compact)
	}
	return text
}

// lastParts is the end of a node's address. Those that verify makes have names
// that are none.
func lastParts(address string, n int) string {
	parts := strings.SplitN(address, ".", 3)
	if len(parts) < 3 || !slices.Contains([]string{"source", "transform", "sink"}, parts[0]) {
		return address
	}
	return strings.Join(parts[3-n:], ".")
}

// key is a column as a layout shows it.
type key struct {
	column, bar, parts, name, notes int
	compact                         bool
}

// widths are those of a layout's columns, 0 of those not shown. A column that
// has been there stays, as wide as it was, so that nothing jumps to and fro.
func (v *View) widths(l *layout, nodes []*node) (widths [colCount]int, all int) {
	for c := range colCount {
		if l.hidden[c] {
			continue
		}
		k := key{column: c, bar: l.bar, parts: l.parts, name: l.name, notes: l.notes, compact: l.compact}
		w := v.seen[k]
		for _, n := range nodes {
			w = max(w, columns(l.cell(n, c)))
		}
		if w > 0 {
			w = max(w, columns(headings[c]))
		}
		v.seen[k] = w
		if widths[c] = w; w > 0 {
			all += w + l.gap
		}
	}
	return widths, max(all-l.gap, 0)
}

// table is a line for each node, below one with the names of the columns.
func (v *View) table(nodes []*node, width int) [][]span {
	l := widest()
	widths, all := v.widths(&l, nodes)
	for _, reduce := range reductions {
		if all <= width {
			break
		}
		reduce(&l)
		widths, all = v.widths(&l, nodes)
	}
	rows := [][]span{l.row(widths, func(c int) span { return span{headings[c], dim} })}
	for _, n := range nodes {
		rows = append(rows, l.row(widths, func(c int) span { return span{l.cell(n, c), n.style(c)} }))
	}
	return rows
}

// row lines up cells. Names, bars and notes begin alike, numbers end alike.
func (l *layout) row(widths [colCount]int, cell func(column int) span) []span {
	var row []span
	for c, w := range widths {
		if w == 0 {
			continue
		}
		if len(row) > 0 {
			row = append(row, span{strings.Repeat(" ", l.gap), plain})
		}
		s := cell(c)
		s.text = pad(s.text, w, !slices.Contains([]int{colName, colQueue, colNote}, c))
		row = append(row, s)
	}
	return row
}

func (n *node) style(column int) style {
	switch {
	case n.ended:
		return dim
	case column == colQueue && n.queue >= full, column == colThrottled, column == colUnprocessed:
		return warned
	case column == colNote && n.slowest:
		return loud
	case column == colNote && n.rejected > 0:
		return bad
	}
	return plain
}
