package mapper

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// byRows maps the kept rows of a batch, a row at a time.
func (m *mapper) byRows(in *record.Batch, made []record.Column, kept []int, out *transforms.Out) *record.Batch {
	b := attr.NewBuilder(m.mem)
	defer b.Release()
	for _, row := range kept {
		fields := m.setFields(attr.Fields(in, row), made, row)
		if clash, ok := m.clash(fields); ok {
			out.Rejects = append(out.Rejects, transforms.Reject(in, row, "rename", transforms.CodeRename, clash))
			continue
		}
		for _, f := range fields {
			if name, ok := m.final(f.Name); ok {
				b.Set(name, f.Value)
			}
		}
		b.EndRow(in.Origins().Pos[row])
	}
	return b.Batch(in.Origins().Place)
}

// setFields is a row's attributes after set, new ones last.
func (m *mapper) setFields(fields []attr.Field, made []record.Column, row int) []attr.Field {
	at := make(map[string]int, len(fields))
	for i, f := range fields {
		at[f.Name] = i
	}
	for j, s := range m.set {
		v := attr.At(made[j], row)
		if i, ok := at[s.Name]; ok {
			fields[i].Value = v
		} else {
			fields = append(fields, attr.Field{Name: s.Name, Value: v})
		}
	}
	present := fields[:0]
	for _, f := range fields {
		if f.Value.Kind() != attr.Absent {
			present = append(present, f)
		}
	}
	return present
}

// clash says which attributes renaming would give one name, if any.
func (m *mapper) clash(fields []attr.Field) (string, bool) {
	if len(m.names) == 0 {
		return "", false
	}
	from := make(map[string]string, len(fields))
	for _, f := range fields {
		name := f.Name
		if renamed, ok := m.names[name]; ok {
			name = renamed
		}
		if other, ok := from[name]; ok {
			return fmt.Sprintf("%q and %q would both be %q: the row has both", other, f.Name, name), true
		}
		from[name] = f.Name
	}
	return "", false
}
