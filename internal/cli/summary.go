package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mitchellh/go-wordwrap"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/liveview"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// summarise says how a run ended: as text, or as one log record where all of
// standard error is records.
func (a *app) summarise(ctx context.Context, r *engine.Report, p *plan.Plan, err error, o *runOptions, log *slog.Logger) {
	if o.records() {
		logSummary(ctx, r, log)
		return
	}
	width, _ := a.console.width()
	s := summary{width: min(width, 100)}
	s.head(r)
	s.nodes(r)
	s.services(r)
	s.plan(r)
	s.warnings(r)
	// The error of too many rejects says all of this itself.
	if many := (*engine.TooManyRejects)(nil); !errors.As(err, &many) || r.DryRun {
		s.rejects(r, p)
	}
	s.failure(r)
	_, _ = a.console.Write([]byte(s.String()))
}

func logSummary(ctx context.Context, r *engine.Report, log *slog.Logger) {
	level := slog.LevelInfo
	if r.Status != engine.Done {
		level = slog.LevelWarn
	}
	p := liveview.TotalsOf(r)
	attrs := []any{"pipeline", r.Pipeline, "run", r.Run, "status", string(r.Status), "seconds", r.Seconds,
		"read", p.Read, "written", p.Written, "rejected", r.Rejects, "unsettled", r.Unsettled}
	if r.DryRun {
		attrs = append(attrs, "dry_run", true)
		attrs[slices.Index(attrs, any("written"))] = "would_write"
	}
	if r.Rejects > 0 {
		attrs = append(attrs, "first_reject", r.FirstReject)
	}
	if r.DeadLetter != "" {
		attrs = append(attrs, "dead_letter", r.DeadLetter)
	}
	if r.Error != "" {
		level = slog.LevelError
		attrs = append(attrs, "error", r.Error)
	}
	log.Log(ctx, level, "run ended", attrs...)
}

// summary is a report as text for people.
type summary struct {
	strings.Builder
	width int // texts are wrapped to it; 0 leaves them as they are
}

// heading makes a failure loud: the line may be one of many in a log.
func heading(s engine.Status) string {
	if s == engine.Failed {
		return strings.ToUpper(s.Words())
	}
	return s.Words()
}

func (s *summary) head(r *engine.Report) {
	p := liveview.TotalsOf(r)
	name, written := r.Pipeline, "written"
	if r.DryRun {
		name, written = name+" (dry run)", "would be written"
	}
	fmt.Fprintf(s, "%s: %s in %s, %s read, %s %s\n",
		name, heading(r.Status), figures.Seconds(r.Seconds), rows(p.Read), rows(p.Written), written)
}

// column is a count of each node.
type column struct {
	name string
	of   func(engine.NodeReport) int64
}

// The columns of the table: the first two always, the others when a node has
// rows there.
var columns = [...]column{
	{"in", func(n engine.NodeReport) int64 { return n.In + n.Read }},
	{"out", func(n engine.NodeReport) int64 { return n.Out + n.Written + n.WouldWrite }},
	{"made", func(n engine.NodeReport) int64 { return n.Made }},
	{"filtered", func(n engine.NodeReport) int64 { return n.Filtered }},
	{"coalesced", func(n engine.NodeReport) int64 { return n.Coalesced }},
	{"rejected", func(n engine.NodeReport) int64 { return n.Rejected }},
	{"unsettled", func(n engine.NodeReport) int64 { return n.Unsettled }},
}

func (s *summary) nodes(r *engine.Report) {
	if !slices.ContainsFunc(r.Nodes, func(n engine.NodeReport) bool { return n.Read > 0 }) && r.Status == engine.Failed {
		return // it never got that far
	}
	table := [][]string{{"rows"}}
	for _, n := range r.Nodes {
		table = append(table, []string{n.Node})
	}
	for i, c := range columns {
		if i > 1 && !slices.ContainsFunc(r.Nodes, func(n engine.NodeReport) bool { return c.of(n) != 0 }) {
			continue
		}
		table[0] = append(table[0], c.name)
		for j, n := range r.Nodes {
			text := figures.Count(c.of(n))
			if i > 1 && c.of(n) == 0 {
				text = "-"
			}
			table[j+1] = append(table[j+1], text)
		}
	}
	s.WriteByte('\n')
	s.table(table)
}

