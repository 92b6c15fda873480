package layout

import (
	"encoding/json"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// typeState is a Type as a later run is told.
type typeState struct {
	Kind    string        `json:"kind,omitempty"`
	Elem    *Type         `json:"elem,omitempty"`
	Fields  []columnState `json:"fields,omitempty"`
	Learned bool          `json:"learned,omitempty"`
	Integer bool          `json:"integer,omitempty"`
}

type columnState struct {
	Name string `json:"name"`
	Type *Type  `json:"type,omitempty"`
}

// layoutState is a fixed Layout.
type layoutState struct {
	Columns []columnState `json:"columns"`
	Exact   bool          `json:"exact,omitempty"`
}

// MarshalJSON spells a type as UnmarshalJSON reads it.
func (t Type) MarshalJSON() ([]byte, error) {
	s := typeState{Elem: t.Elem, Fields: statesOf(t.Fields), Learned: t.Learned, Integer: t.Integer}
	if t.Kind != attr.Absent {
		s.Kind = t.Kind.String()
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads a type that an earlier run has written.
func (t *Type) UnmarshalJSON(text []byte) error {
	var s typeState
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*t = Type{Elem: s.Elem, Fields: columnsOf(s.Fields), Learned: s.Learned, Integer: s.Integer}
	if s.Kind == "" {
		return nil
	}
	for k := attr.Null; k <= attr.Map; k++ {
		if k.String() == s.Kind {
			t.Kind = k
			return nil
		}
	}
	return fmt.Errorf("%q is no type of a column", s.Kind)
}

// MarshalJSON spells a fixed layout as UnmarshalJSON reads it.
func (l Layout) MarshalJSON() ([]byte, error) {
	return json.Marshal(layoutState{Columns: statesOf(l.Columns), Exact: l.Exact})
}

// UnmarshalJSON reads a layout that an earlier run had fixed.
func (l *Layout) UnmarshalJSON(text []byte) error {
	var s layoutState
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*l = Layout{Columns: columnsOf(s.Columns), Fixed: true, Exact: s.Exact}
	seen := map[string]bool{}
	for _, c := range l.Columns {
		if seen[c.Name] {
			return fmt.Errorf("the column %q is there twice", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

func statesOf(columns []Column) []columnState {
	var out []columnState
	for _, c := range columns {
		s := columnState{Name: c.Name}
		if t := c.Type; t.Kind != attr.Absent || t.Elem != nil || t.Fields != nil || t.Learned || t.Integer {
			s.Type = &t
		}
		out = append(out, s)
	}
	return out
}

func columnsOf(states []columnState) []Column {
	var out []Column
	for _, s := range states {
		c := Column{Name: s.Name}
		if s.Type != nil {
			c.Type = *s.Type
		}
		out = append(out, c)
	}
	return out
}
