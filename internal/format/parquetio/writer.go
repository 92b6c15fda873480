// Package parquetio writes batches as Parquet files.
//
//	writer.go   rows to row groups to a file
//	chunk.go    the values of one column until its row group is written
//	number.go   decimal text to INT64 and DECIMAL(38, 18), exactly
//	survey.go   columns and their types from the first rows
//
// Nothing is ever rounded: a number is an INT64, a DECIMAL(38, 18) or its
// text, and a row whose number its column can't hold exactly is refused. The
// reasons are in docs/adr/20261122-parquet-numbers.md.
package parquetio

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// A row group is written at whichever of these comes first. A writer holds one
// row group of values and what Parquet's encoder keeps of one column of it, so
// its memory is about twice maxGroupBytes, whatever the file's size
// (promise 6).
const (
	maxGroupRows  = 128 << 10
	maxGroupBytes = 32 << 20
)

// Compression is how the pages of a file are compressed.
type Compression string

// The compressions. Every reader of Parquet knows Snappy; Zstd is smaller.
const (
	None   Compression = "none"
	Snappy Compression = "snappy"
	Zstd   Compression = "zstd"
	Gzip   Compression = "gzip"
)

func (c Compression) codec() compress.Compression {
	switch c {
	case None:
		return compress.Codecs.Uncompressed
	case Zstd:
		return compress.Codecs.Zstd
	case Gzip:
		return compress.Codecs.Gzip
	}
	return compress.Codecs.Snappy
}

// WriterOptions is how a Parquet file is written.
type WriterOptions struct {
	Layout      layout.Layout // fixed: a Parquet file has columns
	Compression Compression   // Snappy by default
	Losses      layout.Losses
}

// Writer writes rows as Parquet. Absent attributes are null.
type Writer struct {
	out     *held
	file    *file.Writer
	options WriterOptions
	binding *layout.Binding
	chunks  []*chunk
	rows    int // in the row group under way
	scratch []byte
}

// NewWriter makes a writer to out.
func NewWriter(out io.Writer, o WriterOptions) (*Writer, error) {
	o.Losses.Format = "Parquet"
	w := &Writer{out: &held{out: out}, options: o}
	w.binding = layout.NewBinding(&w.options.Layout)
	var fields schema.FieldList
	for _, c := range o.Layout.Columns {
		chunk := newChunk(c.Type)
		node, err := chunk.node(c.Name)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		w.chunks = append(w.chunks, chunk)
		fields = append(fields, node)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	w.file = file.NewParquetWriter(w.out, root, file.WithWriterProps(parquet.NewWriterProperties(
		parquet.WithCompression(o.Compression.codec()),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCreatedBy("dynapipe"),
	)))
	return w, w.out.err
}

// Write takes the rows of a batch. A row that can't be written is given to
// reject with a *layout.Misfit and is not in the file.
func (w *Writer) Write(b *record.Batch, reject func(row int, err error) error) error {
	w.binding.Bind(b)
	for row := range b.Rows() {
		if err := w.appendRow(row); err != nil {
			for _, c := range w.chunks {
				c.truncate(w.rows)
			}
			if err := reject(row, err); err != nil {
				return err
			}
			continue
		}
		if w.rows++; w.rows >= maxGroupRows || w.bytes() >= maxGroupBytes {
			if err := w.writeGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close writes the last row group and the footer.
func (w *Writer) Close() error {
	if err := w.writeGroup(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	return w.out.err
}

func (w *Writer) bytes() int {
	n := 0
	for _, c := range w.chunks {
		n += c.bytes()
	}
	return n
}

func (w *Writer) appendRow(row int) error {
	if err := w.binding.Row(row); err != nil {
		return err
	}
	columns := w.binding.Columns()
	if len(columns) == 0 {
		return layout.WrongType("the row has no attribute, and a Parquet file needs columns: name them with columns = [...]")
	}
	for i := range columns {
		if err := w.appendValue(w.chunks[i], &columns[i], row); err != nil {
			return err
		}
	}
	return nil
}

// appendValue takes the value of a column of its own type as it stands; every
// other one is decoded.
func (w *Writer) appendValue(c *chunk, s *layout.Source, row int) error {
	in := s.In
	if !s.Direct || in.Absent(row) || in.Null(row) {
		return w.appendDecoded(c, s, row)
	}
	switch {
	case in.Type == record.String && c.physical == text:
		c.addText(in.Text(row))
	case in.Type == record.Number && c.isNumber():
		return c.addNumber(s.Name, in.Text(row))
	case in.Type == record.Bool && c.physical == boolean:
		c.addBool(in.Bool(row))
	case in.Type == record.Binary && c.physical == octets:
		c.addBytes(in.Bytes(row))
	default:
		return w.appendDecoded(c, s, row)
	}
	return nil
}

func (w *Writer) appendDecoded(c *chunk, s *layout.Source, row int) error {
	v, err := w.binding.Value(s, row)
	if err != nil {
		return err
	}
	switch k := v.Kind(); {
	case k == attr.Absent:
		c.addAbsent()
	case k == attr.Null:
		c.addAbsent()
		return w.options.Losses.Lose(s.Name, attr.Null)
	case c.physical == text:
		w.scratch = layout.AppendText(w.scratch[:0], v)
		c.addBytes(w.scratch)
		if k != attr.String {
			return w.options.Losses.Lose(s.Name, k)
		}
	case c.isNumber():
		return c.addNumber(s.Name, v.Text())
	case c.physical == boolean:
		c.addBool(v.True())
	default:
		c.addText(v.Text())
	}
	return nil
}

// writeGroup writes the rows held as one row group, column by column.
func (w *Writer) writeGroup() error {
	if w.rows == 0 {
		return w.out.err
	}
	group := w.file.AppendRowGroup()
	for _, c := range w.chunks {
		column, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := c.write(column); err != nil {
			return err
		}
		c.truncate(0)
	}
	w.rows = 0
	if err := group.Close(); err != nil {
		return err
	}
	return w.out.err
}

// held keeps the first error of a write to itself: Arrow's file writer panics
// on some and drops others. The Writer looks at it after each step.
type held struct {
	out io.Writer
	err error
}

func (h *held) Write(p []byte) (int, error) {
	if h.err == nil {
		_, h.err = h.out.Write(p)
	}
	return len(p), nil
}
