package csvio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// ReaderOptions are how the text is to be read.
type ReaderOptions struct {
	Delimiter string // one character; the zero value is a comma
	Comment   string // a line that begins with it is no row; empty for none
	Trim      bool   // drop spaces and tabs around cells, not those inside quotes
}

// Reader finds records in CSV text by RFC 4180. Where the RFC leaves room:
// lines end in LF or CRLF, and what is between quotes is kept to the byte;
// empty lines are no records, which a line of "" is; a quote inside a cell that
// does not begin with one is an error, as is anything but a delimiter after the
// closing quote.
type Reader struct {
	buf   *stream.Buffer
	delim []byte
	stop  [256]bool // bytes that may end a cell without quotes
	o     ReaderOptions

	ordinary bool      // the delimiter is one byte: records may be read by fast
	odd      [256]bool // bytes that a record for fast does not begin with

	w     []byte // the window, which starts with the record
	i     int    // how far the record has been read
	line  int64  // where the record starts
	spans []span
	multi bool // the record may hold line ends

	scratch []byte
}

// span is a cell: where its text is in the window, quotes not included.
type span struct {
	from, to int
	quoted   bool
	doubled  bool // there are doubled quotes in it
}

// NewReader reads records from a text.
func NewReader(text stream.Text, o ReaderOptions) *Reader {
	if o.Delimiter == "" {
		o.Delimiter = ","
	}
	r := &Reader{buf: stream.NewBuffer(text), delim: []byte(o.Delimiter), o: o, line: 1}
	r.stop['\n'], r.stop['"'], r.stop[o.Delimiter[0]] = true, true, true
	r.ordinary = len(r.delim) == 1
	for _, c := range []byte("\r\n \t" + o.Comment[:min(1, len(o.Comment))]) {
		r.odd[c] = true // the line may be empty or a comment
	}
	return r
}

// Line is the line on which the record starts, from 1.
func (r *Reader) Line() int64 { return r.line }

// Raw is the record's text, without its line end, valid until Next.
func (r *Reader) Raw() []byte { return trimLineEnd(r.w[:r.i]) }

// Len is the number of the record's cells.
func (r *Reader) Len() int { return len(r.spans) }

// Cell is the text of one cell and whether it stood in quotes. The text is
// valid until the next call of Cell or Next.
func (r *Reader) Cell(i int) (text []byte, quoted bool) {
	s := &r.spans[i]
	if s.doubled {
		return r.undouble(s), true
	}
	return r.w[s.from:s.to], s.quoted
}

// undouble is the text of a cell in which quotes are doubled.
func (r *Reader) undouble(s *span) []byte {
	text := r.w[s.from:s.to]
	r.scratch = slices.Grow(r.scratch[:0], len(text))
	for {
		q := bytes.IndexByte(text, '"')
		if q < 0 {
			r.scratch = append(r.scratch, text...)
			return r.scratch
		}
		r.scratch = append(r.scratch, text[:q+1]...)
		text = text[q+2:]
	}
}

// SkipLines passes over lines, whatever they hold.
func (r *Reader) SkipLines(ctx context.Context, lines int) error {
	for range lines {
		r.begin()
		if err := r.toLineEnd(ctx); err != nil {
			return err
		}
		if r.i == 0 {
			return io.EOF
		}
	}
	return nil
}

// Next finds the next record. A *stream.RowError is about one record, after
// which Next can go on, as it can after stream.ErrIdle; any other error ends the
// text, io.EOF in good order.
func (r *Reader) Next(ctx context.Context) error {
	for {
		r.begin()
		if r.fast() {
			return nil
		}
		if len(r.w) == 0 {
			if more, err := r.more(ctx); err != nil {
				return err
			} else if !more {
				return io.EOF
			}
		}
		skip, err := r.skippable(ctx)
		if err != nil {
			return err
		}
		if !skip {
			break
		}
		if err := r.toLineEnd(ctx); err != nil {
			return r.unread(err)
		}
	}
	if err := r.record(ctx); err != nil {
		return r.unread(err)
	}
	if !utf8.Valid(r.w[:r.i]) {
		return r.fault(invalid(r.w[:r.i]), `not valid UTF-8: if the file is in another encoding, say which, as encoding = "latin1"`)
	}
	return nil
}

