package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// Decoder decodes blocks into what their declarations bind.
type Decoder struct {
	// Static is what arguments with one value for the run may use: var, local
	// and functions.
	Static *hcl.EvalContext
	// Scope is what row expressions may use; nil where there are no rows.
	Scope *expr.Scope
	// Blocks are the decoded blocks a reference can name, by address:
	// connection.dynamodb.main.
	Blocks map[string]any
	// Broken are addresses of blocks that have errors of their own: a
	// reference to one is not a second error.
	Broken map[string]bool
	// Secrets collects the values that must not be shown; it may be nil.
	Secrets *diag.Secrets
}

// Decoded is what there is to know of a decoded block beside its values.
type Decoded struct {
	Ranges   Ranges
	Settings []Setting
}

// Setting is a written argument as the plan shows it. Secrets are masked
// (promise 8).
type Setting struct {
	Name        string       `json:"name" doc:"The argument's name."`
	Value       string       `json:"value" doc:"Its value as the file has it, with secrets hidden."`
	Evaluations []Evaluation `json:"evaluation,omitempty" doc:"How its expressions over rows are evaluated."`
}

// Evaluation is how an expression over rows is evaluated.
type Evaluation struct {
	Name     string   `json:"name" doc:"The expression, as set.pk."`
	Way      expr.Way `json:"way" doc:"How it is evaluated."`
	RowByRow []string `json:"row_by_row,omitempty" doc:"What is evaluated row by row, and where it stands."`
}

// Decode decodes a block. It reports everything wrong with it at once; the
// values of arguments without errors are bound either way.
func (d *Decoder) Decode(blk *hclsyntax.Block, decl Block) (Decoded, hcl.Diagnostics) {
	run := &decoding{Decoder: d, title: title(blk)}
	ranges := run.content(blk.Body, blk.DefRange(), decl)
	return Decoded{Ranges: ranges, Settings: run.settings}, run.diags
}

func title(blk *hclsyntax.Block) string {
	if len(blk.Labels) == 0 {
		return blk.Type
	}
	return blk.Type + " " + strconv.Quote(blk.Labels[0])
}

// decoding is one Decode under way.
type decoding struct {
	*Decoder
	title    string          // of the block, for messages: source "csv"
	prefix   string          // of nested arguments' names in settings: retry.
	meant    map[string]bool // names that something unknown was probably meant as
	mute     bool            // diagnostics are dropped
	diags    hcl.Diagnostics
	settings []Setting
}

func (d *decoding) report(diags ...*hcl.Diagnostic) {
	if !d.mute {
		d.diags = append(d.diags, diags...)
	}
}

// argument is one written argument being decoded.
type argument struct {
	Arg
	expr      hcl.Expression
	null      bool // it turned out to be null: as if not written
	sensitive bool // a sensitive value went into it
	shown     string

	evaluations []Evaluation
}

func (a *argument) show(text string) { a.shown = text }

// evaluates notes how one of the argument's expressions will run.
func (a *argument) evaluates(name string, x *expr.Expr) {
	e := Evaluation{Name: name}
	var parts []expr.Part
	if e.Way, parts = x.Way(); a.rowByRow && e.Way != expr.Constant {
		e.Way, parts = expr.RowByRow, nil
	}
	for _, p := range parts {
		e.RowByRow = append(e.RowByRow, fmt.Sprintf("%s at %s", p.What, at(p.Range)))
	}
	a.evaluations = append(a.evaluations, e)
}

// nestedBlock is one written nested block being decoded.
type nestedBlock struct {
	*hclsyntax.Block
}

// content decodes a body by its declaration.
func (d *decoding) content(body *hclsyntax.Body, header hcl.Range, decl Block) Ranges {
	ranges := Ranges{block: header, args: map[string]hcl.Range{}}
	errors := errorCount(d.diags)
	outer := d.meant
	defer func() { d.meant = outer }()
	d.meant = d.unknownNames(body, decl)
	for _, a := range decl.Args {
		d.arg(body, a, ranges)
	}
	for _, n := range decl.Blocks {
		d.nested(body, n, ranges)
	}
	if decl.Check != nil && errorCount(d.diags) == errors {
		d.report(decl.Check(ranges)...)
	}
	return ranges
}

func errorCount(diags hcl.Diagnostics) int { return len(diags.Errs()) }

