package pipetest

import (
	"encoding/base64"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// absent is how an attribute that is not there is shown: no expression gives it.
const absent = "(absent)"

// Spell is a value as a test would write it, on one line. Attributes are in the
// order of their names.
func Spell(v attr.Value) string {
	switch v.Kind() {
	case attr.Absent:
		return absent
	case attr.Null:
		return "dynamodb_null()"
	case attr.String:
		return quote(v.Text())
	case attr.Number:
		return v.Text()
	case attr.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	case attr.Binary:
		return `binary("` + base64.StdEncoding.EncodeToString([]byte(v.Text())) + `")`
	case attr.List:
		return spellAll(v.Elems())
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		return v.Kind().String() + "(" + spellAll(v.SortedElems()) + ")"
	}
	if len(v.Fields()) == 0 {
		return "{}"
	}
	parts := make([]string, len(v.Fields()))
	for i, f := range v.Sorted() {
		name := f.Name
		if !hclsyntax.ValidIdentifier(name) || name == "null" || name == "true" || name == "false" {
			name = quote(name)
		}
		parts[i] = name + " = " + Spell(f.Value)
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func spellAll(elems []attr.Value) string {
	parts := make([]string, len(elems))
	for i, e := range elems {
		parts[i] = Spell(e)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// quote is a text as HCL has it in quotes.
func quote(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}
