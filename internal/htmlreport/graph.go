package htmlreport

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// The measures of the graph, in units of the drawing.
const (
	boxWidth, boxHeight = 236, 62
	columnGap, rowGap   = 130, 22
	margin              = 10
	// fits is how wide a graph may be to be shown whole; a wider one is scrolled.
	fits = 2000
)

// graph is the pipeline as a drawing, sources on the left.
type graph struct {
	Width, Height int
	Fits          bool
	Boxes         []box
	Edges         []line
}

type box struct {
	X, Y   int
	Kind   string
	Node   string // whole
	Name   string // as much as fits
	Counts string
	Reject string // empty when there are none
}

type line struct {
	Path         string
	X, Y         int // of the text
	Text, Output string
	Title        string
}

// point is a node, or where an edge that is longer than a column passes one.
type point struct {
	column, row int
	node        int // -1: an edge passes
	order       float64
}

func (p *point) x() int { return margin + p.column*(boxWidth+columnGap) }
func (p *point) y() int { return margin + p.row*(boxHeight+rowGap) + boxHeight/2 }

// drawGraph places nodes in columns by their longest way from a source, and
// in a column near those they read, so that edges seldom cross.
func drawGraph(r *engine.Report) graph {
	index := map[string]int{}
	for i, n := range r.Nodes {
		index[n.Node] = i
	}
	points := make([]*point, len(r.Nodes))
	for i := range points {
		points[i] = &point{node: i}
	}
	from := func(e engine.EdgeReport) (int, string) {
		if i, ok := index[e.From]; ok {
			return i, ""
		}
		at := strings.LastIndexByte(e.From, '.') // the output of a route
		return index[e.From[:max(at, 0)]], e.From[at+1:]
	}
	// Edges of a graph without cycles: after as many rounds as nodes nothing moves.
	for range r.Nodes {
		for _, e := range r.Edges {
			i, _ := from(e)
			to := points[index[e.To]]
			to.column = max(to.column, points[i].column+1)
		}
	}
	all := slices.Clone(points)
	chains := make([][]*point, len(r.Edges))
	for i, e := range r.Edges {
		start, _ := from(e)
		end := points[index[e.To]]
		chains[i] = append(chains[i], points[start])
		for column := points[start].column + 1; column < end.column; column++ {
			pass := &point{column: column, node: -1}
			all, chains[i] = append(all, pass), append(chains[i], pass)
		}
		chains[i] = append(chains[i], end)
	}
	g := graph{}
	g.Width, g.Height = place(all, chains)
	g.Fits = g.Width <= fits
	for i, n := range r.Nodes {
		g.Boxes = append(g.Boxes, boxOf(n, points[i]))
	}
	for i, e := range r.Edges {
		_, output := from(e)
		g.Edges = append(g.Edges, lineOf(e, output, chains[i]))
	}
	return g
}

// place gives each point its row, and says how large the whole is.
func place(all []*point, chains [][]*point) (width, height int) {
	readers := map[*point][]*point{} // who a point reads
	columns := 0
	for _, c := range chains {
		for i := 1; i < len(c); i++ {
			readers[c[i]] = append(readers[c[i]], c[i-1])
		}
	}
	for _, p := range all {
		columns = max(columns, p.column+1)
	}
	rows := 0
	for column := range columns {
		var here []*point
		for _, p := range all {
			if p.column != column {
				continue
			}
			for _, read := range readers[p] {
				p.order += float64(read.row) / float64(len(readers[p]))
			}
			here = append(here, p)
		}
		slices.SortStableFunc(here, func(a, b *point) int { return cmp.Compare(a.order, b.order) })
		for row, p := range here {
			p.row = row
		}
		rows = max(rows, len(here))
	}
	return 2*margin + columns*boxWidth + (columns-1)*columnGap, 2*margin + rows*boxHeight + (rows-1)*rowGap
}

func boxOf(n engine.NodeReport, p *point) box {
	_, name, _ := strings.Cut(n.Node, ".")
	b := box{X: p.x(), Y: p.y() - boxHeight/2, Kind: n.Kind, Node: n.Node, Name: short(name, 26)}
	switch n.Kind {
	case "source":
		b.Counts = figures.Count(n.Read) + " read"
	case "sink":
		b.Counts = figures.Count(n.Written) + " written"
		if n.WouldWrite > 0 {
			b.Counts = figures.Count(n.WouldWrite) + " would be written"
		}
	default:
		b.Counts = figures.Count(n.In) + " in, " + figures.Count(n.Out) + " out"
	}
	if n.Rejected > 0 {
		b.Reject = figures.Count(n.Rejected) + " rejected"
	}
	return b
}

func lineOf(e engine.EdgeReport, output string, chain []*point) line {
	l := line{Text: figures.Count(e.Received), Output: output, Title: fmt.Sprintf("%s to %s: %s sent, %s received", e.From, e.To, figures.Count(e.Sent), figures.Count(e.Received))}
	var path strings.Builder
	for i, p := range chain[1:] {
		x, y := chain[i].x()+boxWidth, chain[i].y()
		toX, toY := p.x(), p.y()
		if i == 0 {
			fmt.Fprintf(&path, "M%d %d", x, y)
			l.X, l.Y = (x+toX)/2, (y+toY)/2-6
		}
		fmt.Fprintf(&path, " C%d %d %d %d %d %d", x+columnGap/2, y, toX-columnGap/2, toY, toX, toY)
		if p.node < 0 {
			fmt.Fprintf(&path, " L%d %d", toX+boxWidth, toY)
		}
	}
	l.Path = path.String()
	return l
}

// short is a text of at most n characters, its middle left out.
func short(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n/2]) + "…" + string(runes[len(runes)-n/2+1:])
}
