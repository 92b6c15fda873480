package dedupe

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// last lets a row through when none of the rows after it has its key. A unit
// waits as a whole until that is known of its last row, and goes on as the unit
// it was: so the order holds where branches meet (promises 4 and 10).
type last struct {
	keys
	mem   memory.Allocator
	units []*held // oldest first
}

// held is a unit that waits.
type held struct {
	batch *record.Batch
	out   *transforms.Out
	keep  []bool // by row: it goes on, as far as is known
	until int64  // the number of the row with which all is known of it
}

// place is a row of a unit that waits.
type place struct {
	unit *held
	row  int
}

var _ transforms.Flusher = (*last)(nil)

// Sequential declares that batches come one at a time and in order.
func (*last) Sequential() {}

// Apply holds the batch, and lets those go of which all is known.
func (l *last) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	in.Retain()
	out.Hold()
	u := &held{batch: in, out: out, keep: make([]bool, in.Rows())}
	l.units = append(l.units, u)
	cursor := l.key.Over(in)
	defer cursor.Done()
	for row := range in.Rows() {
		before, own, err := l.look(cursor, row)
		if err != nil {
			out.Rejects = append(out.Rejects, transforms.RejectExpression(in, row, "key", err))
			continue
		}
		if before != nil {
			before.at.unit.keep[before.at.row] = false
			before.at.unit.out.Coalesced++
		}
		u.keep[row] = true
		if own != nil {
			own.at = place{u, row}
		}
	}
	u.until = l.next - 1 + l.window
	for len(l.units) > 0 && l.units[0].until < l.next {
		l.complete()
	}
	return nil
}

// complete lets the oldest unit go on.
func (l *last) complete() {
	u := l.units[0]
	l.units = l.units[1:]
	var rows []int
	for row, keep := range u.keep {
		if keep {
			rows = append(rows, row)
		}
	}
	u.out.Emit(transforms.Keep(l.mem, u.batch, rows))
	u.out.Complete()
	u.batch.Release()
}

// Flush lets everything go on: no more rows come.
func (l *last) Flush(context.Context, *transforms.Out) error {
	for len(l.units) > 0 {
		l.complete()
	}
	return nil
}

// Drop forgets what waits, which its Outs account for.
func (l *last) Drop() int64 {
	for _, u := range l.units {
		u.batch.Release()
	}
	l.units = nil
	return 0
}
