package jsonio

import (
	"context"
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// What a Mark's Inside begins with: the row before it was an element of an
// array, or was not. The brackets that close what the pointer went through follow.
const (
	inArray = "]"
	inNone  = "-"
)

// enter notes what the next row is in, which is rarely other than the last one.
func (r *DocumentReader) enter(kind string) {
	if len(r.inside) == 0 || r.inside[:1] != kind || r.inside[1:] != string(r.path) {
		r.inside = kind + string(r.path)
	}
}

// before is a Mark without a checksum, which would cost something for each row.
type before struct {
	offset, line int64
	column       int
	inside       string
}

// leave notes the position, behind a row, before the next is looked for.
func (r *DocumentReader) leave() {
	r.s.drop()
	r.before = before{offset: r.s.buf.Offset(), line: r.s.line, column: r.s.column, inside: r.inside}
	r.given = false
}

// Mark is where the last row that Next gave ended, with or without a fault.
func (r *DocumentReader) Mark() stream.Mark {
	if !r.given {
		b := &r.before
		return stream.Mark{Offset: b.offset, Line: b.line, Column: b.column, Inside: b.inside}
	}
	r.s.drop()
	m := r.s.buf.Mark(0)
	m.Line, m.Column, m.Inside = r.s.line, r.s.column, r.inside
	return m
}

// Unread makes Mark what it was before the last row.
func (r *DocumentReader) Unread() { r.given = false }

// Go makes Next go on at a mark of this text, which it is called before.
func (r *DocumentReader) Go(ctx context.Context, m stream.Mark) error {
	path, ok := strings.CutPrefix(m.Inside, inArray)
	r.state = (*DocumentReader).element
	if !ok {
		path, ok = strings.CutPrefix(m.Inside, inNone)
		r.state = (*DocumentReader).ascend
	}
	if !ok || len(path) != len(r.pointer) || strings.Trim(path, "]}") != "" || m.Column < 1 {
		return &stream.MarkError{Message: fmt.Sprintf("no row that pointer %q leads to is inside of %q at column %d", r.pointer, m.Inside, m.Column)}
	}
	if err := r.s.buf.Go(ctx, m); err != nil {
		return err
	}
	r.path, r.inside, r.read, r.first = []byte(path), m.Inside, true, false
	r.s.w, r.s.i, r.s.line, r.s.column = r.s.buf.Bytes(), 0, m.Line, m.Column
	return nil
}
