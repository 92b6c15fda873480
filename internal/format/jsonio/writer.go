package jsonio

import (
	"encoding/base64"
	"io"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// WriterOptions is how a JSON or JSON Lines file is written.
type WriterOptions struct {
	Layout layout.Layout
	// Array writes one JSON array with an object a line, in place of JSON
	// Lines.
	Array bool
	// DynamoDB writes DynamoDB JSON, each item as {"Item":{...}}: what an
	// export to S3 writes and what an import from S3 reads (AWS: "DynamoDB
	// table export output format"). It holds every type.
	DynamoDB bool
	Losses   layout.Losses
	// Continued says that an earlier run has begun the file, by at least a row.
	Continued bool
}

// Writer writes rows as JSON, one line each. Attributes that a row does not
// have are left out; NULL is null; numbers stand as they were spelled.
type Writer struct {
	out     io.Writer
	options WriterOptions
	binding *layout.Binding
	keys    [][]byte // `"name":` of each column
	keysOf  []string // the names they were made for
	texts   []textColumn
	buf     []byte
	started bool // a row was written, or an array opened
}

// NewWriter makes a writer to out, which sees whole lines only.
func NewWriter(out io.Writer, o WriterOptions) *Writer {
	o.Losses.Format = "JSON"
	w := &Writer{out: out, options: o, started: o.Continued}
	w.binding = layout.NewBinding(&w.options.Layout)
	return w
}

// Write writes the rows of a batch. A row that can't be written is given to
// reject with a *layout.Misfit and leaves no bytes behind.
func (w *Writer) Write(b *record.Batch, reject func(row int, err error) error) error {
	w.binding.Bind(b)
	w.bindKeys()
	for row := range b.Rows() {
		before, started := len(w.buf), w.started
		w.begin()
		if err := w.appendRow(row); err != nil {
			w.buf, w.started = w.buf[:before], started
			if err := reject(row, err); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

// Checkpoint has nothing to hand on: whole rows are written as they come. When
// any was, a later run goes on behind it.
func (w *Writer) Checkpoint() ([]byte, error) { return nil, nil }

// Close writes what ends an array.
func (w *Writer) Close() error {
	switch {
	case !w.options.Array:
	case w.started:
		w.buf = append(w.buf, "\n]\n"...)
	default:
		w.buf = append(w.buf, "[]\n"...)
	}
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// begin writes what stands before a row.
func (w *Writer) begin() {
	if w.options.Array {
		if w.started {
			w.buf = append(w.buf, ",\n"...)
		} else {
			w.buf = append(w.buf, "[\n"...)
		}
	}
	w.started = true
}

// bindKeys spells the columns' names once for all rows.
func (w *Writer) bindKeys() {
	columns := w.binding.Columns()
	w.keys = w.keys[:min(len(w.keys), len(columns))]
	for i := range columns {
		name := columns[i].Name
		if i < len(w.keys) && w.keysOf[i] == name {
			continue
		}
		key := append(attr.AppendJSONString(nil, name), ':')
		w.keys = append(w.keys[:i], key)
		w.keysOf = append(w.keysOf[:i], name)
	}
	w.texts = slices.Grow(w.texts[:0], len(columns))[:len(columns)]
	for i := range columns {
		w.texts[i].bind(&columns[i], w.keys[i], w.options.DynamoDB)
	}
}

func (w *Writer) appendRow(row int) error {
	if err := w.binding.Row(row); err != nil {
		return err
	}
	if w.options.DynamoDB {
		w.buf = append(w.buf, `{"Item":`...)
	}
	w.buf = append(w.buf, '{')
	columns := w.binding.Columns()
	for i := range columns {
		if t := &w.texts[i]; t.has(row) {
			w.buf = t.append(w.buf, row)
			continue
		}
		if err := w.appendAttribute(&columns[i], w.keys[i], row); err != nil {
			return err
		}
	}
	for name, cell := range record.Cells(w.binding.Overflow(row)) {
		if err := w.appendOverflow(name, cell); err != nil {
			return err
		}
	}
	w.trimComma()
	w.buf = append(w.buf, '}')
	if w.options.DynamoDB {
		w.buf = append(w.buf, '}')
	}
	if !w.options.Array {
		w.buf = append(w.buf, '\n')
	}
	return nil
}

// trimComma takes back the comma that every attribute leaves behind.
func (w *Writer) trimComma() {
	if last := len(w.buf) - 1; w.buf[last] == ',' {
		w.buf = w.buf[:last]
	}
}

// appendAttribute appends `"name":value,`, or nothing for an absent one.
func (w *Writer) appendAttribute(s *layout.Source, key []byte, row int) error {
	if !s.Direct || s.In.Absent(row) {
		v, err := w.binding.Value(s, row)
		if err != nil || v.Kind() == attr.Absent {
			return err
		}
		w.buf = append(w.buf, key...)
		return w.appendValue(s.Name, v)
	}
	w.buf = append(w.buf, key...)
	if w.options.DynamoDB {
		w.buf = append(attr.AppendCell(w.buf, s.In, row), ',')
		return nil
	}
	return w.appendPlain(s, row)
}

// appendPlain appends a value of a typed column without decoding it. Texts are
// not among them.
func (w *Writer) appendPlain(s *layout.Source, row int) error {
	in := s.In
	if in.Null(row) {
		w.buf = append(w.buf, "null,"...)
		return nil
	}
	switch in.Type {
	case record.Bool:
		if in.Bool(row) {
			w.buf = append(w.buf, "true"...)
		} else {
			w.buf = append(w.buf, "false"...)
		}
	case record.Binary:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, in.Bytes(row))
		w.buf = append(w.buf, '"', ',')
		return w.options.Losses.Lose(s.Name, attr.Binary)
	default:
		var lost attr.Kind
		w.buf, lost = attr.AppendEncodedJSON(w.buf, in.Bytes(row))
		w.buf = append(w.buf, ',')
		if lost != attr.Absent {
			return w.options.Losses.Lose(s.Name, lost)
		}
		return nil
	}
	w.buf = append(w.buf, ',')
	return nil
}

// appendValue appends a decoded value and a comma.
func (w *Writer) appendValue(name string, v attr.Value) error {
	if w.options.DynamoDB {
		w.buf = append(attr.AppendDynamoJSON(w.buf, v), ',')
		return nil
	}
	var lost bool
	w.buf, lost = attr.AppendJSON(w.buf, v)
	w.buf = append(w.buf, ',')
	if lost {
		return w.options.Losses.Lose(name, v.Kind())
	}
	return nil
}

// appendOverflow appends an attribute that has no column in the batch.
func (w *Writer) appendOverflow(name string, cell []byte) error {
	w.buf = append(attr.AppendJSONString(w.buf, name), ':')
	if w.options.DynamoDB {
		w.buf = append(append(w.buf, cell...), ',')
		return nil
	}
	v, err := attr.ParseDynamoJSON(cell)
	if err != nil {
		return layout.WrongType("attribute %q can't be decoded: %v", name, err)
	}
	return w.appendValue(name, v)
}
