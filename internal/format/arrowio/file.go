package arrowio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
)

// An Arrow file is messages one after the other, the schema first, between a
// magic string and a footer that says where they are (Arrow Columnar Format,
// "IPC File Format"). Arrow makes the messages. The frame is ours, since
// Arrow's writer of files can't take one over that has a beginning: where its
// record batches are is then read from the messages themselves.

const (
	magic        = "ARROW1"
	alignment    = 8
	continuation = 0xFFFFFFFF // before the length of a message
	maxMeta      = 64 << 20   // bytes of a message without its body: what is more is damage
)

// order is the byte order of everything outside of messages.
var order = binary.LittleEndian

var errDamaged = errors.New("its record batches are damaged")

// block is where a record batch is in the file.
type block struct {
	offset int64
	meta   int32 // bytes, with the length that comes first
	body   int64
}

// file is the frame, as what Arrow's writer hands its messages to.
type file struct {
	out    io.Writer
	at     int64
	schema *arrow.Schema
	begun  bool // the schema stands in the file
	blocks []block
	skip   []byte // the schema that stands there, until Arrow has spelled it again
}

var _ ipc.PayloadWriter = (*file)(nil)

func (f *file) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.at += int64(n)
	return n, err
}

// Start is part of ipc.PayloadWriter, and nobody calls it.
func (f *file) Start() error { return nil }

// WritePayload writes a message. The first one is the schema.
func (f *file) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	if f.skip != nil {
		// Behind the schema come the record batches of the earlier run.
		same := bytes.Equal(bytes.TrimRight(f.skip, "\x00"), bytes.TrimRight(meta.Bytes(), "\x00"))
		f.skip = nil
		if !same {
			return fmt.Errorf("%w: its columns are others", errDamaged)
		}
		return nil
	}
	first := !f.begun
	if first {
		f.begun = true
		if _, err := f.Write([]byte(magic + "\x00\x00")); err != nil {
			return err
		}
	}
	b := block{offset: f.at}
	padded := (meta.Len() + alignment - 1) &^ (alignment - 1)
	head := order.AppendUint32(nil, continuation)
	head = order.AppendUint32(head, uint32(padded))
	head = append(head, meta.Bytes()...)
	head = append(head, make([]byte, padded-meta.Len())...)
	if _, err := f.Write(head); err != nil {
		return err
	}
	b.meta = int32(len(head))
	start := f.at
	if err := p.SerializeBody(f); err != nil {
		return err
	}
	if b.body = f.at - start; !first {
		f.blocks = append(f.blocks, b)
	}
	return nil
}

// Close writes the footer.
func (f *file) Close() error {
	footer, err := footer(f.schema, f.blocks)
	if err != nil {
		return err
	}
	tail := order.AppendUint64(nil, continuation) // the messages end: one of no length
	tail = append(tail, footer...)
	tail = order.AppendUint32(tail, uint32(len(footer)))
	_, err = f.Write(append(tail, magic...))
	return err
}

// footer is the footer of a file with these blocks. Arrow spells that of a file
// without any, and the blocks are put behind it: in a flatbuffer, a reference
// is a distance, wherever what is meant lies.
func footer(schema *arrow.Schema, blocks []block) ([]byte, error) {
	var empty bytes.Buffer
	w, err := ipc.NewFileWriter(&counted{out: &empty}, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	tail := empty.Bytes()[:empty.Len()-len(magic)]
	length := int(order.Uint32(tail[len(tail)-4:]))
	f := bytes.Clone(tail[len(tail)-4-length : len(tail)-4])
	if len(blocks) == 0 {
		return f, nil
	}
	at, ok := field(f, footerRecordBatches, 4)
	if !ok {
		return nil, errors.New("the footer of an Arrow file has no list of record batches")
	}
	for len(f)%alignment != alignment-4 { // elements are aligned, and the length of the list comes before
		f = append(f, 0)
	}
	order.PutUint32(f[at:], uint32(len(f)-at))
	f = order.AppendUint32(f, uint32(len(blocks)))
	for _, b := range blocks {
		f = order.AppendUint64(f, uint64(b.offset))
		f = order.AppendUint64(f, uint64(uint32(b.meta)))
		f = order.AppendUint64(f, uint64(b.body))
	}
	return f, nil
}

// Fields of Arrow's tables, by their place (Arrow format/File.fbs,
// format/Message.fbs).
const (
	footerRecordBatches = 3
	messageHeaderType   = 1
	messageBodyLength   = 3

	headerSchema      = 1
	headerRecordBatch = 3
)

// field is where a field of so many bytes of a flatbuffer's root table is; false
// when it is not there, and so has its default, or the buffer is none.
func field(b []byte, number, size int) (at int, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	table := int(order.Uint32(b))
	if table < 4 || table > len(b)-4 {
		return 0, false
	}
	vtable := table - int(int32(order.Uint32(b[table:])))
	if vtable < 0 || vtable > len(b)-4 {
		return 0, false
	}
	fields, slot := int(order.Uint16(b[vtable:])), 4+2*number
	if slot+2 > fields || vtable+fields > len(b) {
		return 0, false
	}
	distance := int(order.Uint16(b[vtable+slot:]))
	if at = table + distance; distance == 0 || at > len(b)-size {
		return 0, false
	}
	return at, true
}

// resume reads where the record batches are in a file of this length that has
// no footer yet.
func (f *file) resume(in io.ReaderAt, length int64) error {
	if length == 0 {
		return nil
	}
	begin := make([]byte, alignment)
	if err := readAt(in, begin, 0); err != nil || string(begin) != magic+"\x00\x00" {
		return errDamaged
	}
	f.at = alignment
	for f.at < length {
		head := make([]byte, 8)
		if err := readAt(in, head, f.at); err != nil {
			return err
		}
		size := int64(order.Uint32(head[4:]))
		if order.Uint32(head) != continuation || size == 0 || size > maxMeta || size > length-f.at-8 {
			return errDamaged
		}
		meta := make([]byte, size)
		if err := readAt(in, meta, f.at+8); err != nil {
			return err
		}
		b := block{offset: f.at, meta: int32(8 + size)}
		if at, ok := field(meta, messageBodyLength, 8); ok {
			b.body = int64(order.Uint64(meta[at:]))
		}
		if b.body < 0 || b.body > length-f.at-int64(b.meta) {
			return errDamaged
		}
		at, ok := field(meta, messageHeaderType, 1)
		switch {
		case ok && meta[at] == headerSchema && !f.begun:
			f.begun, f.skip = true, meta
		case ok && meta[at] == headerRecordBatch && f.begun:
			f.blocks = append(f.blocks, b)
		default:
			return errDamaged
		}
		f.at += int64(b.meta) + b.body
	}
	if f.at != length {
		return errDamaged
	}
	return nil
}

func readAt(in io.ReaderAt, p []byte, at int64) error {
	if n, err := in.ReadAt(p, at); n < len(p) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// counted is a writer that knows its position, which is all that Arrow's file
// writer seeks for.
type counted struct {
	out io.Writer
	at  int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.at += int64(n)
	return n, err
}

func (c *counted) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, fmt.Errorf("an Arrow file is written from front to back")
	}
	return c.at, nil
}
