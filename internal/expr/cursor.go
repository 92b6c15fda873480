package expr

import (
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Cursor gives an expression's values for the rows of a batch, a row after the
// other, and computes them as columns. One goroutine uses it.
type Cursor struct {
	x     *Expr
	batch *record.Batch
	m     *machine // nil for what is walked

	v    *vector
	mask int
	end  int // the chunk's rows end before it
}

// Over is a cursor for the rows of a batch. The caller ends it with Done.
func (x *Expr) Over(b *record.Batch) *Cursor {
	c := &Cursor{x: x, batch: b}
	if x.program != nil {
		c.m = x.program.machine(b, x.run, x.slots)
	}
	return c
}

// At is what Eval gives for the row. Rows are asked for in rising order. The
// value is valid until the next row: it may share the memory of the batch and
// of the cursor.
func (c *Cursor) At(row int) (attr.Value, error) {
	if c.m == nil {
		return c.x.Eval(c.batch, row)
	}
	if row >= c.end {
		rows := min(chunkRows, c.batch.Rows()-row)
		c.v, c.mask = c.x.program.chunk(c.m, row, allRows[:rows])
		c.end = row + rows
	}
	at := (row - c.m.base) & c.mask
	if !c.v.tags[at].decided() {
		return c.x.Eval(c.batch, row)
	}
	return c.m.value(c.v, at), nil
}

// Done ends the cursor.
func (c *Cursor) Done() {
	if c.m != nil {
		c.x.program.done(c.m)
		c.m = nil
	}
}
