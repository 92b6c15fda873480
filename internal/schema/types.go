package schema

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// ColumnType is a type as a pipeline names it: number, string_set,
// list(string), map(number), object({ a = string }), any.
type ColumnType struct {
	Kind   attr.Kind   // Absent for any
	Elem   *ColumnType // of a list, or of a map with values of one type; nil for any
	Fields []TypedName // of an object, whose Kind is Map
}

// TypedName is one column and its type.
type TypedName struct {
	Name  string
	Kind  ColumnType
	Range hcl.Range // of the name
}

var simpleTypes = [...]attr.Kind{attr.String, attr.Number, attr.Bool, attr.Binary,
	attr.StringSet, attr.NumberSet, attr.BinarySet}

// String is the type as a pipeline writes it.
func (t ColumnType) String() string {
	switch {
	case t.Kind == attr.Absent:
		return "any"
	case t.Kind == attr.Map && t.Fields != nil:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + " = " + f.Kind.String()
		}
		return "object({ " + strings.Join(parts, ", ") + " })"
	case t.Elem != nil:
		return t.Kind.String() + "(" + t.Elem.String() + ")"
	}
	return t.Kind.String()
}

func parseType(e hcl.Expression) (ColumnType, *hcl.Diagnostic) {
	if word := hcl.ExprAsKeyword(e); word != "" {
		return typeByName(word, e.Range())
	}
	call, diags := hcl.ExprCall(e)
	if diags.HasErrors() {
		return ColumnType{}, diag.Error(e.Range(), "Not a type",
			"A type is written as a bare word or a call: %s.", typeNames)
	}
	if len(call.Arguments) != 1 {
		return ColumnType{}, diag.Error(e.Range(), "Not a type", "%s(...) takes one type.", call.Name)
	}
	inner := call.Arguments[0]
	switch call.Name {
	case "list", "map":
		elem, d := parseType(inner)
		kind := attr.List
		if call.Name == "map" {
			kind = attr.Map
		}
		return ColumnType{Kind: kind, Elem: &elem}, d
	case "object":
		fields, d := parseFields(inner)
		return ColumnType{Kind: attr.Map, Fields: fields}, d
	case "set":
		return ColumnType{}, diag.Error(call.NameRange, "Unknown type",
			"DynamoDB's sets have types of their own: string_set, number_set, binary_set.")
	}
	return ColumnType{}, diag.Error(call.NameRange, "Unknown type", "There is no type %s(...); there are %s.%s",
		call.Name, typeNames, diag.DidYouMean(call.Name, []string{"list", "map", "object"}))
}

const typeNames = "string, number, bool, binary, string_set, number_set, binary_set, list(T), map(T), object({...}) and any"

func typeByName(word string, at hcl.Range) (ColumnType, *hcl.Diagnostic) {
	names := []string{"any", "list", "map"}
	for _, k := range simpleTypes {
		if k.String() == word {
			return ColumnType{Kind: k}, nil
		}
		names = append(names, k.String())
	}
	switch word {
	case "any":
		return ColumnType{}, nil
	case "list":
		return ColumnType{Kind: attr.List}, nil
	case "map":
		return ColumnType{Kind: attr.Map}, nil
	}
	return ColumnType{}, diag.Error(at, "Unknown type", "There is no type %q; there are %s.%s",
		word, typeNames, diag.DidYouMean(word, names))
}

func parseFields(e hcl.Expression) ([]TypedName, *hcl.Diagnostic) {
	pairs, diags := hcl.ExprMap(e)
	if diags.HasErrors() {
		return nil, diag.Error(e.Range(), "Not a type", "object takes its attributes in braces: object({ name = string }).")
	}
	fields := make([]TypedName, 0, len(pairs))
	for _, p := range pairs {
		name := hcl.ExprAsKeyword(p.Key)
		if name == "" {
			return nil, diag.Error(p.Key.Range(), "Not a type", "An attribute of object is a bare name: object({ name = string }).")
		}
		t, d := parseType(p.Value)
		if d != nil {
			return nil, d
		}
		fields = append(fields, TypedName{Name: name, Kind: t, Range: p.Key.Range()})
	}
	return fields, nil
}
