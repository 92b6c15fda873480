package mapper

import "github.com/dynapipe/dynapipe/internal/record"

// byColumns maps a batch a column at a time. Columns that nothing sets are
// shared with the incoming batch. It declines a batch whose rows must be looked
// at one by one.
func (m *mapper) byColumns(in *record.Batch, made []record.Column) (*record.Batch, bool) {
	if in.HasOverflow() || in.Columns()+len(m.set) > record.MaxColumns {
		return nil, false
	}
	columns := make([]record.Column, 0, in.Columns()+len(m.set))
	for i := range in.Columns() {
		c := in.Column(i)
		if j, ok := m.setAt[c.Name]; ok {
			c = made[j]
		}
		columns = append(columns, c)
	}
	for _, c := range made {
		if _, ok := in.Lookup(c.Name); !ok {
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
