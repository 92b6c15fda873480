package jsonio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// Row is the text of one row and where it stands in its file.
type Row struct {
	Text   []byte // valid until the next row is read
	Line   int64  // of its first byte, from 1
	Column int    // of its first byte, in characters, from 1
}

// At is the line and column of the byte at an offset of the row's text.
func (r Row) At(offset int) (line int64, column int) {
	before := r.Text[:min(offset, len(r.Text))]
	last := bytes.LastIndexByte(before, '\n')
	if last < 0 {
		return r.Line, r.Column + utf8.RuneCount(before)
	}
	return r.Line + int64(bytes.Count(before, []byte{'\n'})), 1 + utf8.RuneCount(before[last+1:])
}

// Broken is where the row's text stops being JSON; nil when it is JSON, and the
// fault is what it says.
func (r Row) Broken() *BrokenError {
	var any json.RawMessage
	var fault *json.SyntaxError
	if !errors.As(json.Unmarshal(r.Text, &any), &fault) {
		return nil
	}
	line, column := r.At(max(int(fault.Offset)-1, 0))
	return &BrokenError{Line: line, Column: column, Message: fault.Error()}
}

// LineReader finds the rows of JSON Lines: each line that is not empty is one.
// It does not look into them.
type LineReader struct {
	buf  *stream.Buffer
	used int
	line int64 // of the line at hand
}

// NewLineReader reads lines from a text.
func NewLineReader(text stream.Text) *LineReader {
	return &LineReader{buf: stream.NewBuffer(text), line: 1}
}

// Next is the next line that is not empty; io.EOF after the last. It can go on
// after stream.ErrIdle.
func (r *LineReader) Next(ctx context.Context) (Row, error) {
	for {
		line, err := r.next(ctx)
		if err != nil {
			return Row{}, err
		}
		if text := trimmed(line); len(text) > 0 {
			return Row{Text: text, Line: r.line, Column: 1}, nil
		}
	}
}

// trimmed is a line without the space at its end; of an empty one nothing is left.
func trimmed(line []byte) []byte {
	for text := line; len(text) > 0; {
		switch text[len(text)-1] {
		case ' ', '\t', '\r', '\n':
			text = text[:len(text)-1]
		default:
			return text
		}
	}
	return nil
}

// Mark is where the last line that Next gave ended.
func (r *LineReader) Mark() stream.Mark {
	m := r.buf.Mark(r.used)
	m.Line = r.line
	if r.used > 0 {
		m.Line++
	}
	return m
}

// Go makes Next go on at a mark of this text.
func (r *LineReader) Go(ctx context.Context, m stream.Mark) error {
	r.used, r.line = 0, m.Line
	return r.buf.Go(ctx, m)
}

func (r *LineReader) next(ctx context.Context) ([]byte, error) {
	if r.used > 0 {
		r.buf.Advance(r.used)
		r.used = 0
		r.line++
	}
	for searched := 0; ; {
		w := r.buf.Bytes()
		if n := bytes.IndexByte(w[searched:], '\n'); n >= 0 {
			r.used = searched + n + 1
			return w[:r.used], nil
		}
		searched = len(w)
		err := r.buf.Wait(ctx)
		if err == nil {
			err = r.buf.More(ctx)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && len(w) > 0:
			r.used = len(w)
			return w, nil
		case errors.Is(err, stream.ErrTooLong):
			return nil, fmt.Errorf("line %d: the line is longer than %d MB: is this JSON Lines, one object a line?", r.line, stream.MaxRow>>20)
		default:
			return nil, err
		}
	}
}
