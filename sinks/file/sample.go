package file

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// survey learns the columns of a file from batches.
type survey interface {
	Add(b *record.Batch)
	Columns() []layout.Column
}

// sample is the first rows of a file whose columns are not known: copies of
// them, since their batches are gone, and where each ends.
type sample struct {
	survey survey
	limits record.Limits
	rows   *attr.Builder
	slots  []slot
	item   []byte
}

// slot is a row of a batch that was taken before.
type slot struct {
	receipt *record.Receipt
	row     int
}

func newSample(s survey, limits record.Limits, mem memory.Allocator) *sample {
	return &sample{survey: s, limits: limits, rows: attr.NewBuilder(mem)}
}

// full reports that the rows held are enough to go by, alone or with n more.
func (s *sample) full(n int) bool {
	return len(s.slots)+n >= s.limits.Rows || int64(s.rows.Bytes()) >= s.limits.Bytes
}

// hold copies the rows of a batch.
func (s *sample) hold(b *record.Batch, at func(row int) slot) error {
	for row := range b.Rows() {
		s.item = attr.AppendRow(s.item[:0], b, row)
		if err := s.rows.AddItem(s.item); err != nil {
			return fmt.Errorf("copying the row from %s: %w", b.Origins().At(row), err)
		}
		s.rows.EndRow(record.Pos{})
		s.slots = append(s.slots, at(row))
	}
	return nil
}

func (s *sample) release() { s.rows.Release() }
