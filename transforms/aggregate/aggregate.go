// Package aggregate makes one row of all rows of a group.
//
//	aggregate.go  the block
//	groups.go     the groups while rows come, and the rows made of them
//	functions.go  what a group keeps for each function
package aggregate

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// The limits without which memory would grow with the input (promise 6).
const (
	defaultGroups = 100_000
	defaultBytes  = 256 << 20
)

// Config is a transform "aggregate" block.
type Config struct {
	by        []schema.NamedExpr
	set       []schema.NamedCall
	maxGroups int
	maxBytes  int64
}

var _ transforms.Config = (*Config)(nil)

// New is a block with the defaults.
func New() transforms.Config { return &Config{maxGroups: defaultGroups, maxBytes: defaultBytes} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Makes one row of all rows of a group.",
		Example: examples,
		Doc:     doc,
		Args: []schema.Arg{
			schema.Exprs("by", &c.by, "What rows of one group have in common. Null is a value like any other, and left out of the row that is made.").
				DefaultDoc("all rows are one group"),
			schema.Calls("set", &c.set, forms(), "What to make of the rows of a group."),
			schema.Int("max_groups", &c.maxGroups, "How many groups there may be. The run fails at one more.").Unit("groups").AtLeast(1),
			schema.Bytes("max_bytes", &c.maxBytes, "How much all groups together may keep. The run fails at more.").AtLeast(1024),
		},
		Check: c.check,
	}
}

// Remembers declares that the groups are remembered.
func (*Config) Remembers() (saved bool) { return false }

// Scale implements transforms.Scaler: further rows may be of the groups that there
// are, or of others.
func (*Config) Scale(_, _, _ float64) (float64, string) {
	return 0, "how many groups there are is known when all rows have come"
}

const doc = `The rows are made at the end of the input, in the order in which the groups first appeared, and have the
attributes of ` + "`by`" + ` and ` + "`set`" + `, in this order. Groups are told apart by value: 1 is 1.0, and the text "1" is another
group. A row on which an expression fails is rejected, and counts nowhere. A run that is stopped makes no row.

Nulls are left out, as in SQL: a sum of nothing is null, and so not in the row, but ` + "`count()`" + ` counts every row.

| function | is |
|---|---|
| ` + "`count()`" + ` | how many rows there are |
| ` + "`sum(x)`, `avg(x)`" + ` | the sum or mean of the numbers: computed exactly, whatever the order, and then rounded half-even to 38 digits. Text that is a number counts as one, other text rejects the row |
| ` + "`min(x)`, `max(x)`" + ` | the least or greatest: numbers, and text that is one, by value; other text by its bytes. A row that would compare the two is rejected |
| ` + "`first(x)`, `last(x)`" + ` | the first or last value |
| ` + "`collect(x)`" + ` | all values, in order, as a list |

Without ` + "`by`" + ` there is always one row, also when no row came. A row that is made comes from no line of a file: in the
dead letter its source is this node, and its number that of the group.`

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	if len(c.by) == 0 && len(c.set) == 0 {
		return hcl.Diagnostics{diag.Error(r.Block(), "Nothing to aggregate",
			"Write by = { name = expression }, set = { name = count() }, or both.")}
	}
	var diags hcl.Diagnostics
	for _, b := range c.by {
		for _, s := range c.set {
			if b.Name == s.Name {
				diags = append(diags, diag.Error(s.Range, "Name used twice", "%q already has a value in %q.", s.Name, "by"))
			}
		}
	}
	return diags
}

// Shape is that of the rows that are made.
func (c *Config) Shape(expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.Null}
	for _, b := range c.by {
		out.Attrs[b.Name] = b.Expr.Kinds() | expr.Null
	}
	for _, s := range c.set {
		out.Attrs[s.Name] = functions[s.Function].kinds(s.Arg)
	}
	return out
}

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	a := &aggregate{Config: c, env: env, groups: map[string]*group{}}
	if len(c.by) == 0 {
		if _, err := a.group(nil, nil); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// limitError is the failure of a run with more groups than it may keep.
func (c *Config) limitError(what, argument string, limit any) error {
	return fmt.Errorf("aggregate: there are more than %v %s. Group by something with fewer values, filter or sample rows before, or raise %s", limit, what, argument)
}
