package attr

import (
	"strings"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// overflow is the overflow cells in the making: what has no column.
type overflow struct {
	cells column
	row   []byte // the cell of the row being built
	value []byte
	one   column // the value being read
	names map[string]*overflowName
	turn  int // which row is being built, dropped ones counted
}

// overflowName is a name that some row of the batch had in its overflow.
type overflowName struct {
	name string
	turn int // of the last row that had it
}

// set reports whether the row has set that name.
func (o *overflow) set(name string) bool {
	known := o.names[name]
	return known != nil && known.turn == o.turn
}

// mark says that the row sets the name, and gives it with memory of its own.
func (o *overflow) mark(name string) string {
	known := o.names[name]
	if known == nil {
		if o.names == nil {
			o.names = make(map[string]*overflowName)
		}
		known = &overflowName{name: strings.Clone(name)}
		o.names[known.name] = known
	}
	known.turn = o.turn
	return known.name
}

func (o *overflow) put(name string, v Value) {
	o.value = AppendDynamoJSON(o.value[:0], v)
	o.putEncoded(name, o.value)
}

func (o *overflow) putEncoded(name string, cell []byte) {
	if o.set(name) {
		o.remove(name)
	}
	o.append(o.mark(name), cell)
}

// append adds a name that the row has marked, with its value.
func (o *overflow) append(name string, cell []byte) {
	o.row = record.AppendCell(o.row, name, cell)
}

// remove takes a name out of the row's cell.
func (o *overflow) remove(name string) {
	old := string(o.row)
	o.row = o.row[:0]
	for other, cell := range record.Cells(bytesOf(old)) {
		if other != name {
			o.row = record.AppendCell(o.row, other, cell)
		}
	}
}

// keep keeps the row's cell.
func (o *overflow) keep(row int) {
	if len(o.row) > 0 {
		o.cells.reach(row)
		o.cells.data = append(o.cells.data, o.row...)
		o.cells.finish(row)
	}
	o.drop()
}

func (o *overflow) drop() {
	o.row = o.row[:0]
	o.turn++
}

// cut is the array of a batch; nil when no row has an overflow.
func (o *overflow) cut(mem memory.Allocator, rows int) *array.Binary {
	if o.cells.present == 0 {
		return nil
	}
	o.cells.typ = record.Binary
	return o.cells.cut(mem, rows).Values.(*array.Binary)
}

func (o *overflow) reset() {
	o.cells.reset()
	clear(o.names)
	o.row = o.row[:0]
}
