// Package route sends each row to the first of several outputs whose condition
// holds for it.
package route

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Otherwise is the output of the rows that no condition takes.
const Otherwise = "otherwise"

// Config is a transform "route" block.
type Config struct {
	outputs []output
}

type output struct {
	name  string
	at    hcl.Range
	where *expr.Expr
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Sends each row to the first output whose condition holds for it.",
		Example: examples,
		Doc: "An output is read by its name, `transform.route.NAME.OUTPUT`, and the rows that no output takes by `transform.route.NAME.otherwise`. " +
			"The conditions are looked at in the order they are written. The rows of an output that nobody reads are filtered. " +
			"A node that reads several outputs gets the rows in the order they came to the route.",
		Blocks: []schema.Nested{schema.List("output", &c.outputs, outputSchema)},
		Check:  c.check,
	}
}

func outputSchema(o *output) schema.Block {
	return schema.Block{
		Summary: "One way that rows go.",
		Labels:  []schema.Label{{Name: "name", Target: &o.name, At: &o.at}},
		Args: []schema.Arg{
			schema.Condition("where", &o.where,
				"Which rows go this way, of those that no output before took. Null is false; a row on which it fails is rejected.").Require(),
		},
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if len(c.outputs) == 0 {
		diags = append(diags, diag.Error(r.Block(), "No output",
			`Write at least one output "name" { where = ... } block; without one every row would go to %q.`, Otherwise))
	}
	seen := map[string]bool{}
	for _, o := range c.outputs {
		switch {
		case o.name == Otherwise:
			diags = append(diags, diag.Error(o.at, "Reserved name",
				"The rows that no output takes are the output %q already. Leave this block out, or give it another name.", Otherwise))
		case !hclsyntax.ValidIdentifier(o.name):
			diags = append(diags, diag.Error(o.at, "Not a name",
				"%q can't be referred to: the name of an output has letters, digits, _ and -, and begins with a letter.", o.name))
		case seen[o.name]:
			diags = append(diags, diag.Error(o.at, "Name used twice",
				"There is more than one output %q in this block. Join their conditions with ||.", o.name))
		}
		seen[o.name] = true
		diags = append(diags, c.unreachable(o)...)
	}
	return diags
}

// unreachable warns of outputs that come after one that takes every row.
func (c *Config) unreachable(o output) hcl.Diagnostics {
	if !always(o) || o.name == c.outputs[len(c.outputs)-1].name {
		return nil
	}
	return hcl.Diagnostics{diag.Warning(o.where.Range(), "Outputs that get no row",
		"This condition is true for every row, so the outputs after %q get none.", o.name)}
}

func always(o output) bool {
	v, constant := o.where.Constant()
	return constant && v.Kind() == attr.Bool && v.True()
}

// Outputs is the names by which the outputs are read.
func (c *Config) Outputs() []string {
	names := make([]string, 0, len(c.outputs)+1)
	for _, o := range c.outputs {
		names = append(names, o.name)
	}
	return append(names, Otherwise)
}

// Shape is that of the rows that come, for every output.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Uses is the conditions' and what the rows of all outputs are used for.
func (c *Config) Uses(out expr.Use) expr.Use {
	for _, o := range c.outputs {
		out = out.Reading(o.where)
	}
	return out
}

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &route{outputs: c.outputs, mem: env.Mem}, nil
}

type route struct {
	outputs []output
	mem     memory.Allocator
	rows    transforms.Rows
}

// Apply parts a batch's rows by output: each output looks at the rows that those
// before it have left.
func (t *route) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	all, room := t.rows.All(in.Rows()), t.rows.All(0)
	defer t.rows.Done(all)
	defer t.rows.Done(room)
	var rejects transforms.RowRejects
	rest := *all
	for _, o := range t.outputs {
		left := rest[:0]
		*room = o.where.Where(in, rest, (*room)[:0], func(row int, err error) {
			if err == nil {
				left = append(left, row)
				return
			}
			rejects.Add(row, transforms.RejectExpression(in, row, fmt.Sprintf("output %q", o.name), err))
		})
		out.EmitTo(o.name, transforms.Keep(t.mem, in, *room))
		rest = left
	}
	out.EmitTo(Otherwise, transforms.Keep(t.mem, in, rest))
	out.Rejects = rejects.AppendTo(out.Rejects)
	return nil
}
