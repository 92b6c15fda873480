package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/schema"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of the language",
		Long: `Schema writes a JSON Schema (2020-12) of all blocks and arguments, made from the same
declarations as the reference: for editors, and for programs that write or check
pipelines. It describes the JSON form of HCL: a block is an object by its type and
labels, {"source": {"csv": {"users": {"path": "users.csv"}}}}; an expression is a
string with ${ } around it; references and types are strings without; of blocks whose
order counts there is an array. Pipelines themselves are written in HCL's own syntax:
dynapipe does not read the JSON form.`,
		Example: `  dynapipe schema > pipeline.schema.json`,
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			text, err := schemaText(newReference(a.catalog))
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(text)
			return err
		},
	}
}

func schemaText(ref *reference) ([]byte, error) {
	var out bytes.Buffer
	err := writeJSON(&out, ref.json())
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
