package file

import (
	"encoding/json"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// survey learns the columns of a file from batches. A later run is told what has
// been seen as JSON.
type survey interface {
	Add(b *record.Batch)
	Columns() []layout.Column
	json.Marshaler
	json.Unmarshaler
}

// sample is the first rows of a file whose columns are not known: copies of
// them, as DynamoDB JSON, since their batches are gone, and where each ends.
type sample struct {
	survey survey
	limits record.Limits
	items  []byte
	ends   []int // of each row in items
	slots  []slot
	came   []int64 // what number each row was, of all that the sink has held
	count  *int64  // of them
	seen   int     // rows to come that an earlier run had surveyed, in the batches in which they came then
}

// slot is a row of a batch that was taken before.
type slot struct {
	receipt *record.Receipt
	row     int
}

func newSample(s survey, limits record.Limits, count *int64) *sample {
	return &sample{survey: s, limits: limits, count: count}
}

// full reports that the rows held are enough to go by, alone or with n more.
func (s *sample) full(n int) bool {
	return len(s.slots)+n >= s.limits.Rows || int64(s.bytes()) >= s.limits.Bytes
}

// look surveys the rows of a batch.
func (s *sample) look(b *record.Batch) {
	if s.seen >= b.Rows() {
		s.seen -= b.Rows()
		return
	}
	s.seen = 0
	s.survey.Add(b)
}

func (s *sample) bytes() int { return len(s.items) }

// hold copies the rows of a batch.
func (s *sample) hold(b *record.Batch, at func(row int) slot) {
	for row := range b.Rows() {
		s.items = attr.AppendRow(s.items, b, row)
		s.ends = append(s.ends, len(s.items))
		s.slots = append(s.slots, at(row))
		s.came = append(s.came, *s.count)
		*s.count++
	}
}

func (s *sample) item(row int) []byte {
	from := 0
	if row > 0 {
		from = s.ends[row-1]
	}
	return s.items[from:s.ends[row]:s.ends[row]]
}

// batch is the rows held.
func (s *sample) batch(mem memory.Allocator) (*record.Batch, error) {
	rows := attr.NewBuilder(mem)
	defer rows.Release()
	for row := range s.slots {
		if err := rows.AddItem(s.item(row)); err != nil {
			return nil, fmt.Errorf("copying the row from %s: %w", s.slots[row].receipt.Origin(s.slots[row].row), err)
		}
		rows.EndRow(record.Pos{})
	}
	return rows.Batch(nil), nil
}
