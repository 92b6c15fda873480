package stream

import (
	"context"
	"fmt"
)

// MaxRow is how long the text of one row can be, at most. A DynamoDB item ends
// at 400 KB (AWS: "Service, account, and table quotas in Amazon DynamoDB").
const MaxRow = 64 << 20

// ErrTooLong is More's error when the window holds MaxRow bytes.
var ErrTooLong = fmt.Errorf("a row of more than %d MB", MaxRow>>20)

// Text is where text comes from: a Reader.
type Text interface {
	Read(ctx context.Context, p []byte) (int, error)
}

// Buffer is a window on a text, from the first byte of the row at hand to what
// has been read so far. It grows as a row needs it, up to MaxRow.
type Buffer struct {
	text       Text
	buf        []byte
	start, end int   // the window
	read       int64 // how much of the text there is up to its end
	err        error
}

// NewBuffer is a window at the start of the text.
func NewBuffer(text Text) *Buffer { return &Buffer{text: text} }

// Bytes is the window. It is valid until More.
func (b *Buffer) Bytes() []byte { return b.buf[b.start:b.end] }

// Advance moves the start of the window n bytes on.
func (b *Buffer) Advance(n int) { b.start += n }

// More makes the window longer. What was in it stays at its place from the
// start. At the end of the text it returns io.EOF.
func (b *Buffer) More(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.room(); err != nil {
		return err
	}
	n, err := b.text.Read(ctx, b.buf[b.end:])
	b.end += n
	b.read += int64(n)
	b.err = err
	if n > 0 {
		return nil // an error that came with it is for the next time
	}
	return err
}

// Wait is ErrIdle when More would wait for longer than the text's reader has
// patience. Whoever calls it gives the rows so far away, and asks again.
func (b *Buffer) Wait(ctx context.Context) error {
	if w, ok := b.text.(interface{ Wait(context.Context) error }); ok && b.err == nil {
		return w.Wait(ctx)
	}
	return nil
}

const firstRoom = 128 << 10

// room makes room after the window. Some of what is before it stays too, for a
// Mark.
func (b *Buffer) room() error {
	held := b.end - b.start
	switch {
	case held >= MaxRow:
		return ErrTooLong
	case b.buf == nil:
		b.buf = make([]byte, firstRoom)
	case held > len(b.buf)/2 && len(b.buf) < MaxRow:
		b.move(make([]byte, min(2*len(b.buf), MaxRow)))
	case b.end == len(b.buf) || b.start > lookBehind && len(b.buf)-b.end < len(b.buf)/4:
		b.move(b.buf)
	}
	return nil
}

// move moves the window to other memory, or within its own, and with it what is
// kept before it, for which at most half of the room is used.
func (b *Buffer) move(to []byte) {
	held := b.end - b.start
	before := min(lookBehind, b.start, (len(to)-held)/2)
	copy(to, b.buf[b.start-before:b.end])
	b.buf, b.start, b.end = to, before, before+held
}

// RowError is why a piece of text is not a row. The reader that returns it can
// go on with the next row.
type RowError struct {
	Line    int64 // where the fault stands, from 1; 0 when it is the row as a whole
	Column  int   // in characters, from 1; 0 when it is the line as a whole
	Message string
}

func (e *RowError) Error() string {
	switch {
	case e.Line == 0:
		return e.Message
	case e.Column == 0:
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}
