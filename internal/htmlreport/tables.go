package htmlreport

import (
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// table is one of the page.
type table struct {
	markup
	columns []string
	heading func() // writes what comes before the first row; nil when that is there
}

// table begins one. Without rows nothing of it is written. Columns whose names
// begin with "<" are texts, which stand on the left; others are numbers.
func (m markup) table(title, id string, columns ...string) *table {
	t := &table{markup: m, columns: columns}
	t.heading = func() {
		m.put("\n<h2>%s</h2>\n"+`<div class="card wide"><table id="%s">`+"\n<thead><tr>", title, id)
		for i, c := range columns {
			m.element("th", t.side(i), strings.TrimPrefix(c, "<"))
		}
		m.put("</tr></thead>\n<tbody>")
	}
	return t
}

func (t *table) side(column int) string {
	return either(strings.HasPrefix(t.columns[column], "<"), "left", "")
}

// begin begins a row.
func (t *table) begin() {
	if t.heading != nil {
		t.heading()
		t.heading = nil
	}
	t.put("<tr>")
}

// row writes one of plain texts.
func (t *table) row(cells ...string) {
	t.begin()
	for i, c := range cells {
		t.element("td", t.side(i), c)
	}
	t.put("</tr>\n")
}

func (t *table) end() {
	if t.heading == nil {
		t.put("</tbody></table></div>\n")
	}
}

func (m markup) ledger(r *engine.Report) {
	t := m.table("Ledger", "ledger", "<node", "read", "in", "made", "out", either(r.DryRun, "would be written", "written"),
		"filtered", "coalesced", "rejected", "unsettled")
	for _, n := range r.Nodes {
		t.begin()
		m.element("td", "left", n.Node)
		for _, c := range []int64{n.Read, n.In, n.Made, n.Out, n.Written + n.WouldWrite, n.Filtered, n.Coalesced} {
			m.element("td", "", cell(c))
		}
		for _, c := range []int64{n.Rejected, n.Unsettled} {
			m.element("td", bad(c > 0), cell(c))
		}
		m.put("</tr>\n")
	}
	t.end()
}

func (m markup) rejects(r *engine.Report) {
	reasons, other := rejects(r)
	t := m.table("Rejected rows by reason", "rejects", "<node", "<code", "rows")
	for _, why := range reasons {
		t.row(why.Node, why.Code, figures.Count(why.Count))
	}
	if other > 0 {
		what := "not kept"
		if r.DeadLetter != "" {
			what = "others, or not to be found in " + r.DeadLetter
		}
		t.begin()
		m.put(`<td class="left dim" colspan="2">%s</td><td>%s</td></tr>`, what, figures.Count(other))
	}
	t.end()
}

func (m markup) services(r *engine.Report) {
	t := m.table("Services", "services", "<node", "requests", "retries", "throttled", "items given back", "divided", "<capacity units")
	for _, n := range r.Nodes {
		if n.Requests == 0 {
			continue
		}
		t.begin()
		m.element("td", "left", n.Node)
		for _, c := range []int64{n.Requests, n.Retries, n.Throttles, n.Unprocessed, n.Splits} {
			m.element("td", "", cell(c))
		}
		m.put(`<td class="left">`)
		for _, c := range n.Capacity {
			m.put("<div>%s of %s", figures.Units(c.Units), c.Table)
			if c.Index != "" {
				m.put(", index %s", c.Index)
			}
			m.put("</div>")
		}
		m.put("</td></tr>\n")
	}
	t.end()
}

// plan is how far the plan was off that the run was given.
func (m markup) plan(r *engine.Report) {
	if r.Plan == nil {
		return
	}
	t := m.table("Against the plan", "plan", "<figure", "planned", "was", "off")
	for _, f := range r.Plan.Figures {
		t.row(f.Title(), f.PlannedText(), f.Text(f.Actual), f.OffText())
	}
	t.end()
}

func (m markup) throttles(r *engine.Report) {
	t := m.table("Throttles by reason", "throttles", "<node", "<reason", "<resource", "requests")
	for _, n := range r.Nodes {
		for _, why := range n.ThrottleReasons {
			t.row(n.Node, why.Reason, why.Resource, figures.Count(why.Count))
		}
	}
	t.end()
}

func (m markup) warnings(r *engine.Report) {
	t := m.table("Warnings", "warnings", "<node", "<warning", "times")
	for _, n := range r.Nodes {
		for _, w := range n.Warnings {
			t.row(n.Node, w.Message, figures.Count(w.Count))
		}
	}
	t.end()
}