func (d *decoding) arg(body *hclsyntax.Body, decl Arg, ranges Ranges) {
	attribute, written := body.Attributes[decl.name]
	a := &argument{Arg: decl, null: true}
	if written {
		a.expr, a.null = attribute.Expr, isNull(attribute.Expr)
		decl.decode(d, a)
	}
	if a.null {
		if decl.required {
			d.missing(decl, attribute, ranges.block)
		}
		return
	}
	ranges.args[decl.name] = attribute.Expr.Range()
	for i := range a.evaluations {
		a.evaluations[i].Name = d.prefix + a.evaluations[i].Name
	}
	d.settings = append(d.settings, Setting{Name: d.prefix + decl.name, Value: a.value(), Evaluations: a.evaluations})
}

// value is what the plan shows of an argument.
func (a *argument) value() string {
	if a.secret || a.sensitive {
		return diag.Masked
	}
	return a.shown
}

func (d *decoding) missing(decl Arg, written *hclsyntax.Attribute, header hcl.Range) {
	if d.meant[decl.name] {
		return // written, but not in this name or form: that is reported
	}
	at, extra := header, ""
	if written != nil {
		at, extra = written.Range(), " Null is the same as leaving it out."
	}
	d.report(diag.Error(at, "Missing argument", "%s needs %q: %s%s", d.title, decl.name, decl.gist(), extra))
}

func (d *decoding) nested(body *hclsyntax.Body, decl Nested, ranges Ranges) {
	count := 0
	for _, blk := range body.Blocks {
		if blk.Type != decl.name {
			continue
		}
		if count++; count == 1 {
			ranges.args[decl.name] = blk.DefRange()
		} else if !decl.repeats {
			d.report(diag.Error(blk.DefRange(), "Block written twice", "%s takes one block %q, and there is one at %s.",
				d.title, decl.name, at(ranges.args[decl.name])))
			continue
		}
		decl.decode(d, &nestedBlock{blk})
	}
	if count < decl.atLeast && !d.meant[decl.name] {
		d.report(diag.Error(ranges.block, "Missing block", "%s needs a block %s { ... }: %s", d.title, decl.name, decl.doc))
	}
}

// body decodes a nested block, labels first.
func (d *decoding) body(b *nestedBlock, decl Block) {
	if !d.labels(b, decl) {
		return
	}
	outerTitle, outerPrefix := d.title, d.prefix
	d.title = title(b.Block)
	d.prefix += b.Type + "."
	for _, l := range b.Labels {
		d.prefix += l + "."
	}
	d.content(b.Body, b.DefRange(), decl)
	d.title, d.prefix = outerTitle, outerPrefix
}

func (d *decoding) labels(b *nestedBlock, decl Block) bool {
	if len(b.Labels) != len(decl.Labels) {
		form := b.Type
		for _, l := range decl.Labels {
			form += fmt.Sprintf(" %q", l.Name)
		}
		d.report(diag.Error(b.DefRange(), "Wrong number of labels", "This block is written %s { ... }.", form))
		return false
	}
	for i, l := range decl.Labels {
		*l.Target = b.Labels[i]
		if l.At != nil {
			*l.At = b.LabelRanges[i]
		}
	}
	return true
}

// unknownNames reports arguments and blocks that are not declared, and gives
// the names that were probably meant.
func (d *decoding) unknownNames(body *hclsyntax.Body, decl Block) (meant map[string]bool) {
	meant = map[string]bool{}
	args, blocks := map[string]bool{}, map[string]bool{}
	for _, a := range decl.Args {
		args[a.name] = true
	}
	for _, n := range decl.Blocks {
		blocks[n.name] = true
	}
	all := slices.Sorted(maps.Keys(args))
	all = append(all, slices.Sorted(maps.Keys(blocks))...)
	for name, a := range body.Attributes {
		switch {
		case args[name]:
		case blocks[name]:
			meant[name] = true
			d.report(diag.Error(a.NameRange, "Block written as an argument", "%q is a block: write %s { ... } without \"=\".", name, name))
		default:
			meant[diag.Nearest(name, all)] = true
			d.report(diag.Error(a.NameRange, "Unknown argument", "%s has no argument %q.%s", d.title, name, diag.DidYouMean(name, all)))
		}
	}
	for _, b := range body.Blocks {
		switch {
		case blocks[b.Type]:
		case args[b.Type]:
			meant[b.Type] = true
			d.report(diag.Error(b.TypeRange, "Argument written as a block", "%q is an argument: write %s = ...", b.Type, b.Type))
		default:
			meant[diag.Nearest(b.Type, all)] = true
			d.report(diag.Error(b.TypeRange, "Unknown block", "%s has no block %q.%s", d.title, b.Type, diag.DidYouMean(b.Type, all)))
		}
	}
	return meant
}

// at is a place in words.
func at(r hcl.Range) string { return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column) }

// isNull reports a null literal.
func isNull(e hcl.Expression) bool {
	lit, ok := e.(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.RawEquals(cty.NullVal(cty.DynamicPseudoType))
}
