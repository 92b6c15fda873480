package layout

import "github.com/dynapipe/dynapipe/internal/record"

// Survey learns the columns of a file from its first rows: the union of their
// attributes in order of first appearance. A column that a batch has counts
// even when none of those rows has a value in it.
type Survey struct {
	columns []Column
	seen    map[string]bool
}

// Add looks at one batch.
func (s *Survey) Add(b *record.Batch) {
	for i := range b.Columns() {
		s.add(b.Column(i).Name)
	}
	if !b.HasOverflow() {
		return
	}
	for row := range b.Rows() {
		for name := range record.Cells(b.Overflow(row)) {
			s.add(name)
		}
	}
}

func (s *Survey) add(name string) {
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	if !s.seen[name] {
		s.seen[name] = true
		s.columns = append(s.columns, Column{Name: name})
	}
}

// Columns is what was learned: each value as it comes.
func (s *Survey) Columns() []Column { return s.columns }
