// Package arrowio writes batches as Arrow IPC files ("Feather version 2").
//
//	writer.go  rows to record batches to a file
//	file.go    the file around them, begun or taken over
//	column.go  the values of one column until its record batch is written
//
// Types are those of the Parquet files of parquetio, and as there nothing is
// ever rounded: a number is an int64, a decimal128(38, 18) or its text, and a
// row whose number its column can't hold exactly is refused.
package arrowio

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// A record batch is written at whichever of these comes first (promise 6).
const (
	maxBatchRows  = 64 << 10
	maxBatchBytes = 16 << 20
)

// WriterOptions is how an Arrow file is written.
type WriterOptions struct {
	Layout layout.Layout // fixed: an Arrow file has columns
	Zstd   bool          // compresses the buffers
	Losses layout.Losses
	// Resume is the file, when an earlier run has begun it, and Length how long
	// it was at that run's checkpoint.
	Resume io.ReaderAt
	Length int64
}

// Writer writes rows as an Arrow IPC file. Absent attributes are null.
type Writer struct {
	file    *ipc.Writer
	schema  *arrow.Schema
	options WriterOptions
	binding *layout.Binding
	columns []*column
	rows    int // in the record batch under way
	bytes   int
}

// NewWriter makes a writer to out.
func NewWriter(out io.Writer, o WriterOptions) (*Writer, error) {
	o.Losses.Format = "Arrow"
	w := &Writer{options: o}
	w.binding = layout.NewBinding(&w.options.Layout)
	fields := make([]arrow.Field, len(o.Layout.Columns))
	for i, c := range o.Layout.Columns {
		col := newColumn(c.Type)
		w.columns = append(w.columns, col)
		fields[i] = arrow.Field{Name: c.Name, Type: col.builder.Type(), Nullable: true}
	}
	w.schema = arrow.NewSchema(fields, nil)
	// One at a time: then it has no goroutines that a failed run would leave.
	options := []ipc.Option{ipc.WithSchema(w.schema), ipc.WithAllocator(memory.DefaultAllocator), ipc.WithCompressConcurrency(1)}
	if o.Zstd {
		options = append(options, ipc.WithZstd())
	}
	f := &file{out: out, schema: w.schema}
	if o.Resume != nil {
		if err := f.resume(o.Resume, o.Length); err != nil {
			return nil, err
		}
	}
	w.file = ipc.NewWriterWithPayloadWriter(f, options...)
	return w, nil
}

// Write takes the rows of a batch. A row that can't be written is given to
// reject with a *layout.Misfit and is not in the file.
func (w *Writer) Write(b *record.Batch, reject func(row int, err error) error) error {
	w.binding.Bind(b)
	for row := range b.Rows() {
		if err := w.appendRow(row); err != nil {
			if err := reject(row, err); err != nil {
				return err
			}
			continue
		}
		if w.rows++; w.rows >= maxBatchRows || w.bytes >= maxBatchBytes {
			if err := w.writeBatch(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Checkpoint hands on every row taken, so that a later run can go on with the
// file as it is then, of which nothing else has to be known.
func (w *Writer) Checkpoint() ([]byte, error) { return nil, w.writeBatch() }

// Pending is about how many bytes are held that are not written yet.
func (w *Writer) Pending() int { return w.bytes }

// Close writes the last record batch and the footer.
func (w *Writer) Close() error {
	if err := w.writeBatch(); err != nil {
		return err
	}
	return w.file.Close()
}

// appendRow reads all of a row's values before it keeps the first, so that a
// row that is refused leaves nothing.
func (w *Writer) appendRow(row int) error {
	if err := w.binding.Row(row); err != nil {
		return err
	}
	sources := w.binding.Columns()
	if len(sources) == 0 {
		return layout.WrongType("the row has no attribute, and an Arrow file needs columns: name them with columns = [...]")
	}
	for i := range sources {
		v, err := w.binding.Value(&sources[i], row)
		if err != nil {
			return err
		}
		lost, err := w.columns[i].read(sources[i].Name, v)
		if err != nil {
			return err
		}
		if lost {
			if err := w.options.Losses.Lose(sources[i].Name, v.Kind()); err != nil {
				return err
			}
		}
	}
	for _, c := range w.columns {
		w.bytes += c.keep()
	}
	return nil
}

// writeBatch writes the rows held as one record batch.
func (w *Writer) writeBatch() error {
	if w.rows == 0 {
		return nil
	}
	values := make([]arrow.Array, len(w.columns))
	for i, c := range w.columns {
		values[i] = c.builder.NewArray()
		defer values[i].Release()
	}
	rec := array.NewRecord(w.schema, values, int64(w.rows))
	defer rec.Release()
	w.rows, w.bytes = 0, 0
	if err := w.file.Write(rec); err != nil {
		return fmt.Errorf("write a record batch: %w", err)
	}
	return nil
}

// kindOfColumn is the kind of the values that a column holds; text for all that
// have no type of their own.
func kindOfColumn(t layout.Type) attr.Kind {
	switch t.Kind {
	case attr.Number, attr.Bool, attr.Binary:
		return t.Kind
	}
	return attr.String
}