// table writes lines in columns, the first to the left and the others to the
// right.
func (s *summary) table(lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, cell := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, l := range lines {
		fmt.Fprintf(s, "  %-*s", widths[0], l[0])
		for i, cell := range l[1:] {
			fmt.Fprintf(s, "  %*s", widths[i+1], cell)
		}
		s.WriteByte('\n')
	}
}

// services says what nodes asked of services, and what that cost.
func (s *summary) services(r *engine.Report) {
	var lines []string
	for _, n := range r.Nodes {
		if n.Requests == 0 {
			continue
		}
		line := fmt.Sprintf("%s: %s", n.Node, counted(n.Requests, "request"))
		if n.Retries > 0 {
			line += ", " + figures.Count(n.Retries) + " of them retries"
		}
		if n.Throttles > 0 {
			line += ", " + figures.Count(n.Throttles) + " throttled" + reasons(n.ThrottleReasons)
		}
		if n.Unprocessed > 0 {
			line += ", " + counted(n.Unprocessed, "item") + " given back and sent again"
		}
		if n.Splits > 0 {
			line += ", " + figures.Count(n.Splits) + " divided to find a row that spoils them"
		}
		for _, c := range n.Capacity {
			name := c.Table
			if c.Index != "" {
				name += ", index " + c.Index
			}
			line += fmt.Sprintf("; %s capacity units of %s", figures.Units(c.Units), name)
		}
		lines = append(lines, line)
	}
	s.paragraph("", lines...)
}

// reasons says what throttled: (3 TableWriteProvisionedThroughputExceeded of table/users).
func reasons(throttles []progress.Throttle) string {
	var parts []string
	for _, t := range throttles {
		text := figures.Count(t.Count) + " " + t.Reason
		if t.Resource != "" {
			text += " of " + t.Resource[strings.LastIndexByte(t.Resource, ':')+1:]
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (s *summary) warnings(r *engine.Report) {
	var lines []string
	for _, n := range r.Nodes {
		for _, w := range n.Warnings {
			line := fmt.Sprintf("%s: %s", n.Node, w.Message)
			if w.Count > 1 {
				line += fmt.Sprintf(" (%s times)", figures.Count(w.Count))
			}
			lines = append(lines, line)
		}
	}
	s.paragraph("Warning: ", lines...)
}

// rejects says where rejected rows are.
func (s *summary) rejects(r *engine.Report, p *plan.Plan) {
	switch {
	case r.Rejects == 0:
		return
	case r.DryRun:
		first := fmt.Sprintf("%s of at most %s allowed (max_rejects), kept nowhere. The first:", rows(r.Rejects), p.Settings.MaxRejects)
		s.paragraph("Rejected: ", first+"\n"+strings.Join(r.FirstRejects, "\n"))
		return
	}
	s.paragraph("Rejected: ", fmt.Sprintf("%s of at most %s allowed (max_rejects), kept in %s. The first: %s",
		rows(r.Rejects), p.Settings.MaxRejects, r.DeadLetter, r.FirstReject))
}

func (s *summary) failure(r *engine.Report) {
	var lines []string
	if r.Error != "" {
		lines = append(lines, r.Error)
	}
	s.paragraph("Error: ", lines...)
	again := "A new run starts from the beginning."
	if r.Checkpoint != nil {
		again = "State is saved: `dynapipe run` with --resume goes on from " + r.Checkpoint.Saved.Local().Format("15:04:05") + "."
	}
	if r.DryRun {
		again = ""
	}
	switch ended := r.Status == engine.Failed || r.Status == engine.Interrupted; {
	case r.Unsettled > 0:
		s.paragraph("", strings.TrimSpace(fmt.Sprintf("%s not settled: read, and neither written nor rejected when the run ended. %s", rowsWere(r.Unsettled), again)))
	case ended && r.Checkpoint != nil:
		s.paragraph("", again)
	}
}

// paragraph writes each text, marked, wrapped and indented, after an empty
// line.
func (s *summary) paragraph(mark string, texts ...string) {
	for i, text := range texts {
		if i == 0 {
			s.WriteByte('\n')
		}
		text = mark + text
		if s.width > 0 {
			text = wordwrap.WrapString(text, uint(max(s.width-4, 20)))
		}
		s.WriteString("  " + strings.ReplaceAll(text, "\n", "\n    ") + "\n")
	}
}

func rows(n int64) string { return counted(n, "row") }

func rowsWere(n int64) string {
	if n == 1 {
		return "1 row was"
	}
	return rows(n) + " were"
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return figures.Count(n) + " " + what + "s"
}
