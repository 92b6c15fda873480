package htmlreport

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// The measures of a chart, in units of the drawing.
const (
	chartWidth, chartHeight = 640, 230
	plotLeft, plotRight     = 62, 628
	plotTop, plotBottom     = 12, 200
	colours                 = 8 // of page.css; further lines are dashed
)

// chart is one quantity over time, a line for each node.
type chart struct {
	Title, About string
	Ticks        []tick // of the quantity
	Times        []tick
	Lines        []curve
}

type tick struct {
	At   string
	Text string
}

type curve struct {
	Name   string
	Colour int
	Dashed bool
	Points string
	Peak   string
	Mean   string
}

// quantity is what a chart shows: how fast a count of a node grows.
type quantity struct {
	title, about string
	// of is the count, and false for nodes that have none.
	of []count
}

type count struct {
	suffix string // of the node's name
	get    func(counts) float64
	has    func(engine.NodeReport) bool
}

func quantities() []quantity {
	asks := func(n engine.NodeReport) bool { return n.Requests > 0 }
	return []quantity{
		{"Rows per second", "read by sources, written by sinks", []count{
			{"", func(c counts) float64 { return float64(c.rows) }, func(n engine.NodeReport) bool { return n.Kind != "transform" }},
		}},
		{"Rejected rows per second", "by the node that refused them", []count{
			{"", func(c counts) float64 { return float64(c.rejected) }, func(n engine.NodeReport) bool { return n.Rejected > 0 }},
		}},
		{"Requests per second", "attempts, retries among them", []count{
			{"", func(c counts) float64 { return float64(c.requests) }, asks},
		}},
		{"Requests in flight", "on average, from the time that requests took", []count{
			{"", func(c counts) float64 { return c.busy }, asks},
		}},
		{"Retries and throttles per second", "what services pushed back", []count{
			{" retries", func(c counts) float64 { return float64(c.retries) }, func(n engine.NodeReport) bool { return n.Retries > 0 }},
			{" throttled", func(c counts) float64 { return float64(c.throttles) }, func(n engine.NodeReport) bool { return n.Throttles > 0 }},
		}},
		{"Capacity units per second", "consumed of tables and indexes", []count{
			{"", func(c counts) float64 { return c.units }, func(n engine.NodeReport) bool { return len(n.Capacity) > 0 }},
		}},
	}
}

// charts are those that have anything to show.
func charts(r *engine.Report, samples []sample) []chart {
	if len(samples) < 2 {
		return nil
	}
	var all []chart
	for _, q := range quantities() {
		c := chart{Title: q.title, About: q.about}
		var names []string
		var rates [][]float64
		for i, n := range r.Nodes {
			for _, k := range q.of {
				if k.has(n) {
					names, rates = append(names, n.Node+k.suffix), append(rates, speeds(samples, i, k.get))
				}
			}
		}
		if len(names) == 0 {
			continue
		}
		c.draw(samples, names, rates)
		all = append(all, c)
	}
	return all
}

// speeds is how much a count of a node grew in a second, between each two
// samples.
func speeds(samples []sample, node int, get func(counts) float64) []float64 {
	var s []float64
	for i, to := range samples[1:] {
		from := samples[i]
		took := to.at - from.at
		if took <= 0 {
			s = append(s, 0)
			continue
		}
		s = append(s, max(get(to.nodes[node])-get(from.nodes[node]), 0)/took)
	}
	return s
}

func (c *chart) draw(samples []sample, names []string, rates [][]float64) {
	top := 0.0
	for _, line := range rates {
		for _, v := range line {
			top = max(top, v)
		}
	}
	step := roundUp(top / 4)
	top = step * 4
	start, end := samples[0].at, samples[len(samples)-1].at
	x := func(at float64) string {
		return coordinate(plotLeft + (at-start)/max(end-start, 1e-9)*(plotRight-plotLeft))
	}
	y := func(v float64) string { return coordinate(plotBottom - v/top*(plotBottom-plotTop)) }
	for i := range 5 {
		c.Ticks = append(c.Ticks, tick{y(float64(i) * step), amount(float64(i) * step)})
	}
	for i := range 5 {
		at := start + (end-start)*float64(i)/4
		c.Times = append(c.Times, tick{x(at), clock(at, end-start)})
	}
	for i, line := range rates {
		c.Lines = append(c.Lines, curveOf(samples, line, x, y))
		l := &c.Lines[i]
		l.Name, l.Colour, l.Dashed = names[i], i%colours, i >= colours
	}
}

// curveOf draws a line through the middle of each interval, and on to both
// ends.
func curveOf(samples []sample, rates []float64, x, y func(float64) string) curve {
	var b strings.Builder
	peak, sum := 0.0, 0.0
	point := func(at, v float64) { fmt.Fprintf(&b, "%s,%s ", x(at), y(v)) }
	point(samples[0].at, rates[0])
	for i, v := range rates {
		from, to := samples[i].at, samples[i+1].at
		point((from+to)/2, v)
		peak, sum = max(peak, v), sum+v*(to-from)
	}
	last := samples[len(samples)-1].at
	point(last, rates[len(rates)-1])
	return curve{
		Points: strings.TrimSpace(b.String()), Peak: amount(peak), Mean: amount(sum / max(last-samples[0].at, 1e-9)),
	}
}

// roundUp is the next of 1, 2, 2.5, 5, 10, 20, ..., also below 1.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*magnitude*(1+1e-9) {
			return m * magnitude
		}
	}
	return 10 * magnitude
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// amount is a quantity in three digits, or a little more.
func amount(v float64) string {
	for _, unit := range []struct {
		from, by float64
		name     string
	}{{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}} {
		if v >= unit.from {
			return strconv.FormatFloat(v/unit.by, 'g', 3, 64) + unit.name
		}
	}
	if v >= 100 {
		return figures.Count(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// clock is a moment of a run that took that long.
func clock(at, whole float64) string {
	switch s := int64(math.Round(at)); {
	case whole < 8:
		return strconv.FormatFloat(at, 'f', 2, 64) + " s"
	case whole < 120:
		return strconv.FormatFloat(at, 'f', 0, 64) + " s"
	case whole < 2*3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	default:
		return fmt.Sprintf("%d h %02d", s/3600, s/60%60)
	}
}
