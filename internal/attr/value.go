package attr

import (
	"slices"
	"strings"
)

// Kind is the type of an attribute value: DynamoDB's ten, and Absent.
type Kind uint8

// The kinds. Absent is the zero Value: an attribute that is not there. It and
// Null are different things that expressions both read as null.
const (
	Absent Kind = iota
	Null
	String
	Number
	Bool
	Binary
	StringSet
	NumberSet
	BinarySet
	List
	Map
)

// Descriptor is DynamoDB's type descriptor of the kind ("S", "NS", "NULL"...);
// empty for Absent.
func (k Kind) Descriptor() string {
	return [...]string{"", "NULL", "S", "N", "BOOL", "B", "SS", "NS", "BS", "L", "M"}[k]
}

// String is the kind's name in the pipeline language.
func (k Kind) String() string {
	return [...]string{"absent", "null", "string", "number", "bool", "binary",
		"string_set", "number_set", "binary_set", "list", "map"}[k]
}

// Field is one attribute of a map or a row.
type Field struct {
	Name  string
	Value Value
}

// Value is one attribute value. It is immutable; the zero Value is Absent.
type Value struct {
	kind   Kind
	flag   bool
	text   string  // string, number as decimal text, binary as bytes
	elems  []Value // list and sets
	fields []Field // map, in the order it was read or made
}

// Kind is the value's kind.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports what expressions read as null: absent and NULL.
func (v Value) IsNull() bool { return v.kind <= Null }

// Text is a string's text, a number's decimal text as it was spelled, or a
// binary's bytes; empty for every other kind.
func (v Value) Text() string { return v.text }

// True is a bool's value; false for every other kind.
func (v Value) True() bool { return v.flag }

// Elems is the elements of a list or a set. They must not be changed.
func (v Value) Elems() []Value { return v.elems }

// Fields is the attributes of a map. They must not be changed.
func (v Value) Fields() []Field { return v.fields }

// Get is a map's attribute of that name; Absent when there is none.
func (v Value) Get(name string) Value {
	for i := range v.fields {
		if v.fields[i].Name == name {
			return v.fields[i].Value
		}
	}
	return Value{}
}

// NullValue is DynamoDB NULL.
func NullValue() Value { return Value{kind: Null} }

// StringValue is a string; its bytes are kept as they are.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// BoolValue is a bool.
func BoolValue(b bool) Value { return Value{kind: Bool, flag: b} }

// BinaryValue is a binary of these bytes.
func BinaryValue(b string) Value { return Value{kind: Binary, text: b} }

// ListValue is a list, which takes over elems. An absent element becomes NULL,
// as a null inside a list or map is NULL.
func ListValue(elems []Value) Value {
	for i := range elems {
		if elems[i].kind == Absent {
			elems[i].kind = Null
		}
	}
	return Value{kind: List, elems: elems}
}

// MapValue is a map, which takes over fields. Names must differ; an absent
// value becomes NULL.
func MapValue(fields []Field) Value {
	for i := range fields {
		if fields[i].Value.kind == Absent {
			fields[i].Value.kind = Null
		}
	}
	return Value{kind: Map, fields: fields}
}

// Sorted is the map's fields in the order of their names' bytes.
func (v Value) Sorted() []Field {
	out := slices.Clone(v.fields)
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// SortedElems is the elements of a set in an order that does not depend on how
// it was read: numbers by value, others by their bytes.
func (v Value) SortedElems() []Value {
	out := slices.Clone(v.elems)
	slices.SortFunc(out, func(a, b Value) int {
		if a.kind == Number {
			return CompareNumbers(a.text, b.text)
		}
		return strings.Compare(a.text, b.text)
	})
	return out
}
