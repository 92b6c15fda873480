package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// WriteJSON writes the view as one indented JSON document.
func (v View) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// WriteText writes the view for people, for lines of a width as far as it can; 0
// is any. Warnings are not in it: they are rendered with their source lines by
// diag.
func (v View) WriteText(w io.Writer, width int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Pipeline %s\n", v.Pipeline)
	if v.Description != "" {
		fmt.Fprintf(&b, "  %s\n", v.Description)
	}
	s := v.Settings
	fmt.Fprintf(&b, "  rejects: at most %s, kept in %s\n", s.MaxRejects, s.DeadLetter)
	fmt.Fprintf(&b, "  batches: up to %d rows or %s, %d per channel, parallelism %d\n",
		s.BatchRows, size(s.BatchBytes), s.ChannelCapacity, s.Parallelism)
	if v.State.Resumable {
		fmt.Fprintf(&b, "  state: in %s, every %s; %s\n", v.State.Path, time.Duration(v.State.Every*float64(time.Second)), v.State.Resumption)
	} else {
		fmt.Fprintf(&b, "  state: %s\n", v.State.Resumption)
	}
	if v.Sampling != nil {
		for _, l := range v.Sampling.lines() {
			text := wrapped(l, width-4)
			fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(text, "\n", "\n    "))
		}
	}
	for i, n := range v.Nodes {
		fmt.Fprintf(&b, "\n%3d. %s", i+1, n.Address)
		if len(n.From) > 0 {
			fmt.Fprintf(&b, "  <- %s", strings.Join(n.From, ", "))
		}
		b.WriteByte('\n')
		writeLines(&b, n.arguments(), width)
		writeLines(&b, n.lines(width), width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type line struct {
	name, text string
	wrap       bool // a text that may be broken anywhere between words
}

// arguments is what the file says of a node.
func (n NodeView) arguments() (out []line) {
	for _, a := range n.Arguments {
		out = append(out, line{name: a.Name, text: a.Value})
	}
	return out
}

// lines is what else there is to say of it.
func (n NodeView) lines(width int) []line {
	var out []line
	add := func(name string, texts ...string) {
		for _, t := range texts {
			if t != "" {
				out = append(out, line{name: name, text: t, wrap: name != "[file]"})
			}
		}
	}
	out = append(out, n.evaluations()...)
	add("[outputs]", strings.Join(n.Outputs, ", "))
	add("[calls]", strings.Join(n.Facts.Calls, ", "))
	for _, t := range n.Facts.Tables {
		add("[table]", tableText(t))
	}
	add("[file]", n.Facts.Files...)
	add("[order]", n.Facts.Order)
	add("[guarantee]", n.Facts.Guarantee)
	add("[note]", n.Facts.Notes...)
	add("[unknown]", n.Unknown)
	out = append(out, n.estimates()...)
	if n.Sample == nil {
		return out
	}
	indent := margin
	for _, l := range append(n.samples(0), out...) {
		indent = max(indent, margin+utf8.RuneCountInString(l.name)+2)
	}
	room := mostTable
	if width > 0 {
		room = max(width-indent, leastText)
	}
	return append(out, n.samples(room)...)
}

// evaluations is how the node's expressions run: those that run as columns in
// one line, the others each with what makes them different.
func (n NodeView) evaluations() (out []line) {
	var columns []string
	var others []line
	for _, a := range n.Arguments {
		for _, e := range a.Evaluations {
			parts := strings.Join(e.RowByRow, ", ")
			switch {
			case e.Way == expr.AsColumns && parts == "":
				columns = append(columns, e.Name)
			case e.Way == expr.AsColumns:
				others = append(others, line{name: "[columns]", text: e.Name + ", but row by row the " + parts})
			case e.Way == expr.RowByRow && parts == "":
				others = append(others, line{name: "[row by row]", text: e.Name})
			case e.Way == expr.RowByRow:
				others = append(others, line{name: "[row by row]", text: e.Name + ": " + parts})
			}
		}
	}
	if len(columns) > 0 {
		out = append(out, line{name: "[columns]", text: strings.Join(columns, ", "), wrap: true})
	}
	return append(out, others...)
}

const (
	// margin is how far the lines of a node are indented.
	margin = 7
	// mostTable is the width of a table of rows where lines may have any.
	mostTable = 120
)

func tableText(t schema.TableUse) string {
	s := t.Use + " " + t.Name
	if len(t.Keys) > 0 {
		s += ", keys " + strings.Join(t.Keys, ", ")
	}
	if t.Note != "" {
		s += " (" + t.Note + ")"
	}
	return s
}

// writeLines aligns the texts and indents those of several lines.
func writeLines(b *strings.Builder, lines []line, total int) {
	width := 0
	for _, l := range lines {
		width = max(width, len(l.name))
	}
	indent := "\n" + strings.Repeat(" ", margin+width+2)
	for _, l := range lines {
		text := l.text
		if l.wrap && total > 0 {
			text = wrapped(text, total-len(indent)+1)
		}
		text = strings.ReplaceAll(strings.TrimSpace(text), "\n", indent)
		fmt.Fprintf(b, "       %-*s  %s\n", width, l.name, text)
	}
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
