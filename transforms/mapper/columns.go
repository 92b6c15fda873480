package mapper

import (
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// byColumns maps a batch a column at a time. Columns that nothing sets are
// shared with the incoming batch. It declines a batch whose rows must be looked
// at one by one.
func (m *mapper) byColumns(in *record.Batch, values [][]attr.Value) (*record.Batch, bool) {
	if in.HasOverflow() || in.Columns()+len(m.set) > record.MaxColumns {
		return nil, false
	}
	columns := make([]record.Column, 0, in.Columns()+len(m.set))
	var made []record.Column
	defer func() {
		for _, c := range made {
			c.Values.Release()
		}
	}()
	setAt := make(map[string]int, len(m.set))
	for i, s := range m.set {
		setAt[s.Name] = i
	}
	for i := range in.Columns() {
		c := in.Column(i)
		if j, ok := setAt[c.Name]; ok {
			delete(setAt, c.Name)
			c = attr.ColumnOf(m.mem, c.Name, values[j])
			made = append(made, c)
		}
		columns = append(columns, c)
	}
	for j, s := range m.set {
		if _, ok := setAt[s.Name]; ok {
			c := attr.ColumnOf(m.mem, s.Name, values[j])
			made = append(made, c)
			columns = append(columns, c)
		}
	}
	final, ok := m.finalColumns(columns)
	if !ok {
		return nil, false
	}
	return record.New(final, nil, in.Origins()), true
}

// finalColumns renames, and drops or keeps. Two columns of one name need a look
// at each row: it may have either, or be rejected.
func (m *mapper) finalColumns(columns []record.Column) ([]record.Column, bool) {
	taken := make(map[string]bool, len(columns))
	for _, c := range columns {
		name := c.Name
		if renamed, ok := m.names[name]; ok {
			name = renamed
		}
		if taken[name] {
			return nil, false
		}
		taken[name] = true
	}
	final := columns[:0]
	for _, c := range columns {
		if name, ok := m.final(c.Name); ok {
			c.Name = name
			final = append(final, c)
		}
	}
	return final, true
}
