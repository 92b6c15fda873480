// Package mapper is the "map" transform: it sets, renames, drops and keeps
// attributes.
//
//	mapper.go   the block, and which of the two ways a batch takes
//	columns.go  a column at a time: what nearly every batch takes
//	rows.go     a row at a time: attributes beyond the columns, renames onto a
//	            column that exists
package mapper

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Config is a transform "map" block.
type Config struct {
	set    []schema.NamedExpr
	rename []schema.Pair
	drop   []string
	keep   []string
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Sets, renames, drops and keeps attributes.",
		Example: examples,
		Doc: "First `set`, whose expressions all see the incoming row, then `rename`, then `drop` or `keep`. " +
			"A row on which an expression fails is rejected.",
		Args: []schema.Arg{
			schema.Exprs("set", &c.set, "Attributes to set. One that is null is left out of the row; a value that was DynamoDB NULL stays NULL."),
			schema.Names("rename", &c.rename, "Attributes to rename, old = new, all at once. A row that has both is rejected."),
			schema.Strings("drop", &c.drop, "Attributes to leave out."),
			schema.Strings("keep", &c.keep, "The only attributes to let through."),
		},
		Check: c.check,
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if r.Has("drop") && r.Has("keep") {
		diags = append(diags, diag.Error(r.Of("keep"), "Drop and keep together",
			"keep already leaves out everything else. Write one of the two."))
	}
	to := map[string]string{}
	for _, p := range c.rename {
		if other, twice := to[p.Value]; twice {
			diags = append(diags, diag.Error(p.Range, "Two attributes renamed to one",
				"%q and %q would both be %q.", other, p.Name, p.Value))
		}
		if p.Value == "" {
			diags = append(diags, diag.Error(p.Range, "Not a name", "An attribute's name can't be empty."))
		}
		to[p.Value] = p.Name
	}
	return diags
}

// Shape is that of the rows that come, changed as the rows are.
func (c *Config) Shape(in expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: in.Rest}
	for name, kinds := range in.Attrs {
		out.Attrs[name] = kinds
	}
	for _, s := range c.set {
		out.Attrs[s.Name] = s.Expr.Kinds()
	}
	moved := map[string]expr.Kinds{}
	for _, p := range c.rename {
		moved[p.Value] = kindsOf(out, p.Name) | kindsOf(out, p.Value)
		out.Attrs[p.Name] = expr.Null
	}
	for name, kinds := range moved {
		out.Attrs[name] = kinds
	}
	for _, name := range c.drop {
		out.Attrs[name] = expr.Null
	}
	if len(c.keep) == 0 {
		return out
	}
	kept := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.Null}
	for _, name := range c.keep {
		kept.Attrs[name] = kindsOf(out, name)
	}
	return kept
}

// kindsOf is what the attribute may be, null always included.
func kindsOf(s expr.Shape, name string) expr.Kinds {
	if kinds, ok := s.Attrs[name]; ok {
		return kinds | expr.Null
	}
	if s.Rest == 0 {
		return expr.Unknown
	}
	return s.Rest | expr.Null
}

// Uses follows the attributes back: what is kept, under the name it came with,
// and not set here. Expressions are evaluated, and a rename meets a row that has
// both names, whoever uses the outcome: either rejects the row.
func (c *Config) Uses(out expr.Use) expr.Use {
	if c.keep != nil {
		kept := expr.UseOf()
		for _, name := range c.keep {
			if out.Has(name) {
				kept = kept.With(name)
			}
		}
		out = kept
	}
	out = out.Without(c.drop...)
	for _, p := range c.rename {
		out = out.With(p.Name, p.Value)
	}
	for _, s := range c.set {
		out = out.Without(s.Name)
	}
	for _, s := range c.set {
		out = out.Reading(s.Expr)
	}
	return out
}

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	m := &mapper{set: c.set, mem: env.Mem, setAt: map[string]int{}, names: map[string]string{}, drop: map[string]bool{}}
	for i, s := range c.set {
		m.setAt[s.Name] = i
	}
	for _, p := range c.rename {
		m.names[p.Name] = p.Value
	}
	for _, name := range c.drop {
		m.drop[name] = true
	}
	if c.keep != nil {
		m.keep = map[string]bool{}
		for _, name := range c.keep {
			m.keep[name] = true
		}
	}
	return m, nil
}

type mapper struct {
	set   []schema.NamedExpr
	setAt map[string]int    // by name
	names map[string]string // old to new
	drop  map[string]bool
	keep  map[string]bool // nil: everything
	mem   memory.Allocator
	rows  transforms.Rows
}

// Apply emits each row with its attributes changed.
func (m *mapper) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	rows := m.rows.All(in.Rows())
	defer m.rows.Done(rows)
	made, kept := m.evaluate(in, *rows, out)
	defer func() {
		for _, c := range made {
			c.Values.Release()
		}
	}()
	if len(kept) == 0 {
		return nil
	}
	batch, ok := m.byColumns(in, made)
	if !ok {
		out.Emit(m.byRows(in, made, kept, out))
		return nil
	}
	defer batch.Release()
	out.Emit(transforms.Keep(m.mem, batch, kept))
	return nil
}

// evaluate gives the columns of set and, of the rows, those that are kept: an
// expression that fails rejects its row.
func (m *mapper) evaluate(in *record.Batch, rows []int, out *transforms.Out) (made []record.Column, kept []int) {
	var rejects transforms.RowRejects
	made = make([]record.Column, len(m.set))
	for i, s := range m.set {
		made[i] = s.Expr.Column(m.mem, s.Name, in, func(row int, err error) {
			if !rejects.Has(row) {
				rejects.Add(row, transforms.RejectExpression(in, row, "set "+s.Name, err))
			}
		})
	}
	if rejects.Len() == 0 {
		return made, rows
	}
	out.Rejects = rejects.AppendTo(out.Rejects)
	return made, slices.DeleteFunc(rows, rejects.Has)
}

// final is the name under which an attribute leaves, if it does.
func (m *mapper) final(name string) (string, bool) {
	if renamed, ok := m.names[name]; ok {
		name = renamed
	}
	if m.drop[name] || m.keep != nil && !m.keep[name] {
		return "", false
	}
	return name, true
}
