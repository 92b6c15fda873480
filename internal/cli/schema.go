package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

func (a *app) schemaCommand() *cobra.Command {
	schemas := []string{"pipeline", "output"}
	c := &cobra.Command{
		Use:   "schema [pipeline|output]",
		Short: "Write the JSON Schema of the language, or of what commands write",
		Long: `Schema writes a JSON Schema (2020-12), made from the same declarations as the
reference.

Of the language, which is what it writes when nothing is said, it has all blocks and
arguments: for editors, and for programs that write or check
pipelines. It describes the JSON form of HCL: a block is an object by its type and
labels, {"source": {"csv": {"users": {"path": "users.csv"}}}}; an expression is a
string with ${ } around it; references and types are strings without; of blocks whose
order counts there is an array. Pipelines themselves are written in HCL's own syntax:
dynapipe does not read the JSON form.

Of output it describes the documents that commands write with --output json, and run,
replay and chaos with --report, each field with a sentence.`,
		Example: `  dynapipe schema > pipeline.schema.json
  dynapipe schema output > output.schema.json`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return refuse("Too many arguments", "%s takes one argument, and there are %d: %s.", c.CommandPath(), len(args), strings.Join(args, ", "))
			case len(args) == 1 && !slices.Contains(schemas, args[0]):
				hint := diag.DidYouMean(args[0], schemas)
				return refuse("Unknown name", "There are schemas of %s, and none of %q.%s", strings.Join(schemas, " and "), args[0], hint)
			}
			return nil
		},
		ValidArgs: schemas,
		RunE:      func(_ *cobra.Command, args []string) error { return a.schema(args) },
	}
	a.addOutput(c, "the schema alone, or within one JSON document like those of other commands")
	return c
}

// schemaDocument is what --output json writes.
type schemaDocument struct {
	Schema any `json:"schema" doc:"The schema."`
}

func (a *app) schema(args []string) error {
	var of any = outputSchema()
	if len(args) == 0 || args[0] == "pipeline" {
		of = newReference(a.catalog).json()
	}
	if a.asksJSON() {
		a.answer(schemaDocument{of})
		return nil
	}
	text, err := schemaText(of)
	if err == nil {
		_, err = a.Stdout.Write(text)
	}
	return err
}

func schemaText(of any) ([]byte, error) {
	var out bytes.Buffer
	err := writeJSON(&out, of)
	return out.Bytes(), err
}

// json is the JSON Schema of a whole pipeline: the blocks by their types and
// labels, and each declaration once, in $defs.
func (r *reference) json() schema.JSON {
	defs := schema.JSON{schema.Expression: schema.ExpressionJSON()}
	blocks := schema.JSON{}
	for _, t := range r.topics {
		if t.block == nil || t.typ == testBlock {
			continue
		}
		if t.typ == "locals" {
			values := schema.JSON{"type": "object", "propertyNames": schema.IdentifierJSON()}
			defs["locals"] = schema.AnyOf(values, schema.JSON{"type": "array", "items": values})
			blocks["locals"] = schema.JSON{"description": t.summary, "$ref": "#/$defs/locals"}
			continue
		}
		def := strings.TrimSuffix(t.typ+"."+t.name, ".")
		defs[def] = t.block.Block.JSON()
		body := schema.JSON{"$ref": "#/$defs/" + def}
		if strings.Contains(t.block.Header, `"NAME"`) {
			body = schema.JSON{"description": t.summary, "type": "object", "propertyNames": schema.IdentifierJSON(), "additionalProperties": body}
		}
		if t.name == "" {
			blocks[t.typ] = body
			continue
		}
		group, ok := blocks[t.typ].(schema.JSON)
		if !ok {
			group = schema.JSON{"type": "object", "description": fmt.Sprintf("Each %s, by type and name.", t.typ), "properties": schema.JSON{}, "additionalProperties": false}
			blocks[t.typ] = group
		}
		group["properties"].(schema.JSON)[t.name] = body
	}
	return schema.JSON{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "A dynapipe pipeline, in the JSON form of HCL",
		"type":                 "object",
		"properties":           blocks,
		"additionalProperties": false,
		"$defs":                defs,
	}
}
