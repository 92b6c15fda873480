package layout

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Convert gives a value as the type that a column declares. Only what loses
// nothing is converted: text that is a number, a bool or base64, a number or
// bool to its text, a list to a set and back. Absent and NULL stay. The error
// is a *Misfit that names the attribute.
func (t Type) Convert(attribute string, v attr.Value) (attr.Value, error) {
	k := v.Kind()
	if t.Kind == attr.Absent || v.IsNull() {
		return v, nil
	}
	if k == t.Kind {
		return t.convertInside(attribute, v)
	}
	if t.Learned {
		return attr.Value{}, WrongType("attribute %q is a %s, and its column became %s by the first rows; "+
			"say what it is with columns = { %s = ... }", attribute, k, t.Kind, attribute)
	}
	out, err := convert(t.Kind, v)
	if err != nil {
		return attr.Value{}, WrongType("attribute %q: %v", attribute, err)
	}
	if out.Kind() == attr.Absent {
		return attr.Value{}, WrongType("attribute %q is a %s and its column is declared %s", attribute, k, t.Kind)
	}
	return t.convertInside(attribute, out)
}

// convertInside converts the elements of a list and the values of a map.
func (t Type) convertInside(attribute string, v attr.Value) (attr.Value, error) {
	switch {
	case t.Elem == nil && t.Fields == nil:
		return v, nil
	case t.Kind == attr.List:
		elems := slices.Clone(v.Elems())
		for i := range elems {
			var err error
			if elems[i], err = t.Elem.Convert(fmt.Sprintf("%s[%d]", attribute, i), elems[i]); err != nil {
				return attr.Value{}, err
			}
		}
		return attr.ListValue(elems), nil
	case t.Kind == attr.Map:
		fields := slices.Clone(v.Fields())
		for i := range fields {
			f := &fields[i]
			var err error
			if f.Value, err = t.field(f.Name).Convert(attribute+"."+f.Name, f.Value); err != nil {
				return attr.Value{}, err
			}
		}
		return attr.MapValue(fields), nil
	}
	return v, nil
}

func (t Type) field(name string) Type {
	if t.Elem != nil {
		return *t.Elem
	}
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type
		}
	}
	return Type{}
}

// convert gives Absent for a pair of kinds that have no conversion.
func convert(to attr.Kind, v attr.Value) (attr.Value, error) {
	switch k := v.Kind(); {
	case to == attr.String && k == attr.Number:
		return attr.StringValue(v.Text()), nil
	case to == attr.String && k == attr.Bool:
		return attr.StringValue(boolText(v.True())), nil
	case to == attr.Number && k == attr.String:
		return attr.NumberValue(v.Text())
	case to == attr.Bool && k == attr.String && (v.Text() == "true" || v.Text() == "false"):
		return attr.BoolValue(v.Text() == "true"), nil
	case to == attr.Binary && k == attr.String:
		raw, err := base64.StdEncoding.DecodeString(v.Text())
		return attr.BinaryValue(string(raw)), err
	case isSet(to) && k == attr.List:
		return attr.SetValue(to, v.Elems())
	case to == attr.List && isSet(k):
		return attr.ListValue(slices.Clone(v.Elems())), nil
	}
	return attr.Value{}, nil
}

func isSet(k attr.Kind) bool {
	return k == attr.StringSet || k == attr.NumberSet || k == attr.BinarySet
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
