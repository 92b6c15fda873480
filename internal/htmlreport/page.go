package htmlreport

import (
	"bufio"
	_ "embed"
	"html/template"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

//go:embed page.html
var source string

// page is what the template sees.
type page struct {
	*engine.Report
	Heading   string
	Took      string
	Tiles     []tile
	Graph     graph
	Charts    []chart
	Asked     []engine.NodeReport // nodes that asked services
	Throttled bool                // for a reason
	Warned    bool
	Reasons   []reason
	Other     int64 // rejected rows whose reason is not known
}

// tile is one figure of the summary.
type tile struct {
	Name, Text string
	Bad        bool
}

var headings = map[engine.Status]string{
	engine.Done:            "done",
	engine.DoneWithRejects: "done, with rejected rows",
	engine.Failed:          "failed",
	engine.Interrupted:     "interrupted",
}

// Write writes the page of a run that has ended. What the report quotes of
// others is shown as it stands: the caller has masked secrets in it (promise 8).
func Write(w io.Writer, r *engine.Report, history *Recorder) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"number": number, "cell": cell, "units": units, "time": moment,
	}).Parse(source)
	if err != nil {
		return err
	}
	p := page{Report: r, Heading: headings[r.Status], Took: duration(r.Seconds), Graph: drawGraph(r), Charts: charts(r, history.history())}
	p.Reasons, p.Other = rejects(r)
	p.Tiles = tiles(r)
	if r.DryRun {
		p.Heading = "dry run: " + p.Heading
	}
	for _, n := range r.Nodes {
		if n.Requests > 0 {
			p.Asked = append(p.Asked, n)
		}
		p.Throttled = p.Throttled || len(n.ThrottleReasons) > 0
		p.Warned = p.Warned || len(n.Warnings) > 0
	}
	b := bufio.NewWriter(w)
	if err := t.Execute(b, p); err != nil {
		return err
	}
	return b.Flush()
}

// tiles are the figures of the whole run: rows always, the others if any.
func tiles(r *engine.Report) []tile {
	var read, written, requests, retries, throttles int64
	var capacity float64
	for _, n := range r.Nodes {
		read, written = read+n.Read, written+n.Written+n.WouldWrite
		requests, retries, throttles = requests+n.Requests, retries+n.Retries, throttles+n.Throttles
		for _, c := range n.Capacity {
			capacity += c.Units
		}
	}
	writing := "rows written"
	if r.DryRun {
		writing = "rows would be written"
	}
	all := []tile{
		{"took", duration(r.Seconds), false},
		{"rows read", number(read), false},
		{writing, number(written), false},
		{"rows rejected", number(r.Rejects), r.Rejects > 0},
	}
	if r.Unsettled > 0 {
		all = append(all, tile{"rows not settled", number(r.Unsettled), true})
	}
	if requests > 0 {
		all = append(all, tile{"requests", number(requests), false}, tile{"retries", number(retries), false}, tile{"throttled", number(throttles), throttles > 0})
	}
	if capacity > 0 {
		all = append(all, tile{"capacity units", units(capacity), false})
	}
	return all
}

// number groups digits by threes: 1,234,567.
func number(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// cell is a count in a table where most are zero.
func cell(n int64) string {
	if n == 0 {
		return "-"
	}
	return number(n)
}

// units is capacity units, to a tenth.
func units(u float64) string {
	tenths := int64(math.Round(u * 10))
	if tenths%10 == 0 {
		return number(tenths / 10)
	}
	return number(tenths/10) + "." + strconv.FormatInt(tenths%10, 10)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func duration(s float64) string {
	if s < 60 {
		return strconv.FormatFloat(s, 'f', 2, 64) + " s"
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
