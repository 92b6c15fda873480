package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/mitchellh/go-wordwrap"
)

// Text says how diagnostics are written for people.
type Text struct {
	Width int  // details are wrapped to it; 0 leaves them as they are
	Color bool // ANSI colours
}

// Write writes diagnostics in the order given, each with the source lines that
// files holds, and a caret under the place.
func (t Text) Write(w io.Writer, diags hcl.Diagnostics, files map[string]*hcl.File) error {
	var b strings.Builder
	for i, d := range diags {
		if i > 0 {
			b.WriteByte('\n')
		}
		t.one(&b, d, files)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Text) one(b *strings.Builder, d *hcl.Diagnostic, files map[string]*hcl.File) {
	word, color := "Error", "\x1b[1;31m"
	if d.Severity == hcl.DiagWarning {
		word, color = "Warning", "\x1b[1;33m"
	}
	fmt.Fprintf(b, "%s: %s\n", t.paint(color, word), t.paint("\x1b[1m", printable(d.Summary)))
	if d.Subject != nil {
		file := files[d.Subject.Filename]
		if _, hide := hcl.DiagnosticExtra[NoSource](d); hide {
			file = nil
		}
		t.place(b, *d.Subject, file, color)
	}
	if d.Detail == "" {
		return
	}
	detail := printable(d.Detail)
	if t.Width > 0 {
		detail = wordwrap.WrapString(detail, uint(max(t.Width-2, 20)))
	}
	for line := range strings.Lines(detail) {
		b.WriteString("  " + line)
	}
	b.WriteByte('\n')
}

func (t Text) paint(color, s string) string {
	if !t.Color {
		return s
	}
	return color + s + "\x1b[0m"
}

// place writes "file:line:column, in block" and the line with its caret.
func (t Text) place(b *strings.Builder, at hcl.Range, file *hcl.File, color string) {
	fmt.Fprintf(b, "  on %s:%d:%d%s\n", printable(at.Filename), at.Start.Line, at.Start.Column, within(file, at))
	before, marked, after, ok := split(file, at)
	if !ok {
		return
	}
	before, marked, after = crop(before, marked, after)
	number := fmt.Sprintf("%5d | ", at.Start.Line)
	fmt.Fprintf(b, "%s%s%s%s\n", number, before, t.paint(color, marked), after)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t' // so that the caret stands under its tab-indented place
		}
		return ' '
	}, before)
	carets := strings.Repeat("^", max(1, utf8.RuneCountInString(marked)))
	fmt.Fprintf(b, "%s| %s%s\n", strings.Repeat(" ", len(number)-2), pad, t.paint(color, carets))
}

// split cuts the first line of a range around what is marked of it.
func split(file *hcl.File, at hcl.Range) (before, marked, after string, ok bool) {
	if file == nil || at.Start.Byte < 0 || at.Start.Byte > len(file.Bytes) {
		return "", "", "", false
	}
	src := string(file.Bytes)
	from := strings.LastIndexByte(src[:at.Start.Byte], '\n') + 1
	to := len(src)
	if n := strings.IndexByte(src[at.Start.Byte:], '\n'); n >= 0 {
		to = at.Start.Byte + n
	}
	end := max(at.Start.Byte, min(at.End.Byte, to))
	before = printable(src[from:at.Start.Byte])
	return before, printable(src[at.Start.Byte:end]), printable(strings.TrimSuffix(src[end:to], "\r")), true
}

// longestLine is how many characters of a source line are shown.
const longestLine = 160

// crop shortens a long line around its marked part.
func crop(before, marked, after string) (string, string, string) {
	const dots, around = "...", longestLine / 3
	b, m, a := []rune(before), []rune(marked), []rune(after)
	if len(b)+len(m)+len(a) <= longestLine {
		return before, marked, after
	}
	if len(b) > around {
		before = dots + string(b[len(b)-around:])
	}
	if len(m) > around {
		marked = string(m[:around]) + dots
	}
	if len(a) > around {
		after = string(a[:around]) + dots
	}
	return before, marked, after
}

// within names the block a place is in: `, in source "csv" "users"`.
func within(file *hcl.File, at hcl.Range) string {
	if file == nil {
		return ""
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return ""
	}
	for _, blk := range body.Blocks {
		r := blk.Range()
		if at.Start.Byte < r.Start.Byte || at.Start.Byte >= r.End.Byte {
			continue
		}
		if at.Start.Byte < blk.OpenBraceRange.Start.Byte {
			return "" // the header itself: its line says it
		}
		name := blk.Type
		for _, l := range blk.Labels {
			name += fmt.Sprintf(" %q", l)
		}
		return ", in " + name
	}
	return ""
}

// printable keeps control characters of a pipeline file, or of an argument,
// away from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\t' && r != '\n') || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// Document is diagnostics as one JSON document.
type Document struct {
	Valid       bool   `json:"valid"` // no errors; there may be warnings
	Errors      int    `json:"errors"`
	Warnings    int    `json:"warnings"`
	Diagnostics []Item `json:"diagnostics"`
}

// Item is one diagnostic of a Document.
type Item struct {
	Severity string `json:"severity" values:"error warning" doc:"How bad it is."`
	Code     string `json:"code" doc:"What kind of diagnostic it is: dynapipe docs CODE explains it."`
	Summary  string `json:"summary" doc:"What is wrong, in a few words."`
	Detail   string `json:"detail,omitempty" doc:"What is wrong in full, and what to do."`
	Place    *Place `json:"place,omitempty" doc:"Where it is, when it is in a file."`
}

// Place is where a diagnostic points.
type Place struct {
	File  string `json:"file" doc:"The file, as it was named."`
	Start Point  `json:"start" doc:"Where it begins."`
	End   Point  `json:"end" doc:"Where it ends: the place behind the last character."`
}

// Point is a place in a file; line and column count from 1, byte from 0.
type Point struct {
	Line   int `json:"line" doc:"The line, from 1."`
	Column int `json:"column" doc:"The column in characters, from 1."`
	Byte   int `json:"byte" doc:"The byte in the file, from 0."`
}

// NewDocument is diagnostics in the order given.
func NewDocument(diags hcl.Diagnostics) Document {
	doc := Document{Diagnostics: make([]Item, 0, len(diags))}
	for _, d := range diags {
		item := Item{Severity: "error", Code: Code(d), Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			item.Severity = "warning"
			doc.Warnings++
		} else {
			doc.Errors++
		}
		if d.Subject != nil {
			item.Place = &Place{File: d.Subject.Filename, Start: point(d.Subject.Start), End: point(d.Subject.End)}
		}
		doc.Diagnostics = append(doc.Diagnostics, item)
	}
	doc.Valid = doc.Errors == 0
	return doc
}

func point(p hcl.Pos) Point { return Point{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// WriteJSON writes diagnostics as one indented JSON document.
func WriteJSON(w io.Writer, diags hcl.Diagnostics) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(NewDocument(diags))
}
