// Package parquetio writes batches as Parquet files.
//
//	writer.go      rows to row groups
//	chunk.go       the values of one column until its row group is written
//	columns.go     a batch's columns to chunks, all rows at once
//	encode.go      a chunk to the pages of a column
//	dictionary.go  the different values of a chunk, and which each value is
//	compress.go    pages compressed
//	file.go        the file around the row groups
//	journal.go     what a later run needs to go on with a file
//	number.go      decimal text to INT64 and DECIMAL(38, 18), exactly
//	survey.go      columns and their types from the first rows
//
// Nothing is ever rounded: a number is an INT64, a DECIMAL(38, 18) or its
// text, and a row whose number its column can't hold exactly is refused. The
// reasons are in docs/adr/20261122-parquet-numbers.md.
package parquetio

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// A row group is written at whichever of these comes first. A writer holds one
// row group of values and of encoded pages, and what each encoder keeps of one
// column, so its memory is about twice maxGroupBytes, whatever the file's size
// (promise 6).
const (
	maxGroupRows  = 64 << 10
	maxGroupBytes = 16 << 20
)

// WriterOptions is how a Parquet file is written.
type WriterOptions struct {
	Layout      layout.Layout // fixed: a Parquet file has columns
	Compression Compression   // Snappy by default
	Losses      layout.Losses
	// Journal is what Checkpoint gave in a run that this one goes on with; the
	// file's Length then is as it was. Nil for a new file.
	Journal io.Reader
	Length  int64
}

// Writer writes rows as Parquet. Absent attributes are null.
type Writer struct {
	file     *fileWriter
	options  WriterOptions
	binding  *layout.Binding
	chunks   []*chunk
	encoders []*encoder // that work on a row group at once
	encoded  []encoded  // of each chunk
	rows     int        // in the row group under way
	noted    int        // of them, that Checkpoint gave
	groups   []groupEntry
	scratch  []byte
}

// NewWriter makes a writer to out.
func NewWriter(out io.Writer, o WriterOptions) (*Writer, error) {
	o.Losses.Format = "Parquet"
	w := &Writer{options: o, encoded: make([]encoded, len(o.Layout.Columns))}
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
	for range min(runtime.GOMAXPROCS(0), max(len(w.chunks), 1)) {
		codec, err := newCodec(o.Compression)
		if err != nil {
			return nil, err
		}
		w.encoders = append(w.encoders, &encoder{codec: codec})
	}
	var err error
	if w.file, err = newFileWriter(out, fields, o.Compression, o.Journal != nil); err == nil && o.Journal != nil {
		err = w.resume(o.Journal, o.Length)
	}
	return w, err
}

// Write takes the rows of a batch. A row that can't be written is given to
// reject with a *layout.Misfit and is not in the file.
func (w *Writer) Write(b *record.Batch, reject func(row int, err error) error) error {
	w.binding.Bind(b)
	for from := 0; from < b.Rows(); {
		to := min(from+maxGroupRows-w.rows, b.Rows())
		if !w.appendRange(from, to) {
			if err := w.appendRows(from, to, reject); err != nil {
				return err
			}
		}
		from = to
		if w.rows >= maxGroupRows || w.bytes() >= maxGroupBytes {
			if err := w.writeGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendRange takes rows column by column; false, and nothing taken, when some
// may not fit or need a look.
func (w *Writer) appendRange(from, to int) bool {
	if len(w.chunks) == 0 || !w.binding.Fits() {
		return false
	}
	columns := w.binding.Columns()
	for i := range columns {
		if !w.chunks[i].addRange(&columns[i], from, to) {
			w.truncate()
			return false
		}
	}
	w.rows += to - from
	return true
}

// appendRows takes rows one by one.
func (w *Writer) appendRows(from, to int, reject func(row int, err error) error) error {
	for row := from; row < to; row++ {
		if err := w.appendRow(row); err != nil {
			w.truncate()
			if err := reject(row, err); err != nil {
				return err
			}
			continue
		}
		w.rows++
	}
	return nil
}

// truncate forgets what was added beyond the rows taken.
func (w *Writer) truncate() {
	for _, c := range w.chunks {
		c.truncate(w.rows)
	}
}

// Close writes the last row group and the footer.
func (w *Writer) Close() error {
	if err := w.writeGroup(); err != nil {
		return err
	}
	return w.file.close()
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

// writeGroup writes the rows held as one row group. Columns are encoded side by
// side and written one after the other.
func (w *Writer) writeGroup() error {
	if w.rows == 0 {
		return nil
	}
	var next atomic.Int64
	work := pool.New().WithErrors()
	for _, e := range w.encoders {
		work.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(w.chunks) {
					return nil
				}
				if err := e.encode(w.chunks[i], &w.encoded[i]); err != nil {
					return err
				}
			}
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	if err := w.file.writeGroup(w.encoded, w.rows); err != nil {
		return err
	}
	group := groupEntry{Rows: w.rows}
	for i, c := range w.chunks {
		group.Columns = append(group.Columns, w.encoded[i].entry())
		c.truncate(0)
	}
	w.groups = append(w.groups, group)
	w.rows, w.noted = 0, 0
	return nil
}
