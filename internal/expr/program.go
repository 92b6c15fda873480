package expr

import (
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// loop computes one node of the bound tree for the selected rows of a chunk,
// rising: it sets those places of out and no others.
//
// A loop gives what the walk gives, or says that the walk has to decide. So a
// loop need not know every case, only be right about those it takes.
type loop interface {
	run(m *machine, sel []int32, out *vector)
}

// program is an expression as loops over columns. It never changes; the
// machines that run it are pooled.
type program struct {
	root     operand
	regs     int
	limit    int
	byRow    []Part // what is walked
	machines sync.Pool
}

// operand is a part of a loop: a constant, or a loop and the register it fills.
type operand struct {
	constant *vector
	loop     loop
	reg      int
}

// run computes the operand. A row's place in it is row & mask.
func (o *operand) run(m *machine, sel []int32) (v *vector, mask int) {
	if o.constant != nil {
		return o.constant, 0
	}
	v = m.regs[o.reg]
	o.loop.run(m, sel, v)
	return v, -1
}

// into computes the operand into another vector.
func (o *operand) into(m *machine, sel []int32, out *vector) {
	if o.constant == nil {
		o.loop.run(m, sel, out)
		return
	}
	for _, i := range sel {
		out.copy(int(i), o.constant, 0)
	}
}

// allRows selects a whole chunk. It never changes.
var allRows = func() []int32 {
	rows := make([]int32, chunkRows)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}()

func (p *program) machine(b *record.Batch, run *Run, slots int) *machine {
	m, ok := p.machines.Get().(*machine)
	if !ok {
		m = &machine{limit: p.limit, regs: make([]*vector, p.regs)}
		for i := range m.regs {
			m.regs[i] = newVector(chunkRows)
		}
		m.frame.run = run
		m.frame.slots = make([]attr.Value, slots)
	}
	m.batch, m.frame.batch = b, b
	m.argsUsed, m.partsUsed = 0, 0
	return m
}

func (p *program) done(m *machine) {
	m.release()
	p.machines.Put(m)
}

// chunk computes the root for rows of the batch from base on.
func (p *program) chunk(m *machine, base int, sel []int32) (v *vector, mask int) {
	m.base = base
	m.made = m.made[:0]
	return p.root.run(m, sel)
}

// Column evaluates the expression for every row of the batch, as a column of
// that name, which the caller releases. failed is told each row on which it
// fails, in order, and why; there the column is absent. The column may share
// memory with the batch, which it keeps alive.
func (x *Expr) Column(mem memory.Allocator, name string, b *record.Batch, failed func(row int, err error)) record.Column {
	if c, ok := x.untouched(b); ok {
		c.Name = name
		c.Values.Retain()
		return c
	}
	maker, ok := x.makers.Get().(*attr.ColumnMaker)
	if !ok {
		maker = &attr.ColumnMaker{}
	}
	defer x.makers.Put(maker)
	w := &columnWriter{x: x, maker: maker, batch: b, most: attr.MaxMadeBytes, failed: failed}
	w.write()
	return maker.Column(mem, name)
}

// columnWriter makes a column of an expression's values.
type columnWriter struct {
	x      *Expr
	maker  *attr.ColumnMaker
	batch  *record.Batch
	most   int // bytes of the column
	failed func(row int, err error)
}

func (w *columnWriter) write() {
	p := w.x.program
	if p == nil {
		for row := range w.batch.Rows() {
			w.walk(row)
		}
		return
	}
	m := p.machine(w.batch, w.x.run, w.x.slots)
	defer p.done(m)
	for base := 0; base < w.batch.Rows(); base += chunkRows {
		sel := allRows[:min(chunkRows, w.batch.Rows()-base)]
		v, mask := p.chunk(m, base, sel)
		if w.maker.Bytes() > w.most {
			for i := range sel {
				w.walk(base + i)
			}
			continue
		}
		w.chunk(m, v, mask, len(sel))
	}
}

// chunk adds the rows of a chunk.
func (w *columnWriter) chunk(m *machine, v *vector, mask, rows int) {
	for i := range rows {
		at := i & mask
		switch t := v.tags[at]; t {
		case isString:
			w.maker.Text(record.String, v.texts[at])
		case isNumber:
			w.maker.Text(record.Number, v.texts[at])
		case isSmall:
			w.maker.Text(record.Number, m.spell(v.nums[at]))
		case isFalse, isTrue:
			w.maker.Bool(t == isTrue)
		case isCell:
			w.maker.Cell(v.texts[at])
		case isFailure, isUndecided:
			w.walk(m.base + i)
		default:
			w.maker.Value(m.value(v, at))
		}
	}
}

// walk adds the value of one row by the walk.
func (w *columnWriter) walk(row int) {
	var v attr.Value
	var err error
	if w.maker.Bytes() <= w.most {
		v, err = w.x.Eval(w.batch, row)
	} else {
		err = errorf(w.x.rng, "the expression makes more than %d MB for the rows of one batch: set a lower batch_rows", w.most>>20)
	}
	if err != nil {
		w.failed(row, err)
	}
	w.maker.Value(v)
}

// untouched is the column that the expression is, when it is nothing but an
// attribute of the row.
func (x *Expr) untouched(b *record.Batch) (record.Column, bool) {
	n, ok := x.root.node.(*rowAttr)
	if !ok || b.HasOverflow() {
		return record.Column{}, false
	}
	return b.Lookup(n.name)
}

// Way is how an expression is evaluated.
type Way string

// The ways.
const (
	Constant  Way = "constant"   // once, before any row
	AsColumns Way = "columns"    // by loops over columns
	RowByRow  Way = "row by row" // by a walk of the expression
)

// Values are the ways that there are.
func (Way) Values() []string {
	return []string{string(Constant), string(AsColumns), string(RowByRow)}
}

// Way says how Column and Where evaluate the expression, and which parts of one
// that runs as columns are walked all the same.
func (x *Expr) Way() (Way, []Part) {
	if _, ok := x.Constant(); ok {
		return Constant, nil
	}
	if x.program == nil {
		return RowByRow, x.byRow
	}
	return AsColumns, x.byRow
}

// Where appends to hold those of the rows, given rising, for which the
// expression holds as a condition. No other row is forgotten: not is told each
// of them, in order, with an error when the condition fails on it. Rows that
// hold, or that do not, may be appended to rows[:0] while Where goes through it.
func (x *Expr) Where(b *record.Batch, rows, hold []int, not func(row int, err error)) []int {
	if x.program == nil {
		for _, row := range rows {
			hold = x.holds(b, row, hold, not)
		}
		return hold
	}
	m := x.program.machine(b, x.run, x.slots)
	defer x.program.done(m)
	sel := m.borrow()
	for len(rows) > 0 {
		base := rows[0]
		sel = sel[:0]
		for len(rows) > 0 && rows[0] < base+chunkRows {
			sel = append(sel, int32(rows[0]-base))
			rows = rows[1:]
		}
		v, mask := x.program.chunk(m, base, sel)
		for _, i := range sel {
			at, row := int(i)&mask, base+int(i)
			switch t := v.truth(at); t {
			case isTrue:
				hold = append(hold, row)
			case isFalse:
				not(row, nil)
			default:
				hold = x.holds(b, row, hold, not)
			}
		}
	}
	m.giveBack(sel)
	return hold
}

// holds is Where for one row by the walk.
func (x *Expr) holds(b *record.Batch, row int, hold []int, not func(int, error)) []int {
	is, err := x.Condition(b, row)
	if is && err == nil {
		return append(hold, row)
	}
	not(row, err)
	return hold
}

// view is b as a string that shares its memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
