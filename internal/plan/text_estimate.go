package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mitchellh/go-wordwrap"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/figures"
)

const (
	// leastText is the room that texts have on the narrowest terminal.
	leastText = 30
	// mostCell is the widest cell of a table of rows.
	mostCell = 24
)

// lines is how a plan was found.
func (s *Sampling) lines() []string {
	text := fmt.Sprintf("up to %s of each source", figures.Count(s.Rows)+" rows")
	if len(s.Took) > 0 {
		var took []string
		for _, c := range s.Took {
			name := c.Table
			if c.Index != "" {
				name += ", index " + c.Index
			}
			took = append(took, figures.Units(c.Units)+" RCU of "+name)
		}
		text += ", which took " + strings.Join(took, ", ")
	}
	out := []string{"sample: " + text}
	if s.Error != "" {
		out = append(out, "sample: it ended with an error: "+s.Error)
	}
	for _, n := range s.Notes {
		out = append(out, "note: "+n)
	}
	return out
}

// String is the figure as people read it.
func (f Figure) String() string {
	if !f.Known() {
		return "not known: " + f.Unknown
	}
	return f.about() + figures.Count(f.Whole())
}

func (f Figure) about() string {
	switch {
	case f.AtLeast:
		return "at least "
	case f.AtMost && f.Exact:
		return "at most "
	case f.AtMost:
		return "at most about "
	case f.Exact:
		return ""
	}
	return "about "
}

// estimates is what a run would do at the node.
func (n NodeView) estimates() (out []line) {
	e := n.Estimate
	if e == nil {
		return nil
	}
	add := func(name, text string) { out = append(out, line{name: name, text: text, wrap: true}) }
	add("[rows]", n.rowsText())
	if e.Bytes != nil && e.Bytes.Known() {
		text := e.Bytes.String() + " to read"
		if n.Kind == Sink.String() {
			text = e.Bytes.String() + " to write"
		}
		if e.Items != nil {
			text = e.Bytes.String()
			text += fmt.Sprintf(" of items: %s on average, %s the largest looked at", figures.Count(int64(e.Items.Average+0.5)), figures.Count(e.Items.Largest))
		}
		add("[bytes]", text)
	}
	if e.Requests != nil && e.Requests.Known() {
		add("[requests]", e.Requests.String())
	}
	for _, c := range e.Capacity {
		if !c.Units.Known() {
			continue
		}
		name, unit := "table "+c.Table, "WCU"
		if c.Index != "" {
			name = "index " + c.Index + " of " + name
		}
		if c.Kind == "read" {
			unit = "RCU"
		}
		add("[units]", fmt.Sprintf("%s%s %s of %s", c.Units.about(), figures.Units(c.Units.Value), unit, name))
	}
	if s := e.Seconds; s != nil && s.Known() {
		add("[time]", fmt.Sprintf("at least %s: %s", figures.Seconds(s.Value), e.SecondsBy))
	} else if s != nil {
		add("[time]", s.String())
	}
	return out
}

// rowsText is how many rows there are, and what becomes of them.
func (n NodeView) rowsText() string {
	e := n.Estimate
	text := e.In.String()
	switch {
	case !e.In.Known():
		return text
	case n.Kind == Source.String():
		if e.Basis != "" {
			text += ", " + e.Basis
		}
		if n.Sample != nil && !e.In.Exact {
			looked := n.Sample.Rejected
			for _, p := range n.Sample.After {
				looked += p.Rows
			}
			text += fmt.Sprintf(" (%s looked at)", figures.Count(looked))
		}
	case n.Kind == Transform.String() && !e.Out.Known():
		text += " in; out " + e.Out.String()
	case n.Kind == Transform.String():
		text += " in, " + e.Out.String() + " out"
	case e.Out.Known() && e.Out.AtMost:
		text += ", " + e.Out.String() + " written"
	}
	if e.Rejected.Known() && e.Rejected.Value >= 0.5 {
		text += ", " + e.Rejected.String() + " rejected"
	}
	return text
}

// samples is the schema after the node and the first rows there, by output.
func (n NodeView) samples(width int) (out []line) {
	if n.Sample == nil {
		return nil
	}
	for _, p := range n.Sample.After {
		of := ""
		if p.Output != "" {
			of = " " + p.Output
		}
		if p.Rows == 0 {
			out = append(out, line{name: "[after" + of + "]", text: "no row of the sample"})
			continue
		}
		out = append(out, line{name: "[schema" + of + "]", text: p.schemaText(), wrap: true},
			line{name: "[after" + of + "]", text: p.table(n.newFirst(p.Schema), width)})
	}
	return out
}

