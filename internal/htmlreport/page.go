package htmlreport

import (
	"bufio"
	"io"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// tile is one figure of the summary.
type tile struct {
	Name, Text string
	Bad        bool
}

// Write writes the page of a run that has ended. What the report quotes of
// others is shown as it stands: the caller has masked secrets in it (promise 8).
func Write(w io.Writer, r *engine.Report, history *Recorder) error {
	m := markup{bufio.NewWriter(w)}
	m.begin(r)
	m.notes(r)
	m.tiles(tiles(r))
	m.graph(drawGraph(r))
	m.charts(charts(r, history.history()))
	m.ledger(r)
	m.rejects(r)
	m.services(r)
	m.plan(r)
	m.throttles(r)
	m.warnings(r)
	m.put("</main>\n</body>\n</html>\n")
	return m.w.Flush()
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
		{"took", figures.Seconds(r.Seconds), false},
		{"rows read", figures.Count(read), false},
		{writing, figures.Count(written), false},
		{"rows rejected", figures.Count(r.Rejects), r.Rejects > 0},
	}
	if r.Unsettled > 0 {
		all = append(all, tile{"rows not settled", figures.Count(r.Unsettled), true})
	}
	if requests > 0 {
		all = append(all, tile{"requests", figures.Count(requests), false}, tile{"retries", figures.Count(retries), false}, tile{"throttled", figures.Count(throttles), throttles > 0})
	}
	if capacity > 0 {
		all = append(all, tile{"capacity units", figures.Units(capacity), false})
	}
	return all
}

// cell is a count in a table where most are zero.
func cell(n int64) string {
	if n == 0 {
		return "-"
	}
	return figures.Count(n)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
