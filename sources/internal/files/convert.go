package files

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Kinds is what a column of type t may hold.
func Kinds(t schema.ColumnType) expr.Kinds {
	if t.Kind == attr.Absent {
		return expr.Unknown
	}
	return expr.KindsOf(t.Kind) | expr.Null
}

// Convert makes a value one of type t where nothing is lost by it: text that
// is a number, a bool or base64 into that, a number or bool into its text, a
// list into a set and back, and so on inside of lists and maps. NULL stays
// NULL.
func Convert(v attr.Value, t schema.ColumnType) (attr.Value, error) {
	if t.Kind == attr.Absent || v.IsNull() {
		return v, nil
	}
	switch t.Kind {
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		return toSet(v, t.Kind)
	case attr.List:
		return toList(v, t)
	case attr.Map:
		return toMap(v, t)
	}
	return toScalar(v, t.Kind)
}

func toScalar(v attr.Value, to attr.Kind) (attr.Value, error) {
	from := v.Kind()
	switch {
	case from == to:
		return v, nil
	case to == attr.String && from == attr.Number:
		return attr.StringValue(v.Text()), nil
	case to == attr.String && from == attr.Bool:
		if v.True() {
			return attr.StringValue("true"), nil
		}
		return attr.StringValue("false"), nil
	case to == attr.Number && from == attr.String:
		return attr.NumberValue(v.Text())
	case to == attr.Bool && from == attr.String:
		b, err := Bool([]byte(v.Text()))
		return attr.BoolValue(b), err
	case to == attr.Binary && from == attr.String:
		data, err := Binary([]byte(v.Text()))
		return attr.BinaryValue(string(data)), err
	}
	return attr.Value{}, fmt.Errorf("a %s can't become a %s", from, to)
}

// Bool reads true or false, in capitals or not.
func Bool(text []byte) (bool, error) {
	switch {
	case strings.EqualFold(string(text), "true"):
		return true, nil
	case strings.EqualFold(string(text), "false"):
		return false, nil
	}
	return false, fmt.Errorf("%q is not a bool: it is true or false", shorten(text))
}

// Binary reads base64 (RFC 4648, section 4), with its padding.
func Binary(text []byte) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return nil, fmt.Errorf("%q is not base64", shorten(text))
	}
	return data, nil
}

// shorten keeps a message readable whatever the text.
func shorten(text []byte) string {
	const most = 60
	if len(text) <= most {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "..."
}

// elementKind is the kind of a set's elements.
func elementKind(set attr.Kind) attr.Kind {
	switch set {
	case attr.NumberSet:
		return attr.Number
	case attr.BinarySet:
		return attr.Binary
	}
	return attr.String
}

func toSet(v attr.Value, to attr.Kind) (attr.Value, error) {
	if v.Kind() == to {
		return v, nil
	}
	if v.Kind() != attr.List {
		return attr.Value{}, fmt.Errorf("a %s can't become a %s", v.Kind(), to)
	}
	elems := slices.Clone(v.Elems())
	for i := range elems {
		if elems[i].IsNull() {
			return attr.Value{}, fmt.Errorf("element %d is null, which a set can't hold", i)
		}
		var err error
		if elems[i], err = toScalar(elems[i], elementKind(to)); err != nil {
			return attr.Value{}, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return attr.SetValue(to, elems)
}

func toList(v attr.Value, t schema.ColumnType) (attr.Value, error) {
	switch v.Kind() {
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
	default:
		return attr.Value{}, fmt.Errorf("a %s can't become a list", v.Kind())
	}
	elems := slices.Clone(v.Elems())
	for i := range elems {
		if t.Elem == nil {
			break
		}
		var err error
		if elems[i], err = Convert(elems[i], *t.Elem); err != nil {
			return attr.Value{}, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return attr.ListValue(elems), nil
}

func toMap(v attr.Value, t schema.ColumnType) (attr.Value, error) {
	if v.Kind() != attr.Map {
		return attr.Value{}, fmt.Errorf("a %s can't become a map", v.Kind())
	}
	fields := slices.Clone(v.Fields())
	for i, f := range fields {
		to := t.Elem
		for j := range t.Fields {
			if t.Fields[j].Name == f.Name {
				to = &t.Fields[j].Kind
			}
		}
		if to == nil {
			continue
		}
		var err error
		if fields[i].Value, err = Convert(f.Value, *to); err != nil {
			return attr.Value{}, fmt.Errorf("attribute %q: %w", f.Name, err)
		}
	}
	return attr.MapValue(fields), nil
}