// unread goes back to where the record starts if there is more of it to come, or
// none of it, and returns the error.
func (r *Reader) unread(err error) error {
	if !errors.As(err, new(*stream.RowError)) {
		r.i, r.multi = 0, false
	}
	return err
}

// Mark is where the last record that Next found ended, with or without a fault.
func (r *Reader) Mark() stream.Mark {
	m := r.buf.Mark(r.i)
	m.Line = r.line + r.lines()
	return m
}

// Go makes Next go on at a mark of this text.
func (r *Reader) Go(ctx context.Context, m stream.Mark) error {
	r.begin()
	if err := r.buf.Go(ctx, m); err != nil {
		return err
	}
	r.w, r.line = r.buf.Bytes(), m.Line
	return nil
}

// lines is how many line ends the record has, its own included.
func (r *Reader) lines() int64 {
	switch {
	case r.multi:
		return int64(bytes.Count(r.w[:r.i], lineEnd))
	case r.i > 0:
		return 1
	}
	return 0
}

// begin moves the window past the record before.
func (r *Reader) begin() {
	r.line += r.lines()
	r.buf.Advance(r.i)
	r.w, r.i, r.multi = r.buf.Bytes(), 0, false
	r.spans = r.spans[:0]
}

var lineEnd = []byte{'\n'}

// more makes the window longer; false at the end of the text.
func (r *Reader) more(ctx context.Context) (bool, error) {
	err := r.buf.Wait(ctx)
	if err == nil {
		err = r.buf.More(ctx)
	}
	switch {
	case err == nil:
		r.w = r.buf.Bytes()
		return true, nil
	case errors.Is(err, io.EOF):
		return false, nil
	case errors.Is(err, stream.ErrTooLong):
		return false, fmt.Errorf("line %d: the row that starts here is longer than %d MB: is a quote opened in it and never closed?", r.line, stream.MaxRow>>20)
	}
	return false, err
}

// need makes the window hold n bytes from the position on; false when the text
// ends before.
func (r *Reader) need(ctx context.Context, n int) (bool, error) {
	for len(r.w)-r.i < n {
		if more, err := r.more(ctx); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// skippable reports that the line at hand is empty or a comment.
func (r *Reader) skippable(ctx context.Context) (bool, error) {
	if r.o.Comment != "" {
		if ok, err := r.need(ctx, len(r.o.Comment)); err != nil {
			return false, err
		} else if ok && string(r.w[:len(r.o.Comment)]) == r.o.Comment {
			return true, nil
		}
	}
	ended := false
	for i := 0; ; i++ {
		if i == len(r.w) {
			if more, err := r.more(ctx); err != nil || !more {
				return err == nil, err
			}
		}
		switch c := r.w[i]; {
		case c == '\n':
			return true, nil
		case ended:
			return false, nil
		case c == '\r':
			ended = true
		case r.o.Trim && isSpace(c) && c != r.delim[0]:
		default:
			return false, nil
		}
	}
}

// toLineEnd moves past the end of the line.
func (r *Reader) toLineEnd(ctx context.Context) error {
	for {
		if n := bytes.IndexByte(r.w[r.i:], '\n'); n >= 0 {
			r.i += n + 1
			return nil
		}
		r.i = len(r.w)
		if more, err := r.more(ctx); err != nil || !more {
			return err
		}
	}
}

// fault is a RowError about the byte at a place of the record. Nothing may be
// read between the two.
func (r *Reader) fault(at int, format string, args ...any) *stream.RowError {
	before := r.w[:at]
	line := r.line + int64(bytes.Count(before, lineEnd))
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return &stream.RowError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, lineEnd), []byte{'\r'})
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// invalid is the place of the first byte that is not UTF-8.
func invalid(b []byte) int {
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}
