package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/inspect"
)

// writeText writes what was found for people; the source block comes last.
func (f *inspection) writeText(w interface{ WriteString(string) (int, error) }) {
	var t inspectText
	t.head(f)
	t.attributes(f.Report)
	t.items(f.Report)
	t.keys(f.Report)
	t.rejected(f.Rejected)
	if f.Import != nil {
		t.cost(f.Import, f.Total)
	}
	for _, note := range f.Notes {
		t.line("note: %s", note)
	}
	if f.Error != "" {
		t.line("not all could be read: %s", f.Error)
	}
	t.WriteString("\n" + f.Block)
	_, _ = w.WriteString(t.String()) // a buffer takes everything
}

// inspectText is the text in the making.
type inspectText struct{ strings.Builder }

func (t *inspectText) line(format string, args ...any) { fmt.Fprintf(t, "  "+format+"\n", args...) }

func (t *inspectText) head(f *inspection) {
	s := f.Source
	switch {
	case s.Index != "":
		fmt.Fprintf(t, "index %s of table %s", s.Index, s.Table)
	case s.Table != "":
		fmt.Fprintf(t, "table %s", s.Table)
	case len(s.Files) == 1:
		fmt.Fprintf(t, "%s (%s, %s)", s.Files[0], s.Type, figures.Size(s.Bytes))
	default:
		fmt.Fprintf(t, "%s to %s (%s, %s)", s.Files[0], s.Files[len(s.Files)-1], counted(int64(len(s.Files)), s.Type+" file"), figures.Size(s.Bytes))
	}
	if len(s.Keys) > 0 {
		fmt.Fprintf(t, ", key %s", strings.Join(s.Keys, ", "))
	}
	looked := f.Rows + f.Rejected.Rows
	switch {
	case f.Total.Rows == 0 && looked > 0:
		fmt.Fprintf(t, "\n%s looked at; how many there are is %s\n", rows(looked), f.Total.By)
	case f.Total.Estimate:
		fmt.Fprintf(t, "\n%s looked at, of about %s (an estimate: %s)\n", rows(looked), figures.Count(f.Total.Rows), f.Total.By)
	case f.Total.Rows > looked:
		fmt.Fprintf(t, "\n%s looked at, of %s (%s)\n", rows(looked), figures.Count(f.Total.Rows), f.Total.By)
	default:
		fmt.Fprintf(t, "\n%s, all looked at\n", rows(looked))
	}
}

func (t *inspectText) attributes(r *inspect.Report) {
	if len(r.Attributes) == 0 {
		return
	}
	table := [][]string{{"attribute", "type", "present", "NULL", "empty", "min bytes", "avg", "max", "distinct", "example"}}
	for _, a := range r.Attributes {
		distinct := figures.Count(a.Distinct)
		if a.DistinctAtLeast {
			distinct = ">" + distinct
		}
		line := []string{shownName(a.Name), types(a), percent(a.Present, r.Rows), dash(a.Null), dash(a.Empty), "-", "-", "-", distinct, a.Example}
		if a.Present > a.Null {
			line[5], line[6], line[7] = figures.Count(a.Bytes.Min), average(a.Bytes.Avg), figures.Count(a.Bytes.Max)
		}
		table = append(table, line)
	}
	t.WriteByte('\n')
	t.table(table, map[int]bool{0: true, 1: true, 9: true})
	if r.Beyond > 0 {
		t.line("and %s in attributes beyond the first %s", counted(r.Beyond, "value"), figures.Count(inspect.MaxAttributes))
	}
}

