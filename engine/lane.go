package engine

import (
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// lane is what comes of one source into a union, over one or more branches. A
// unit leaves when every branch has brought it, or as far as they have: while a
// branch has more of the unit to come, only rows before its next one may go.
type lane struct {
	branches []*branch // those still open
	mem      memory.Allocator
	rows     int  // that a batch of rows from several branches has at most
	unit     unit // the one that leaves now, without its rows
}

// branch is what one input brings of a source.
type branch struct {
	input int
	held  []unit
	row   int  // of the first unit held: how many of its rows have left
	done  bool // all that it brings of the unit has left
}

// advance lets out what may leave.
func (l *lane) advance(closed []bool, f func(unit) error) error {
	for l.ready(closed) {
		if err := f(l.next()); err != nil {
			return err
		}
	}
	return nil
}

// ready reports that something may leave: every branch has a row, or is done
// with the unit. Branches that have ended leave the lane.
func (l *lane) ready(closed []bool) bool {
	for i := 0; i < len(l.branches); {
		b := l.branches[i]
		b.skipEmpty(&l.unit)
		switch {
		case b.done || len(b.held) > 0:
			i++
		case closed[b.input]:
			l.branches = slices.Delete(l.branches, i, i+1)
		default:
			return false
		}
	}
	return len(l.branches) > 0
}

// next takes what may leave out of the branches: rows of one or several, or the
// mere end of the unit.
func (l *lane) next() unit {
	var active []*branch
	for _, b := range l.branches {
		if !b.done {
			active = append(active, b)
		}
	}
	out := l.unit
	switch {
	case len(active) == 0:
		// The unit has no rows, or its last part had none.
	case len(active) == 1 && active[0].row == 0:
		out.batch = active[0].pop(&l.unit)
	default:
		out.batch = l.merge(active)
	}
	out.last = !slices.ContainsFunc(l.branches, func(b *branch) bool { return !b.done })
	if out.last {
		for _, b := range l.branches {
			b.done = false
		}
	}
	return out
}

// merge takes rows of the branches in the order they were read, until one has
// none left and has more of the unit to come, or a batch is full.
func (l *lane) merge(active []*branch) *record.Batch {
	batches := make([]*record.Batch, len(active))
	for i, b := range active {
		batches[i] = b.held[0].batch
		batches[i].Retain() // what is popped is still to be read
		defer batches[i].Release()
	}
	var order []attr.RowOf
	for len(order) < l.rows {
		first := -1
		for i, b := range active {
			if !b.done && (first < 0 || b.pos().Compare(active[first].pos()) < 0) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		b := active[first]
		order = append(order, attr.RowOf{Batch: first, Row: b.row})
		if b.row++; b.row < b.held[0].batch.Rows() {
			continue
		}
		b.pop(&l.unit).Release()
		if !b.done {
			break
		}
	}
	return attr.Merge(l.mem, batches, order)
}

// skipEmpty forgets units without rows, and notes the end of the one that
// leaves.
func (b *branch) skipEmpty(now *unit) {
	for !b.done && len(b.held) > 0 && b.held[0].rows() == 0 {
		if batch := b.pop(now); batch != nil {
			batch.Release()
		}
	}
	if !b.done && len(b.held) > 0 {
		*now = b.held[0].empty()
	}
}

// pop takes the first unit held, and gives its batch.
func (b *branch) pop(now *unit) *record.Batch {
	first := b.held[0]
	b.held = b.held[1:]
	b.row, b.done = 0, first.last
	*now = first.empty()
	return first.batch
}

// pos is where the branch's next row came from.
func (b *branch) pos() record.Pos { return b.held[0].batch.Origins().Pos[b.row] }

// abandon counts what is held as unsettled at the stage that had taken it.
func (b *branch) abandon(at *stage) {
	for i, u := range b.held {
		left := u.rows()
		if i == 0 {
			left -= int64(b.row)
		}
		at.tally.Unsettled.Add(left)
		u.release()
	}
	b.held = nil
}
