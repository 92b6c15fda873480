package jsonio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// DocumentReader finds the rows of JSON documents: the elements of an array or
// one object, the whole document or what a JSON Pointer names in it. Documents
// may follow one another. Never more than one row is in memory.
type DocumentReader struct {
	s       scanner
	pointer Pointer
	state   func(*DocumentReader, context.Context) (Row, error)
	path    []byte // the brackets that close what the pointer went through
	first   bool   // the array's first element is next
	begun   bool   // what stands before the next element has been read
	read    bool   // a document has been read, or begun
	given   bool   // the position is behind a row that Next gave
	inside  string // what that row is in, for a Mark
	before  before // behind the row before
}

// errNoRow says that a state moved on without finding a row.
var errNoRow = errors.New("no row")

// NewDocumentReader reads the rows that the pointer names from a text.
func NewDocumentReader(text stream.Text, p Pointer) *DocumentReader {
	return &DocumentReader{s: newScanner(text), pointer: p, state: (*DocumentReader).document}
}

// Next is the next row. A *stream.RowError is about one element that is no
// row, which Row holds; Next can go on after it, as after stream.ErrIdle, which
// comes between rows. Any other error ends the text, io.EOF in good order, a *BrokenError where it stops being JSON.
func (r *DocumentReader) Next(ctx context.Context) (Row, error) {
	if r.given {
		r.leave()
	}
	for {
		row, err := r.state(r, ctx)
		if !errors.Is(err, errNoRow) {
			return row, err
		}
	}
}

// document begins a document.
func (r *DocumentReader) document(ctx context.Context) (Row, error) {
	if _, err := r.s.peekOrIdle(ctx); err != nil {
		if errors.Is(err, io.EOF) && !r.read && len(r.pointer) > 0 {
			return Row{}, fmt.Errorf("pointer %q finds nothing: the file is empty", r.pointer)
		}
		return Row{}, err
	}
	again := r.read
	r.read = true
	kind, err := r.descend(ctx)
	if err != nil {
		return Row{}, err
	}
	switch {
	case kind == '[' && !(again && len(r.pointer) == 0):
		r.s.i++
		r.first = true
		r.enter(inArray)
		r.state = (*DocumentReader).element
		return Row{}, errNoRow
	case kind == '{' || again && len(r.pointer) == 0:
		r.enter(inNone)
		r.state = (*DocumentReader).single
		return Row{}, errNoRow
	}
	what := "the document"
	if len(r.pointer) > 0 {
		what = fmt.Sprintf("what pointer %q names", r.pointer)
	}
	return Row{}, r.s.broken("%s is %s: rows are the elements of an array, or one object", what, kindName(kind))
}

// single reads the value that is the only row of a document.
func (r *DocumentReader) single(ctx context.Context) (Row, error) {
	row, err := r.row(ctx)
	if !errors.Is(err, stream.ErrIdle) {
		r.state = (*DocumentReader).ascend
	}
	return row, err
}

// element reads the next element of the array that holds the rows.
func (r *DocumentReader) element(ctx context.Context) (Row, error) {
	if !r.begun {
		c, err := r.s.peekOrIdle(ctx)
		if err != nil {
			return Row{}, r.s.inside(err, "the array of rows")
		}
		if c == ']' {
			r.s.i++
			r.state = (*DocumentReader).ascend
			if len(r.pointer) == 0 {
				r.state = (*DocumentReader).end
			}
			return Row{}, errNoRow
		}
		if !r.first {
			if err := r.s.expect(ctx, ',', "the array of rows"); err != nil {
				return Row{}, err
			}
		}
		r.first, r.begun = false, true
	}
	if _, err := r.s.peekOrIdle(ctx); err != nil {
		return Row{}, r.s.inside(err, "the array of rows")
	}
	row, err := r.row(ctx)
	r.begun = errors.Is(err, stream.ErrIdle)
	return row, err
}

// row reads the value that is next as a row. It can be called again after
// stream.ErrIdle.
func (r *DocumentReader) row(ctx context.Context) (Row, error) {
	c, err := r.s.peek(ctx)
	if err != nil {
		return Row{}, r.s.inside(err, "the array of rows")
	}
	r.s.drop()
	r.s.keep, r.s.hasty = true, true
	err = r.s.value(ctx)
	r.s.keep, r.s.hasty = false, false
	if err != nil {
		if errors.Is(err, stream.ErrIdle) {
			r.s.i = 0
		}
		return Row{}, err
	}
	r.given = true
	row := Row{Text: r.s.w[:r.s.i], Line: r.s.line, Column: r.s.column}
	if c != '{' {
		return row, &stream.RowError{Line: row.Line, Column: row.Column,
			Message: "a row is an object, this is " + kindName(c)}
	}
	return row, nil
}

// ascend reads the rest of what the pointer went through, so that a document
// that is cut short or broken after the rows is noticed.
func (r *DocumentReader) ascend(ctx context.Context) (Row, error) {
	for len(r.path) > 0 {
		closing := r.path[len(r.path)-1]
		if _, err := r.s.peekOrIdle(ctx); err != nil {
			return Row{}, r.s.inside(err, "the document")
		}
		more, err := r.next(ctx, closing)
		if err != nil {
			return Row{}, err
		}
		if !more {
			r.path = r.path[:len(r.path)-1]
			continue
		}
		if closing == '}' {
			if _, err := r.name(ctx); err != nil {
				return Row{}, err
			}
		}
		if err := r.s.value(ctx); err != nil {
			return Row{}, err
		}
	}
	r.state = (*DocumentReader).document
	return Row{}, errNoRow
}

// end checks that nothing follows an array that is the whole document.
func (r *DocumentReader) end(ctx context.Context) (Row, error) {
	if _, err := r.s.peek(ctx); err != nil {
		return Row{}, err
	}
	return Row{}, r.s.broken("%s after the end of the array that is the document", r.s.found())
}

// next moves to the next member of an object or array: past a comma, or past
// the closing bracket, which is false.
func (r *DocumentReader) next(ctx context.Context, closing byte) (bool, error) {
	c, err := r.s.peek(ctx)
	switch {
	case err != nil:
		return false, r.s.inside(err, "the document")
	case c == closing:
		r.s.i++
		return false, nil
	case c == ',':
		r.s.i++
		return true, nil
	}
	return false, r.s.broken("expected ',' or %q, found %s", closing, r.s.found())
}

// name reads a member's name and the colon after it.
func (r *DocumentReader) name(ctx context.Context) (string, error) {
	c, err := r.s.peek(ctx)
	if err != nil {
		return "", r.s.inside(err, "an object")
	}
	if c != '"' {
		return "", r.s.broken("expected a name in quotes, found %s", r.s.found())
	}
	r.s.drop()
	r.s.keep = true
	err = r.s.quoted(ctx)
	r.s.keep = false
	if err != nil {
		return "", err
	}
	var name string
	if err := json.Unmarshal(r.s.w[:r.s.i], &name); err != nil {
		return "", &BrokenError{Line: r.s.line, Column: r.s.column, Message: "this name is not a JSON string: " + err.Error()}
	}
	return name, r.s.expect(ctx, ':', "an object, after a name")
}

// kindName names a value by its first byte.
func kindName(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}
