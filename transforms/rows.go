package transforms

import (
	"cmp"
	"slices"
	"sync"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Rows is room for the numbers of rows, used again from batch to batch. Several
// goroutines may use it at once; the zero Rows is ready.
type Rows struct{ pool sync.Pool }

// All lends the numbers of the first n rows, until they are given to Done.
func (r *Rows) All(n int) *[]int {
	rows, ok := r.pool.Get().(*[]int)
	if !ok {
		rows = new([]int)
	}
	*rows = slices.Grow((*rows)[:0], n)
	for row := range n {
		*rows = append(*rows, row)
	}
	return rows
}

// Done takes back what All lent.
func (r *Rows) Done(rows *[]int) { r.pool.Put(rows) }

// RowRejects gathers rejections that are not found in the order of the rows.
type RowRejects struct {
	rows    map[int]bool
	rejects []rowReject
}

type rowReject struct {
	row int
	why record.Rejection
}

// Has reports that the row has been rejected.
func (r *RowRejects) Has(row int) bool { return r.rows[row] }

// Len is the number of rows.
func (r *RowRejects) Len() int { return len(r.rejects) }

// Add rejects a row that has not been rejected.
func (r *RowRejects) Add(row int, why record.Rejection) {
	if r.rows == nil {
		r.rows = map[int]bool{}
	}
	r.rows[row] = true
	r.rejects = append(r.rejects, rowReject{row, why})
}

// AppendTo appends the rejections in the order of the rows.
func (r *RowRejects) AppendTo(out []record.Rejection) []record.Rejection {
	slices.SortFunc(r.rejects, func(a, b rowReject) int { return cmp.Compare(a.row, b.row) })
	for _, reject := range r.rejects {
		out = append(out, reject.why)
	}
	return out
}
