package parquetio

import (
	"bytes"
	"encoding/json"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Survey learns the columns of a file and their types from its first rows.
type Survey struct {
	names layout.Survey
	seen  map[string]*seen
}

// seen is what the first rows have of one attribute.
type seen struct {
	kinds    uint32 // a bit for each attr.Kind
	declared attr.Kind
	notWhole bool // a number that INT64 can't hold
	notFit   bool // a number that DECIMAL(38, 18) can't hold
}

// Add looks at one batch.
func (s *Survey) Add(b *record.Batch) {
	s.names.Add(b)
	for i := range b.Columns() {
		c := b.Column(i)
		a := s.attribute(c.Name)
		if a.declared == attr.Absent {
			a.declared = kindOf(c.Type)
		}
		for row := range b.Rows() {
			if !c.Absent(row) && !c.Null(row) {
				a.look(c, row)
			}
		}
	}
	if !b.HasOverflow() {
		return
	}
	for row := range b.Rows() {
		for name, cell := range record.Cells(b.Overflow(row)) {
			s.attribute(name).lookEncoded(cell)
		}
	}
}

func (s *Survey) attribute(name string) *seen {
	if s.seen == nil {
		s.seen = map[string]*seen{}
	}
	a := s.seen[name]
	if a == nil {
		a = &seen{}
		s.seen[name] = a
	}
	return a
}

// Columns is what was learned. An attribute whose values are of one scalar
// type has a column of that type; one that is nested, a set, or of several
// types is text.
func (s *Survey) Columns() []layout.Column {
	columns := s.names.Columns()
	for i := range columns {
		columns[i].Type = s.TypeOf(columns[i].Name)
	}
	return columns
}

// TypeOf is the type learned for an attribute; text for one not seen.
func (s *Survey) TypeOf(name string) layout.Type {
	a := s.seen[name]
	if a == nil {
		return layout.Type{}
	}
	kinds := a.kinds
	if kinds == 0 {
		kinds = 1 << a.declared
	}
	switch kinds {
	case 1 << attr.Number:
		if a.notFit {
			return layout.Type{} // its text, exactly
		}
		return layout.Type{Kind: attr.Number, Integer: a.kinds != 0 && !a.notWhole, Learned: true}
	case 1 << attr.Bool:
		return layout.Type{Kind: attr.Bool, Learned: true}
	case 1 << attr.Binary:
		return layout.Type{Kind: attr.Binary, Learned: true}
	}
	return layout.Type{}
}

// surveyed is what is known of one attribute, as a later run is told.
type surveyed struct {
	Name     string    `json:"name"`
	Kinds    uint32    `json:"kinds,omitempty"`
	Declared attr.Kind `json:"declared,omitempty"`
	NotWhole bool      `json:"not_whole,omitempty"`
	NotFit   bool      `json:"not_fit,omitempty"`
}

// MarshalJSON is what has been seen so far.
func (s *Survey) MarshalJSON() ([]byte, error) {
	out := []surveyed{}
	for _, c := range s.names.Columns() {
		a := s.attribute(c.Name)
		out = append(out, surveyed{c.Name, a.kinds, a.declared, a.notWhole, a.notFit})
	}
	return json.Marshal(out)
}

// UnmarshalJSON takes over what an earlier run had seen.
func (s *Survey) UnmarshalJSON(text []byte) error {
	var all []surveyed
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, a := range all {
		s.names.Name(a.Name)
		*s.attribute(a.Name) = seen{kinds: a.Kinds, declared: a.Declared, notWhole: a.NotWhole, notFit: a.NotFit}
	}
	return nil
}

func (a *seen) look(c record.Column, row int) {
	switch c.Type {
	case record.Any:
		a.lookEncoded(c.Bytes(row))
	case record.Number:
		a.lookNumber(c.Text(row))
	default:
		a.kinds |= 1 << kindOf(c.Type)
	}
}

// lookEncoded reads the type descriptor of a DynamoDB JSON value, and no more
// of it unless it is a number.
func (a *seen) lookEncoded(cell []byte) {
	descriptor, _, _ := bytes.Cut(cell[len(`{"`):], []byte{'"'})
	for k := attr.Null; k <= attr.Map; k++ {
		if k.Descriptor() != string(descriptor) {
			continue
		}
		switch k {
		case attr.Null:
		case attr.Number:
			text := bytes.TrimSuffix(bytes.TrimPrefix(cell, []byte(`{"N":"`)), []byte(`"}`))
			a.lookNumber(string(text))
		default:
			a.kinds |= 1 << k
		}
	}
}

func (a *seen) lookNumber(text string) {
	a.kinds |= 1 << attr.Number
	if !a.notWhole {
		_, ok := parseInteger(text)
		a.notWhole = !ok
	}
	if a.notWhole && !a.notFit {
		_, ok := parseDecimal(text)
		a.notFit = !ok
	}
}

func kindOf(t record.Type) attr.Kind {
	switch t {
	case record.String:
		return attr.String
	case record.Number:
		return attr.Number
	case record.Bool:
		return attr.Bool
	case record.Binary:
		return attr.Binary
	}
	return attr.Absent
}
