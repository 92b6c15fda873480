package htmlreport

import (
	"bufio"
	_ "embed"
	"fmt"
	"html"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

//go:embed page.css
var style string

// markup writes HTML. No template does it: one that may call any method by its
// name makes the linker keep all methods of the whole program, which made the
// binary a third larger and each command slower to start.
type markup struct {
	w *bufio.Writer // keeps the first error for Flush
}

// put writes a format. Its arguments are text, whatever they are, and may stand in
// elements and in attributes between double quotes, nowhere else.
func (m markup) put(format string, args ...any) {
	for i, a := range args {
		if _, number := a.(int); !number {
			args[i] = html.EscapeString(fmt.Sprint(a))
		}
	}
	fmt.Fprintf(m.w, format, args...)
}

// element writes one with a text, and a class unless it is empty.
func (m markup) element(tag, class, text string) {
	if class == "" {
		m.put("<%s>%s</%s>", tag, text, tag)
		return
	}
	m.put(`<%s class="%s">%s</%s>`, tag, class, text, tag)
}

func (m markup) begin(r *engine.Report) {
	heading := r.Status.Words()
	if r.DryRun {
		heading = "dry run: " + heading
	}
	m.put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s: %s</title>
<style>
`, r.Pipeline, heading)
	_, _ = m.w.WriteString(style)
	m.put("</style>\n</head>\n<body>\n<main>\n<header>\n")
	m.put(`<h1>%s <span class="status %s">%s</span></h1>`+"\n", r.Pipeline, r.Status, heading)
	m.put(`<p class="dim">Run %s, started %s, took %s.`, r.Run, moment(r.Started), figures.Seconds(r.Seconds))
	if c := r.Checkpoint; c != nil {
		m.put(" Checkpoint %s was saved %s", figures.Count(c.Number), moment(c.Saved))
		if c.Resumed {
			m.put("; the run went on from an earlier one, whose rows are counted too, and charts begin where it went on")
		}
		m.put(".")
	}
	m.put("</p>\n</header>\n")
}

// notes are the error and the first rejects.
func (m markup) notes(r *engine.Report) {
	if r.Error != "" {
		m.put(`<div class="card note" id="error"><b>Error:</b> %s</div>`+"\n", r.Error)
	}
	if r.FirstReject == "" {
		return
	}
	m.put(`<div class="card note mild"><b>Rejected rows</b> are kept `)
	if r.DeadLetter == "" {
		m.put("nowhere.")
	} else {
		m.put("in %s.", r.DeadLetter)
	}
	m.put(" The first: ")
	for _, what := range r.FirstRejects {
		m.put("\n%s", what)
	}
	if len(r.FirstRejects) == 0 {
		m.put("%s", r.FirstReject)
	}
	m.put("</div>\n")
}

func (m markup) tiles(tiles []tile) {
	m.put(`<section class="tiles" id="summary">` + "\n")
	for _, t := range tiles {
		m.put(`<div class="card tile">`)
		m.element("b", bad(t.Bad), t.Text)
		m.element("span", "dim", t.Name)
		m.put("</div>\n")
	}
	m.put("</section>\n")
}

func (m markup) graph(g graph) {
	m.put("\n<h2>Graph</h2>\n<div class=\"card wide\">\n")
	m.put(`<svg class="graph %s" id="graph" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="Graph of the pipeline">`+"\n",
		either(g.Fits, "fit", ""), g.Width, g.Height, g.Width, g.Height)
	m.put(`<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto" markerUnits="userSpaceOnUse"><path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>` + "\n")
	for _, e := range g.Edges {
		m.put(`<path class="edge" d="%s" marker-end="url(#head)"><title>%s</title></path>`+"\n", e.Path, e.Title)
	}
	for _, e := range g.Edges { // above the lines
		m.put(`<text class="count" x="%d" y="%d">`, e.X, e.Y)
		if e.Output != "" {
			m.put(`<tspan class="dim">%s: </tspan>`, e.Output)
		}
		m.put("%s</text>\n", e.Text)
	}
	for _, b := range g.Boxes {
		m.put(`<g transform="translate(%d %d)"><title>%s</title><rect class="box" width="%d" height="%d" rx="6"/><rect class="bar %s" width="5" height="%d" rx="2"/>`+"\n",
			b.X, b.Y, b.Node, boxWidth, boxHeight, b.Kind, boxHeight)
		m.put(`<text class="dim" x="14" y="17">%s</text><text class="name" x="14" y="35">%s</text><text x="14" y="53">%s</text>`, b.Kind, b.Name, b.Counts)
		if b.Reject != "" {
			m.put(`<text class="bad" x="%d" y="17" text-anchor="end">%s</text>`, boxWidth-10, b.Reject)
		}
		m.put("</g>\n")
	}
	m.put("</svg>\n</div>\n")
}

func (m markup) charts(charts []chart) {
	m.put("\n<h2>Over time</h2>\n")
	if len(charts) == 0 {
		m.put(`<p class="dim">The run ended before there was anything to draw.</p>` + "\n")
		return
	}
	m.put(`<div class="charts" id="charts">` + "\n")
	for i := range charts {
		m.chart(&charts[i])
	}
	m.put("</div>\n")
}

func (m markup) chart(c *chart) {
	m.put(`<figure class="card chart"><figcaption><h3>%s</h3><span class="dim">%s</span></figcaption>`+"\n", c.Title, c.About)
	m.put(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", chartWidth, chartHeight, c.Title)
	for _, t := range c.Ticks {
		m.put(`<line class="grid" x1="%d" x2="%d" y1="%s" y2="%s"/>`, plotLeft, plotRight, t.At, t.At)
		m.put(`<text class="dim" x="%d" y="%s" dx="-8" dy="4" text-anchor="end">%s</text>`+"\n", plotLeft, t.At, t.Text)
	}
	for i, t := range c.Times {
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case len(c.Times) - 1:
			anchor = "end"
		}
		m.put(`<text class="dim" x="%s" y="%d" dy="20" text-anchor="%s">%s</text>`+"\n", t.At, plotBottom, anchor, t.Text)
	}
	for _, l := range c.Lines {
		m.put(`<polyline class="line s%d %s" points="%s"><title>%s</title></polyline>`+"\n", l.Colour, either(l.Dashed, "dashed", ""), l.Points, l.Name)
	}
	m.put("</svg>\n" + `<ul class="legend">`)
	for _, l := range c.Lines {
		m.put(`<li><svg viewBox="0 0 22 10" aria-hidden="true"><path class="line s%d %s" d="M0 5H22"/></svg>`, l.Colour, either(l.Dashed, "dashed", ""))
		m.put(`<span class="who">%s</span><span class="dim">mean %s, peak %s</span></li>`+"\n", l.Name, l.Mean, l.Peak)
	}
	m.put("</ul></figure>\n")
}

func bad(is bool) string { return either(is, "bad", "") }

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
