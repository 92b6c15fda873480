package dedupe

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// first lets a row through when none of the rows before it has its key.
type first struct {
	keys
	mem memory.Allocator
}

var _ transforms.Sequential = (*first)(nil)

// Sequential declares that batches come one at a time and in order.
func (*first) Sequential() {}

// Apply emits the rows whose key is new.
func (f *first) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	keep := make([]int, 0, in.Rows())
	cursor := f.key.Over(in)
	defer cursor.Done()
	for row := range in.Rows() {
		before, _, err := f.look(cursor, row)
		switch {
		case err != nil:
			out.Rejects = append(out.Rejects, transforms.RejectExpression(in, row, "key", err))
		case before != nil:
			out.Coalesced++
		default:
			keep = append(keep, row)
		}
	}
	out.Emit(transforms.Keep(f.mem, in, keep))
	return nil
}
