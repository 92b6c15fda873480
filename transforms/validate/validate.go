// Package validate rejects rows that break a rule, with the rule's message.
package validate

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Config is a transform "validate" block.
type Config struct {
	rules []rule
}

type rule struct {
	name      string
	condition *expr.Expr
	message   *expr.Expr
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Rejects rows that break a rule, with the rule's message.",
		Example: examples,
		Doc:     "The rules are looked at in the order they are written, and the first that is broken rejects the row. The rows that break none go on unchanged.",
		Blocks:  []schema.Nested{schema.List("rule", &c.rules, ruleSchema)},
		Check: func(r schema.Ranges) hcl.Diagnostics {
			if len(c.rules) == 0 {
				return hcl.Diagnostics{diag.Error(r.Block(), "No rule",
					`Write at least one rule "name" { condition = ..., message = ... } block; without one every row would pass.`)}
			}
			return c.namedTwice(r)
		},
	}
}

func (c *Config) namedTwice(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, rule := range c.rules {
		if seen[rule.name] {
			diags = append(diags, diag.Error(r.Of("rule"), "Name used twice",
				"There is more than one rule %q in this block. Messages and the dead letter name the rule, so each needs a name of its own.", rule.name))
		}
		seen[rule.name] = true
	}
	return diags
}

func ruleSchema(r *rule) schema.Block {
	return schema.Block{
		Summary: "A condition that every row must meet.",
		Labels:  []schema.Label{{Name: "name", Target: &r.name}},
		Args: []schema.Arg{
			schema.Condition("condition", &r.condition,
				"What must be true of the row; null is false.").Require(),
			schema.Expr("message", &r.message, expr.Scalars,
				"Why a row that breaks the rule is rejected; it may use the row.").DefaultDoc("names the rule").RowByRow(),
		},
	}
}

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Uses is the rules' and what the rows that pass are used for.
func (c *Config) Uses(out expr.Use) expr.Use {
	for _, r := range c.rules {
		out = out.Reading(r.condition, r.message)
	}
	return out
}

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &validate{rules: c.rules, mem: env.Mem}, nil
}

type validate struct {
	rules []rule
	mem   memory.Allocator
	rows  transforms.Rows
}

// Apply emits the rows that keep every rule and rejects the others.
func (v *validate) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	rows := v.rows.All(in.Rows())
	defer v.rows.Done(rows)
	var rejects transforms.RowRejects
	keep := *rows
	for _, r := range v.rules {
		keep = r.condition.Where(in, keep, keep[:0], func(row int, err error) {
			rejects.Add(row, r.broken(in, row, err))
		})
	}
	out.Rejects = rejects.AppendTo(out.Rejects)
	out.Emit(transforms.Keep(v.mem, in, keep))
	return nil
}

// broken is the rejection of a row for which the rule does not hold, or on
// which its condition fails.
func (r rule) broken(in *record.Batch, row int, err error) record.Rejection {
	operation := fmt.Sprintf("rule %q", r.name)
	if err != nil {
		return transforms.RejectExpression(in, row, operation, err)
	}
	return transforms.Reject(in, row, operation, transforms.CodeRule, r.text(in, row))
}

// text is the rule's message for a row. A message that can't be made of the
// row gives way to one that names the rule: the row is rejected all the same.
func (r rule) text(in *record.Batch, row int) string {
	if r.message != nil {
		if v, err := r.message.Eval(in, row); err == nil && !v.IsNull() && v.Kind() != attr.Bool {
			return v.Text()
		}
	}
	return fmt.Sprintf("the row breaks the rule %q", r.name)
}
