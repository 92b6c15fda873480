package schema_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/schema"
)

// TestJSONOfNestedBlocks: labels are levels, blocks of which there may be several are
// also an array, and one that is required is.
func TestJSONOfNestedBlocks(t *testing.T) {
	var label string
	var many []inner
	var once *inner
	b := schema.Block{Summary: "A block.", Blocks: []schema.Nested{
		schema.List("rule", &many, func(*inner) schema.Block {
			return schema.Block{Summary: "A rule.", Labels: []schema.Label{{Name: "name", Target: &label}}}
		}).Require(),
		schema.Optional("retry", &once, func(i *inner) schema.Block {
			i.count = 3
			return schema.Block{Summary: "Retries.", Args: []schema.Arg{schema.Int("count", &i.count, "How often.").Unit("times").Between(1, 9)}}
		}),
	}}
	const want = `{"additionalProperties":false,"description":"A block.","properties":{` +
		`"retry":{"additionalProperties":false,"description":"Retries. At most one.","properties":{"count":{"anyOf":[{"maximum":9,"minimum":1,"type":"integer"},{"$ref":"#/$defs/expression"}],"default":3,"description":"How often. Unit: times."}},"required":[],"type":"object"},` +
		`"rule":{"anyOf":[` + rule + `,{"items":` + rule + `,"minItems":1,"type":"array"}]}},"required":["rule"],"type":"object"}`
	got, err := json.Marshal(b.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

const rule = `{"additionalProperties":{"additionalProperties":false,"description":"A rule. At least one.","properties":{},"required":[],"type":"object"},"minProperties":1,"type":"object"}`

func TestShapeless(t *testing.T) {
	var e hcl.Expression
	var once *inner
	b := schema.Block{
		Args: []schema.Arg{schema.Raw("a", &e, "x", "."), schema.Raw("b", &e, "x", ".").As(schema.JSON{})},
		Blocks: []schema.Nested{schema.Optional("in", &once, func(*inner) schema.Block {
			return schema.Block{Args: []schema.Arg{schema.Raw("c", &e, "x", ".")}}
		})},
	}
	if got := schema.Shapeless(b); !slices.Equal(got, []string{"a", "in.c"}) {
		t.Errorf("without a form: %q", got)
	}
}
