// Package jsondoc describes what encoding/json writes of Go types: as JSON Schema
// (2020-12), and as a list of fields for people. The sentence on a field stands in its
// doc tag, beside its JSON name, so that neither can be without the other:
//
//	Rejects int64  `json:"rejects" doc:"Rows that were rejected."`
//	Kind    string `json:"kind" values:"table file" doc:"Which of the two it is."`
//
// Types must not refer to themselves.
package jsondoc

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Enumerated is a type of a few values, of which the zero value knows all.
type Enumerated interface{ Values() []string }

// Schema is a JSON Schema, or a part of one.
type Schema map[string]any

// Field is one field of a type, at any depth.
type Field struct {
	Path     string // nodes[].capacity[].units
	Type     string // of JSON: number
	Values   []string
	Optional bool // it may not be there
	Doc      string
}

// member is a field of a struct as JSON has it.
type member struct {
	name     string
	typ      reflect.Type
	values   []string
	optional bool
	doc      string
}

// members is the fields of a struct, those of embedded ones too, in their order.
// Of two with one name the one that is less deep counts, as for encoding/json.
func members(t reflect.Type) (out []member) {
	depth := map[string]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if before, twice := depth[name]; twice {
			if before <= len(f.Index) {
				continue
			}
			out = slices.DeleteFunc(out, func(m member) bool { return m.name == name })
		}
		depth[name] = len(f.Index)
		m := member{name: name, typ: f.Type, optional: strings.Contains(options, "omitempty"), doc: f.Tag.Get("doc")}
		m.values = strings.Fields(f.Tag.Get("values"))
		if len(m.values) == 0 {
			m.values = valuesOf(f.Type)
		}
		out = append(out, m)
	}
	return out
}

func valuesOf(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(Enumerated); ok {
		return e.Values()
	}
	return nil
}

// Of is the schema of a type. What it does not name may be there all the same: a
// later version may have more.
func Of(t reflect.Type) Schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return Schema{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return Schema{}
	}
	if values := valuesOf(t); values != nil {
		return Schema{"type": "string", "enum": values}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return Of(t.Elem())
	case reflect.Slice, reflect.Array:
		return Schema{"type": "array", "items": Of(t.Elem())}
	case reflect.Map:
		return Schema{"type": "object", "additionalProperties": Of(t.Elem())}
	case reflect.Struct:
		return object(t)
	case reflect.Interface:
		return Schema{}
	}
	return Schema{"type": scalar(t)}
}

func object(t reflect.Type) Schema {
	properties, required := Schema{}, []string{}
	for _, m := range members(t) {
		p := Of(m.typ)
		p["description"] = m.doc
		if m.values != nil {
			p["enum"] = m.values
		}
		properties[m.name] = p
		if !m.optional {
			required = append(required, m.name)
		}
	}
	return Schema{"type": "object", "properties": properties, "required": required}
}

func scalar(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.String:
		return "string"
	default:
		return "integer"
	}
}

// Fields is every field of a type, those of its parts behind their own.
func Fields(t reflect.Type) []Field { return fields(t, "") }

func fields(t reflect.Type, prefix string) (out []Field) {
	for _, m := range members(t) {
		path, inner := prefix+m.name, m.typ
		word := ""
		for word == "" {
			switch {
			case inner == reflect.TypeFor[json.RawMessage]() || inner.Kind() == reflect.Interface:
				word = "any"
			case inner == reflect.TypeFor[time.Time]():
				word = "time"
			case inner.Kind() == reflect.Pointer:
				inner = inner.Elem()
			case inner.Kind() == reflect.Slice:
				path, inner = path+"[]", inner.Elem()
			case inner.Kind() == reflect.Map:
				path, inner = path+".*", inner.Elem()
			case inner.Kind() == reflect.Struct:
				word = "object"
			default:
				word = scalar(inner)
			}
		}
		out = append(out, Field{Path: path, Type: word, Values: m.values, Optional: m.optional, Doc: m.doc})
		if word == "object" {
			out = append(out, fields(inner, path+".")...)
		}
	}
	return out
}
