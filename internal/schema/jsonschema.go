package schema

import (
	"encoding/json"
	"maps"
	"strings"
)

// JSON is a JSON Schema, or a part of one. What it describes is the JSON form of
// HCL (https://github.com/hashicorp/hcl/blob/main/json/spec.md): blocks are objects by
// their type and labels, and what is not a plain value is a string with ${ } around
// the expression.
type JSON map[string]any

// Expression is the name of the definition, in $defs, that declarations refer to for
// a value that is an expression.
const Expression = "expression"

// ExpressionJSON is the definition of Expression.
func ExpressionJSON() JSON {
	return JSON{"type": "string", "pattern": `[$%]\{`, "description": "An expression or a template: \"${var.name}\"."}
}

// IdentifierJSON is a name that can be written in a reference.
func IdentifierJSON() JSON {
	return JSON{"type": "string", "pattern": `^\p{L}[\p{L}\p{N}\p{M}_-]*$`}
}

// ReferenceJSON is a reference to a block, which is written without ${ }. Its
// address begins with one of the prefixes and has so many more names.
func ReferenceJSON(names string, prefixes ...string) JSON {
	for i, p := range prefixes {
		prefixes[i] = strings.ReplaceAll(p, ".", `\.`)
	}
	return JSON{"type": "string", "pattern": `^(` + strings.Join(prefixes, "|") + `)(\.[\p{L}\p{N}\p{M}_-]+)` + names + `$`}
}

// AnyOf is one of several.
func AnyOf(shapes ...JSON) JSON { return JSON{"anyOf": shapes} }

func or(shape JSON) JSON { return AnyOf(shape, JSON{"$ref": "#/$defs/" + Expression}) }

func namedJSON(values JSON) JSON { return JSON{"type": "object", "additionalProperties": values} }

// The shapes that several constructors share.
func textJSON() JSON { return JSON{"type": "string"} }

func textsJSON() JSON {
	return AnyOf(textJSON(), JSON{"type": "array", "items": textJSON()})
}

func conditionJSON() JSON { return JSON{"type": []string{"boolean", "string"}} }

func typesJSON() JSON {
	return namedJSON(JSON{"type": "string", "pattern": `^\s*(string|number|bool|binary|string_set|number_set|binary_set|any|list|map|(list|map|object)\s*\([\s\S]*\))\s*$`})
}

// stringJSON is a text, or a number, which HCL makes one: max_rejects = 10.
func stringJSON() JSON { return JSON{"type": []string{"string", "number"}} }

// As gives an argument declared with Raw its JSON form.
func (a Arg) As(shape JSON) Arg { a.shape = shape; return a }

// JSON is the JSON Schema of a block's body.
func (b Block) JSON() JSON {
	properties := JSON{}
	required := []string{}
	for _, a := range b.Args {
		properties[a.name] = a.json()
		if a.required {
			required = append(required, a.name)
		}
	}
	for _, n := range b.Blocks {
		properties[n.name] = n.json()
		if n.atLeast > 0 {
			required = append(required, n.name)
		}
	}
	return JSON{"type": "object", "description": b.Summary, "properties": properties, "required": required, "additionalProperties": false}
}

// json is an argument's form, its range and what the docs say of it.
func (a Arg) json() JSON {
	out := JSON{"description": a.sentence()}
	if a.unit != "" {
		out["description"] = a.sentence() + " Unit: " + a.unit + "."
	}
	maps.Copy(out, a.ranged())
	var def any
	if a.def != "" && !a.required && json.Unmarshal([]byte(a.def), &def) == nil {
		out["default"] = def
	}
	return out
}

// ranged is the argument's form with its limits where it is a number.
func (a Arg) ranged() JSON {
	forms, several := a.shape["anyOf"].([]JSON)
	if a.low == nil || !several {
		return a.shape
	}
	limited := make([]JSON, len(forms))
	for i, f := range forms {
		limited[i] = f
		if f["type"] != "integer" && f["type"] != "number" {
			continue
		}
		limited[i] = maps.Clone(f)
		limited[i]["minimum"] = *a.low
		if a.high != nil {
			limited[i]["maximum"] = *a.high
		}
	}
	return AnyOf(limited...)
}

// json is a nested block's form: its body, below its labels. An array keeps the
// order of several.
func (n Nested) json() JSON {
	inner := n.sample()
	body := n.describe(inner).JSON()
	for range inner.Labels {
		body = JSON{"type": "object", "additionalProperties": body, "minProperties": 1}
	}
	if !n.repeats {
		return body
	}
	list := JSON{"type": "array", "items": body}
	if n.atLeast > 0 {
		list["minItems"] = n.atLeast
	}
	return AnyOf(body, list)
}

// Shapeless is the names of a declaration's arguments, at any depth, that have no
// JSON form.
func Shapeless(b Block) []string {
	var missing []string
	for _, a := range b.Args {
		if a.shape == nil {
			missing = append(missing, a.name)
		}
	}
	for _, n := range b.Blocks {
		for _, name := range Shapeless(n.sample()) {
			missing = append(missing, n.name+"."+name)
		}
	}
	return missing
}
