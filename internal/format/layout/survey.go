package layout

import (
	"encoding/json"

	"github.com/dynapipe/dynapipe/internal/record"
)

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
		s.Name(b.Column(i).Name)
	}
	if !b.HasOverflow() {
		return
	}
	for row := range b.Rows() {
		for name := range record.Cells(b.Overflow(row)) {
			s.Name(name)
		}
	}
}

// Name adds an attribute, when it is new.
func (s *Survey) Name(name string) {
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

// MarshalJSON is what has been seen so far.
func (s *Survey) MarshalJSON() ([]byte, error) {
	return json.Marshal(Layout{Columns: s.columns}.Names())
}

// UnmarshalJSON takes over what an earlier run had seen.
func (s *Survey) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	for _, name := range names {
		s.Name(name)
	}
	return nil
}