// schemaText is the attributes with their types, and how often each is there.
func (p Passed) schemaText() string {
	var parts []string
	for _, a := range p.Schema {
		var types []string
		for k := attr.Null; k <= attr.Map; k++ {
			if a.Types[k.Descriptor()] > 0 {
				types = append(types, k.Descriptor())
			}
		}
		text := oneLine(a.Name) + " " + strings.Join(types, "/")
		if a.Present < p.Rows {
			percent := a.Present * 100 / p.Rows
			text += fmt.Sprintf(" %d %%", percent)
			if percent == 0 {
				text = strings.TrimSuffix(text, "0 %") + "<1 %"
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// newFirst is attributes in the order in which they are shown: what a transform
// makes comes first, so that it is seen.
func (n NodeView) newFirst(attributes []Attribute) []Attribute {
	if n.Sample.Before == nil {
		return attributes
	}
	var made, rest []Attribute
	for _, a := range attributes {
		if slices.ContainsFunc(n.Sample.Before.Schema, func(b Attribute) bool { return a.Name == b.Name }) {
			rest = append(rest, a)
		} else {
			made = append(made, a)
		}
	}
	return append(made, rest...)
}

// table is the first rows in columns, as many of these as there is room for.
func (p Passed) table(attributes []Attribute, width int) string {
	items := make([]attr.Value, len(p.First))
	grid := [][]string{{"row"}}
	for i, row := range p.First {
		items[i], _ = attr.ParseDynamoJSON(append(append([]byte(`{"M":`), row.Item...), '}'))
		grid[0] = append(grid[0], shortOrigin(row.Origin))
	}
	left := width - widest(grid[0])
	for i, a := range attributes {
		column := []string{cell(oneLine(a.Name))}
		for _, item := range items {
			column = append(column, cell(valueText(item.Get(a.Name))))
		}
		more := fmt.Sprintf("+%d", len(attributes)-i)
		need := widest(column) + 2
		if last := i == len(attributes)-1; need > left || !last && need+2+len(more) > left {
			column = make([]string, len(column))
			column[0] = more
			grid = append(grid, column)
			break
		}
		left -= need
		grid = append(grid, column)
	}
	var lines []string
	for row := range grid[0] {
		text := ""
		for i, column := range grid {
			if i > 0 {
				text += "  "
			}
			text += column[row] + strings.Repeat(" ", widest(column)-utf8.RuneCountInString(column[row]))
		}
		lines = append(lines, strings.TrimRight(text, " "))
	}
	return strings.Join(lines, "\n")
}

// shortOrigin is an origin without folders, and without the node where there is
// no file.
func shortOrigin(origin string) string {
	node := strings.HasPrefix(origin, Source.String()+".") || strings.HasPrefix(origin, Transform.String()+".")
	if _, rest, ok := strings.Cut(origin, ", "); ok && node {
		return rest
	}
	return path.Base(origin)
}

func widest(texts []string) (n int) {
	for _, t := range texts {
		n = max(n, utf8.RuneCountInString(t))
	}
	return n
}

// cell is a text cut to the width that a cell has.
func cell(text string) string {
	runes := []rune(text)
	if len(runes) <= mostCell {
		return text
	}
	return string(runes[:mostCell-3]) + "..."
}

// valueText is a value in a table.
func valueText(v attr.Value) string {
	switch {
	case v.Kind() == attr.Absent:
		return ""
	case v.Kind() == attr.Null:
		return "NULL"
	case v.Kind() == attr.String && v.Text() == "":
		return `""`
	case v.Kind() == attr.String || v.Kind() == attr.Number:
		return oneLine(v.Text())
	}
	text, _ := attr.AppendJSON(nil, v)
	return oneLine(string(text))
}

// oneLine makes line ends, and what would move the cursor, a space.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// wrapped breaks a text into lines of a width; 0 leaves it as it is.
func wrapped(text string, width int) string {
	if width <= 0 {
		return text
	}
	return wordwrap.WrapString(text, uint(max(width, leastText)))
}
