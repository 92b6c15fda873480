package stream

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Mark is a place between two rows of a text, from which reading can go on in a
// later run. It is what a person can read in the saved state.
type Mark struct {
	Offset int64 `json:"offset"` // in bytes of the text: decompressed, in UTF-8, without a byte order mark
	Line   int64 `json:"line"`   // of the byte there, from 1
	// Column and Inside are for formats whose rows do not end with a line: the
	// column of the byte there, and what has still to be closed.
	Column int    `json:"column,omitempty"`
	Inside string `json:"inside,omitempty"`
	// Checked is how many bytes before the place have the checksum CRC32. They
	// tell a file that is not the same any more.
	Checked int    `json:"checked"`
	CRC32   uint32 `json:"crc32"`
}

// lookBehind is how many bytes before the window are kept for a Mark. They are
// most of a row, or some rows.
const lookBehind = 64

// ErrChanged is Go's error when what stands before the mark is not what stood
// there.
var ErrChanged = errors.New("the text is not what it was when the place in it was saved")

// MarkError is why a Mark is none of the text.
type MarkError struct{ Message string }

func (e *MarkError) Error() string { return e.Message }

// Mark is the place n bytes into the window. The caller knows its line.
func (b *Buffer) Mark(n int) Mark {
	at := b.start + n
	before := b.buf[max(0, at-lookBehind):at]
	return Mark{Offset: b.Offset() + int64(n), Checked: len(before), CRC32: crc32.ChecksumIEEE(before)}
}

// Offset is where in the text the window starts.
func (b *Buffer) Offset() int64 { return b.read - int64(b.end-b.start) }

// Go makes a place that comes after it the window's start.
func (b *Buffer) Go(ctx context.Context, m Mark) error {
	if m.Offset < b.Offset() || m.Checked < 0 || m.Checked > lookBehind || int64(m.Checked) > m.Offset || m.Line < 1 || m.Column < 0 {
		return &MarkError{fmt.Sprintf("no row can end at byte %d, line %d, with %d bytes checked", m.Offset, m.Line, m.Checked)}
	}
	from := m.Offset - int64(m.Checked)
	if m.Checked > 0 { // or it would not be noticed when the text ends before
		if err := b.skip(ctx, from); err != nil {
			return changed(err)
		}
	}
	if err := b.drop(ctx, from); err != nil {
		return changed(err)
	}
	for b.read < m.Offset {
		if err := b.More(ctx); err != nil {
			return changed(err)
		}
	}
	b.start = b.end - int(b.read-m.Offset)
	if crc32.ChecksumIEEE(b.buf[b.start-m.Checked:b.start]) != m.CRC32 {
		return ErrChanged
	}
	return nil
}

// changed is the error of a text that ended too early.
func changed(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrChanged
	}
	return err
}

// skip moves towards an offset without reading, where the text can.
func (b *Buffer) skip(ctx context.Context, offset int64) error {
	s, ok := b.text.(Skipper)
	if !ok || b.err != nil || offset <= b.read {
		return nil
	}
	n, err := s.Skip(ctx, offset-b.read)
	if err != nil || n == 0 {
		return err
	}
	b.read += n
	b.start, b.end = 0, 0
	return nil
}

// drop makes the window start at an offset, or leaves it if it starts after it.
func (b *Buffer) drop(ctx context.Context, offset int64) error {
	for b.read < offset {
		b.start = b.end
		if err := b.More(ctx); err != nil {
			return err
		}
	}
	b.start += int(max(0, offset-b.Offset()))
	return nil
}

// Skipper is a Text that can do without reading what is not wanted.
type Skipper interface {
	// Skip passes over n bytes at most, and says how many: none where it can't.
	Skip(ctx context.Context, n int64) (int64, error)
}

// Skip moves on in a file that is the text itself, neither compressed nor in
// another encoding. Bytes passed over count as read.
func (r *Reader) Skip(ctx context.Context, n int64) (int64, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	r.raw.ctx = ctx
	defer func() { r.raw.ctx = nil }()
	if r.text == nil {
		if r.failed = r.start(); r.failed != nil {
			return 0, r.failed
		}
	}
	file, ok := r.raw.in.(regular)
	if r.plain == nil || !ok {
		return 0, nil
	}
	beyond := n - int64(r.plain.file.Buffered()+r.plain.text.Buffered())
	if beyond <= 0 {
		return 0, nil // it is quicker read
	}
	if _, err := file.Seek(beyond, io.SeekCurrent); err != nil {
		return 0, err
	}
	r.plain.file.Reset(r.raw)
	r.plain.text.Reset(r.plain.between)
	r.raw.counted(beyond)
	return n, nil
}
