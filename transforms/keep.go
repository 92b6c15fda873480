package transforms

import (
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Keep is the chosen rows of a batch, given in rising order. All of them are
// the batch itself, retained.
func Keep(mem memory.Allocator, b *record.Batch, rows []int) *record.Batch {
	if len(rows) == b.Rows() {
		b.Retain()
		return b
	}
	return attr.Select(mem, b, rows)
}
