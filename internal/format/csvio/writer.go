package csvio

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// WriterOptions is how a CSV file is written.
type WriterOptions struct {
	Layout    layout.Layout // fixed: a CSV file has columns
	Delimiter byte
	Header    bool // the first line names the columns
	Losses    layout.Losses
}

// Writer writes rows as CSV (RFC 4180), but with LF line ends, which every
// reader takes and which other tools on a Unix system expect.
//
// An absent attribute is an empty cell; the empty string is "", so that the
// two stay apart. Numbers stand as they were spelled. A cell is quoted when it
// has to be: when it holds the delimiter, a quote or a line end, begins or
// ends with a space or tab that a trimming reader would cut, or begins with
// what a reader may take for a comment or a byte order mark.
type Writer struct {
	out     io.Writer
	options WriterOptions
	binding *layout.Binding
	texts   []textColumn
	buf     []byte
	scratch []byte
	started bool
}

// NewWriter makes a writer to out, which sees whole lines only.
func NewWriter(out io.Writer, o WriterOptions) *Writer {
	o.Losses.Format = "CSV"
	w := &Writer{out: out, options: o}
	w.binding = layout.NewBinding(&w.options.Layout)
	return w
}

// Write writes the rows of a batch. A row that can't be written is given to
// reject with a *layout.Misfit and leaves no bytes behind.
func (w *Writer) Write(b *record.Batch, reject func(row int, err error) error) error {
	w.start()
	w.binding.Bind(b)
	columns := w.binding.Columns()
	w.texts = slices.Grow(w.texts[:0], len(columns))[:len(columns)]
	for i := range columns {
		w.texts[i].bind(&columns[i], w.options.Delimiter)
	}
	for row := range b.Rows() {
		before := len(w.buf)
		if err := w.appendRow(row); err != nil {
			w.buf = w.buf[:before]
			if err := reject(row, err); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

// Checkpoint hands on what there is, the header at least: a later run goes on
// behind it, without Header.
func (w *Writer) Checkpoint() ([]byte, error) { return nil, w.Close() }

// Close writes the header when no row did.
func (w *Writer) Close() error {
	w.start()
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *Writer) start() {
	if w.started {
		return
	}
	w.started = true
	if !w.options.Header || len(w.options.Layout.Columns) == 0 {
		return
	}
	for i, c := range w.options.Layout.Columns {
		w.delimit(i)
		w.buf = w.appendCell(w.buf, []byte(c.Name))
	}
	w.buf = append(w.buf, '\n')
}

func (w *Writer) delimit(column int) {
	if column > 0 {
		w.buf = append(w.buf, w.options.Delimiter)
	}
}

func (w *Writer) appendRow(row int) error {
	if err := w.binding.Row(row); err != nil {
		return err
	}
	columns := w.binding.Columns()
	before := len(w.buf)
	for i := range columns {
		w.delimit(i)
		if t := &w.texts[i]; t.has(row) {
			if text, bare := t.text(row); bare {
				w.buf = append(w.buf, text...)
			} else {
				w.buf = w.appendCell(w.buf, text)
			}
			continue
		}
		if err := w.appendValue(&columns[i], row); err != nil {
			return err
		}
	}
	if len(w.buf) == before {
		return w.emptyLine(columns)
	}
	w.buf = append(w.buf, '\n')
	return nil
}

// emptyLine refuses a row that would be an empty line: readers skip those, and
// the row would be lost without a word (promise 2).
func (w *Writer) emptyLine(columns []layout.Source) error {
	if len(columns) == 0 {
		return layout.WrongType("the row has no attribute, and a CSV file needs columns: name them with columns = [...]")
	}
	return layout.WrongType("attribute %q is absent and the only column: its line would be empty, which CSV readers skip; "+
		"filter such rows out, or add a column", columns[0].Name)
}

func (w *Writer) appendValue(s *layout.Source, row int) error {
	in := s.In
	if !s.Direct || in.Type == record.Any || in.Absent(row) {
		return w.appendDecoded(s, row)
	}
	if in.Null(row) {
		return w.options.Losses.Lose(s.Name, attr.Null)
	}
	switch in.Type {
	case record.Bool:
		w.buf = appendBool(w.buf, in.Bool(row))
	case record.Binary:
		w.buf = base64.StdEncoding.AppendEncode(w.buf, in.Bytes(row))
		if len(in.Bytes(row)) == 0 {
			w.buf = append(w.buf, `""`...)
		}
		return w.options.Losses.Lose(s.Name, attr.Binary)
	}
	return nil
}

// appendDecoded is the way of the values that have no column of their type.
func (w *Writer) appendDecoded(s *layout.Source, row int) error {
	v, err := w.binding.Value(s, row)
	if err != nil {
		return err
	}
	switch v.Kind() {
	case attr.Absent:
		return nil
	case attr.Number:
		w.buf = append(w.buf, v.Text()...)
		return nil
	case attr.String:
		w.buf = w.appendCell(w.buf, []byte(v.Text()))
		return nil
	case attr.Bool:
		w.buf = appendBool(w.buf, v.True())
		return nil
	case attr.Null:
		return w.options.Losses.Lose(s.Name, attr.Null)
	}
	w.scratch = layout.AppendText(w.scratch[:0], v)
	w.buf = w.appendCell(w.buf, w.scratch)
	return w.options.Losses.Lose(s.Name, v.Kind())
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// appendCell appends text, quoted when it has to be.
func (w *Writer) appendCell(dst, text []byte) []byte {
	if len(text) > 0 && !oddEnds(text) && !hasSpecial(text, w.options.Delimiter) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(dst, text[:i+1]...)
		dst = append(dst, '"')
		text = text[i+1:]
	}
	dst = append(dst, text...)
	return append(dst, '"')
}

const byteOrderMark = "\xEF\xBB\xBF"

// ValidDelimiter reports that a cell can't be mistaken for this delimiter: one
// ASCII character that no number, bool, base64 text or quote contains.
func ValidDelimiter(d string) bool {
	if len(d) != 1 || d[0] >= 0x80 {
		return false
	}
	c := d[0] | 0x20
	return !(c >= 'a' && c <= 'z') && !(d[0] >= '0' && d[0] <= '9') && !strings.ContainsAny(d, "\"\r\n +-./=\x00")
}