// table writes lines in columns, some of them to the left.
func (t *inspectText) table(lines [][]string, left map[int]bool) {
	widths := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, cell := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, l := range lines {
		var b strings.Builder
		for i, cell := range l {
			if left[i] {
				fmt.Fprintf(&b, "  %-*s", widths[i], cell)
			} else {
				fmt.Fprintf(&b, "  %*s", widths[i], cell)
			}
		}
		t.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
}

func (t *inspectText) items(r *inspect.Report) {
	t.WriteByte('\n')
	if r.Rows == 0 {
		t.line("no row to look at")
		return
	}
	large := "none"
	if r.Items.TooLarge > 0 {
		large = figures.Count(r.Items.TooLarge)
	}
	if r.Items.Min == r.Items.Max {
		t.line("items: %s bytes each; %s over DynamoDB's 400 KB", figures.Count(r.Items.Min), large)
		return
	}
	t.line("items: %s to %s bytes, %s on average; %s over DynamoDB's 400 KB", figures.Count(r.Items.Min), figures.Count(r.Items.Max), average(r.Items.Avg), large)
}

func (t *inspectText) keys(r *inspect.Report) {
	switch {
	case r.Rows == 0:
	case len(r.Keys) > 0:
		t.line("could be the key, in every row and unique%s: %s", among(r.Keys[0].Rows, r.Rows), keyList(r.Keys))
	case len(r.Pairs) > 0:
		t.line("could be partition and sort key, unique together%s:", among(r.Pairs[0].Rows, r.Rows))
		for _, p := range r.Pairs {
			t.line("  %s, %s", part(p.Partition), part(p.Sort))
		}
	default:
		text := "no attribute, and no pair of them, is in every row and unique: a key has to be made"
		if r.PairsCut {
			text = "no attribute is in every row and unique, nor is a pair of those tried"
		}
		t.line("%s", text)
	}
}

// among says of how many rows something holds, when not of all.
func among(rows, all int64) string {
	if rows >= all {
		return ""
	}
	return fmt.Sprintf(" among the first %s rows", figures.Count(rows))
}

func keyList(keys []inspect.Key) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = part(k.KeyPart)
	}
	return strings.Join(texts, ", ")
}

func part(p inspect.KeyPart) string { return fmt.Sprintf("%s (%s)", shownName(p.Name), p.Type) }

func (t *inspectText) rejected(r rejectedView) {
	if r.Rows > 0 {
		t.line("a run would reject %s of these:", rows(r.Rows))
		for _, first := range r.First {
			t.line("  %s", first)
		}
		if more := r.Rows - int64(len(r.First)); more > 0 {
			t.line("  and %s more", figures.Count(more))
		}
	}
	if r.After > 0 {
		t.line("a run would reject %s read behind the sample: --rows 0 looks at all", rows(r.After))
	}
}

func (t *inspectText) cost(c *inspect.Cost, all totalView) {
	var keys []string
	for _, k := range c.Keys {
		keys = append(keys, part(k))
	}
	t.WriteByte('\n')
	t.line("into table %s, key %s:", c.Table, strings.Join(keys, ", "))
	if c.Refused == 0 {
		t.line("  every row has the key, of the right type")
	}
	for _, r := range c.Refusals {
		t.line("  %s would be rejected (%s); the first: %s", rows(r.Rows), r.Code, r.First)
	}
	if c.Repeats > 0 {
		t.line("  %s a key that came before, and replace its item", have(c.Repeats))
	}
	t.line("  write units, of new items: %s", figures.Units(c.Total))
	if len(c.Indexes) > 0 {
		t.line("    %s of the table", figures.Units(c.Units))
	}
	for _, x := range c.Indexes {
		t.line("    %s of index %s, which has %s of them", figures.Units(x.Units), x.Name, rows(x.Rows))
	}
	if all.Rows > c.Rows {
		about := ""
		if all.Estimate {
			about = "about "
		}
		t.line("  for all %s%s: about %s write units", about, rows(all.Rows), figures.Units(math.Round(c.All)))
	}
	switch {
	case c.Seconds > 0:
		t.line("  that takes at least %s at the provisioned capacity of %s", time.Duration(math.Ceil(c.Seconds))*time.Second, c.Slowest)
	case c.Provisioned == 0:
		t.line("  the table is on demand: no provisioned capacity bounds the time")
	}
}

func have(n int64) string {
	if n == 1 {
		return "1 row has"
	}
	return rows(n) + " have"
}

// types is a value's type, or several with how often each is there.
func types(a inspect.Attribute) string {
	switch len(a.Types) {
	case 0:
		return "-"
	case 1:
		return a.Types[0].Type
	}
	texts := make([]string, len(a.Types))
	for i, c := range a.Types {
		texts[i] = c.Type + " " + percent(c.Values, a.Present-a.Null)
	}
	return strings.Join(texts, ", ")
}

// percent is a share, which is 100% only of all and 0% only of nothing.
func percent(n, of int64) string {
	if of == 0 {
		return "-"
	}
	share := 100 * float64(n) / float64(of)
	switch {
	case n == of:
		return "100%"
	case n > 0 && share < 0.1:
		return "<0.1%"
	}
	return strconv.FormatFloat(math.Floor(share*10)/10, 'f', -1, 64) + "%"
}

func dash(n int64) string {
	if n == 0 {
		return "-"
	}
	return figures.Count(n)
}

// average is a mean, with a decimal where it says something.
func average(v float64) string { return figures.Units(v) }

// shownName is an attribute's name on one line.
func shownName(name string) string {
	for _, r := range name {
		if !strconv.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}
