package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/pipeline"
)

// languageSchema compiles the schema, which fails when it is none by the
// specification's own meta-schema.
func languageSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := schemaText(newReference(builtin.Catalog()).json())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("pipeline.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("pipeline.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverythingHasAJSONForm(t *testing.T) {
	for _, topic := range newReference(builtin.Catalog()).topics {
		if topic.block == nil {
			continue
		}
		for _, name := range schema.Shapeless(topic.block.Block) {
			t.Errorf("%s: %s has no JSON form", topic.block.Header, name)
		}
	}
}

// TestExamplesKeepTheSchema: the example pipelines are valid by it, in their JSON
// form.
func TestExamplesKeepTheSchema(t *testing.T) {
	language := languageSchema(t)
	examples, err := filepath.Glob("../../examples/pipelines/*.hcl")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		if strings.HasSuffix(path, pipeline.TestExtension) {
			continue // no pipeline
		}
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := language.Validate(asJSON(t, src)); err != nil {
			t.Errorf("%s: %#v", path, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	language := languageSchema(t)
	const good = `{"source": {"csv": {"in": {"path": "a.csv", "skip_rows": 1, "columns": {"a": "list(number)"}}}},
		"transform": {"route": {"r": {"from": "source.csv.in", "output": [{"a": {"where": "${row.a == 1}"}}]}}},
		"sink": {"batch_write": {"out": {"from": ["transform.route.r.a"], "table": "t", "operation": "put", "duplicates": "last", "batch_size": 25, "retry": {"max_delay": "5s"}}}}}`
	check := func(text string) error {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return language.Validate(doc)
	}
	if err := check(good); err != nil {
		t.Fatalf("%#v", err)
	}
	for what, change := range map[string][2]string{
		"unknown block":      {`"source": {"csv"`, `"sauce": {"csv"`},
		"unknown type":       {`"csv": {"in"`, `"tsv": {"in"`},
		"unknown argument":   {`"skip_rows"`, `"skip"`},
		"wrong type":         {`"skip_rows": 1`, `"skip_rows": "one"`},
		"missing argument":   {`"path": "a.csv", `, ``},
		"missing from":       {`"from": ["transform.route.r.a"], `, ``},
		"not a reference":    {`"source.csv.in"`, `"csv.in"`},
		"not a column type":  {`list(number)`, `lists(number)`},
		"out of range":       {`"batch_size": 25`, `"batch_size": 26`},
		"not a duration":     {`"5s"`, `"5 seconds"`},
		"not a choice":       {`"duplicates": "last"`, `"duplicates": "first"`},
		"not a name":         {`"in": {"path"`, `"1 n": {"path"`},
		"unknown in a block": {`"max_delay"`, `"max_wait"`},
		"argument of output": {`"where"`, `"were"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s: there is no %s", what, change[0])
		}
		if err := check(bad); err == nil {
			t.Errorf("%s is allowed: %s", what, bad)
		}
	}
}

// asJSON is the JSON form of a pipeline file.
func asJSON(t *testing.T, src []byte) any {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(src, "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	text, err := json.Marshal(bodyJSON(file.Body.(*hclsyntax.Body), src))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// bodyJSON puts blocks under their types and labels; nested ones that there are
// several of into an array.
func bodyJSON(body *hclsyntax.Body, src []byte) map[string]any {
	out := map[string]any{}
	for name, a := range body.Attributes {
		out[name] = valueJSON(name, a.Expr, src)
	}
	for _, b := range body.Blocks {
		inner := bodyJSON(b.Body, src)
		if slices.Contains([]string{"source", "transform", "sink", "connection", "variable"}, b.Type) {
			at := out
			for _, step := range append([]string{b.Type}, b.Labels[:len(b.Labels)-1]...) {
				if at[step] == nil {
					at[step] = map[string]any{}
				}
				at = at[step].(map[string]any)
			}
			at[b.Labels[len(b.Labels)-1]] = inner
			continue
		}
		for _, label := range slices.Backward(b.Labels) {
			inner = map[string]any{label: inner}
		}
		switch before := out[b.Type].(type) {
		case nil:
			out[b.Type] = inner
		case []any:
			out[b.Type] = append(before, inner)
		default:
			out[b.Type] = []any{before, inner}
		}
	}
	return out
}

// valueJSON is a value as it is; an expression in ${ }, but references and types
// as they are.
func valueJSON(name string, e hclsyntax.Expression, src []byte) any {
	text := string(e.Range().SliceBytes(src))
	switch x := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		out := map[string]any{}
		for _, item := range x.Items {
			key, diags := item.KeyExpr.Value(nil)
			if diags.HasErrors() {
				panic(diags)
			}
			out[key.AsString()] = valueJSON(name, item.ValueExpr, src)
		}
		return out
	case *hclsyntax.TupleConsExpr:
		out := []any{}
		for _, element := range x.Exprs {
			out = append(out, valueJSON(name, element, src))
		}
		return out
	case *hclsyntax.TemplateExpr:
		if !x.IsStringLiteral() {
			return strings.Trim(text, `"`)
		}
	}
	if slices.Contains([]string{"from", "connection", "columns", "type", "rename"}, name) && len(e.Variables()) > 0 || strings.HasSuffix(text, ")") && name == "columns" {
		return text
	}
	if v, diags := e.Value(nil); !diags.HasErrors() && v.Type() != cty.DynamicPseudoType {
		plain, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			panic(err)
		}
		return json.RawMessage(plain)
	}
	return "${" + text + "}"
}
