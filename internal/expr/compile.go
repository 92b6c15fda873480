package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// MaxDepth bounds how deep an expression nests.
const MaxDepth = 500

// Compile binds an expression to its scope. What is wrong for every row is a
// diagnostic here; with errors among them the Expr is nil.
func Compile(e hcl.Expression, s *Scope) (*Expr, hcl.Diagnostics) {
	if s == nil {
		s = &Scope{}
	}
	c := &compiler{scope: s, run: s.Run, names: map[string]bool{}, anon: map[*hclsyntax.AnonSymbolExpr]int{}}
	if c.run == nil {
		c.run = &Run{}
	}
	root := c.expr(e)
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	p := lower(&root)
	x := &Expr{
		byRow:  p.byRow,
		root:   root,
		slots:  c.maxSlots,
		run:    c.run,
		names:  slices.Sorted(maps.Keys(c.names)),
		all:    c.all,
		source: c.sourceOf(e.Range()),
		rng:    e.Range(),
	}
	if p.regs > 0 {
		x.program = p
	}
	return x, c.diags
}

// compiler is the state of one Compile.
type compiler struct {
	scope *Scope
	run   *Run
	diags hcl.Diagnostics

	names map[string]bool // attributes of the row that are read
	all   bool            // the row is read whole

	vars     []variable // what for and splat define, innermost last
	maxSlots int
	anon     map[*hclsyntax.AnonSymbolExpr]int

	depth   int
	tooDeep bool
	// quiet is above zero in what may never be evaluated: the arguments of try
	// and can, and the arm that a constant condition does not choose. There a
	// failure is no diagnostic.
	quiet int
	sites int // call sites of functions that give something new each time
}

// variable is a name that a for expression defines; its slot is its place in
// compiler.vars. A splat's element has no name.
type variable struct {
	name   string
	kinds  Kinds
	secret bool
}

// deps is what a term's value depends on.
type deps uint8

const (
	onRow deps = 1 << iota
	onMeta
	onCall // uuid() and ulid()
)

// term is a bound node and what is known of it.
type term struct {
	node
	kinds Kinds
	deps  deps
	slots slotSet
	rng   hcl.Range
	// name is how a message speaks of it: row.balance.
	name string
	// secret says that a variable or local is in it: its value may be sensitive
	// and is in no message (promise 8).
	secret bool
}

// slotSet is the slots that a term reads. Slots beyond the 63rd share a bit
// that is never cleared, which only costs folding.
type slotSet uint64

func slotBit(slot int) slotSet { return 1 << min(slot, 63) }

func (s slotSet) without(slot int) slotSet {
	if slot >= 63 {
		return s
	}
	return s &^ slotBit(slot)
}

func (t *term) constant() bool { return t.deps == 0 && t.slots == 0 }

// value is a folded term's value.
func (t *term) value() (attr.Value, bool) {
	lit, ok := t.node.(*literal)
	if !ok {
		return attr.Value{}, false
	}
	return lit.v, true
}

// uses adds what another term depends on.
func (t *term) uses(parts ...term) {
	for i := range parts {
		t.deps |= parts[i].deps
		t.slots |= parts[i].slots
		t.secret = t.secret || parts[i].secret
	}
}

func (c *compiler) add(d *hcl.Diagnostic) { c.diags = append(c.diags, d) }

// fails reports a failure of every row, unless it may never be evaluated. What
// has failed at one place is reported once.
func (c *compiler) fails(d *hcl.Diagnostic) {
	known := slices.ContainsFunc(c.diags, func(other *hcl.Diagnostic) bool {
		return other.Severity == hcl.DiagError && other.Subject != nil && *other.Subject == *d.Subject
	})
	if c.quiet == 0 && !known {
		c.diags = append(c.diags, d)
	}
}

// broken stands for what could not be compiled.
func (c *compiler) broken(rng hcl.Range) term {
	return term{node: &failing{&Error{Message: "the expression could not be compiled", Range: rng}},
		kinds: Unknown, deps: onCall, rng: rng, name: c.nameOf(rng)}
}

// fold evaluates a term that depends on nothing. One that fails, fails for
// every row.
func (c *compiler) fold(t term) term {
	if !t.constant() {
		return t
	}
	if _, done := t.value(); done {
		return t
	}
	v, err := t.eval(&frame{run: c.run, slots: make([]attr.Value, c.maxSlots)})
	if err != nil {
		why := asError(err, t.rng)
		c.fails(diag.Error(why.Range, "Expression always fails", "%s.", capital(why.Message)))
		t.node = &failing{why}
		t.deps |= onCall // so that nothing around it folds and reports it again
		return t
	}
	t.node = &literal{v}
	t.kinds = KindsOf(v.Kind())
	return t
}

// expr binds one node of the syntax tree.
func (c *compiler) expr(e hcl.Expression) term {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > MaxDepth {
		if !c.tooDeep {
			c.tooDeep = true
			c.add(diag.Error(e.Range(), "Expression too deep",
				"It nests more than %d levels. Give parts of it names in a locals block or in a map transform before.", MaxDepth))
		}
		return c.broken(e.Range())
	}
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return c.literal(e)
	case *hclsyntax.ParenthesesExpr:
		return c.expr(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return c.traversal(e)
	case *hclsyntax.RelativeTraversalExpr:
		return c.steps(c.expr(e.Source), e.Traversal, e.SrcRange)
	case *hclsyntax.IndexExpr:
		return c.index(e)
	case *hclsyntax.TemplateExpr:
		return c.template(e)
	case *hclsyntax.TemplateWrapExpr:
		return c.expr(e.Wrapped)
	case *hclsyntax.TemplateJoinExpr:
		return c.join(e)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(e)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(e)
	case *hclsyntax.TupleConsExpr:
		return c.tuple(e)
	case *hclsyntax.ObjectConsExpr:
		return c.object(e)
	case *hclsyntax.ForExpr:
		return c.forExpr(e)
	case *hclsyntax.SplatExpr:
		return c.splat(e)
	case *hclsyntax.AnonSymbolExpr:
		return c.slot(c.anon[e], e.SrcRange)
	case *hclsyntax.FunctionCallExpr:
		return c.call(e)
	}
	c.add(diag.Error(e.Range(), "Unsupported expression", "This kind of expression (%T) can't be used for rows.", e))
	return c.broken(e.Range())
}

// sourceOf is the text of a range; empty when its file is not known.
func (c *compiler) sourceOf(rng hcl.Range) string {
	src := c.scope.Sources[rng.Filename]
	if rng.Start.Byte < 0 || rng.End.Byte > len(src) || rng.Start.Byte > rng.End.Byte {
		return ""
	}
	return string(src[rng.Start.Byte:rng.End.Byte])
}

// nameOf is how a message speaks of the expression at rng.
func (c *compiler) nameOf(rng hcl.Range) string {
	text := strings.Join(strings.Fields(c.sourceOf(rng)), " ")
	if text == "" {
		return "the value"
	}
	return shorten(text)
}

// capital makes a message the beginning of a sentence, unless it begins with
// something that was written.
func capital(s string) string {
	if strings.HasPrefix(s, "the ") {
		return "T" + s[1:]
	}
	return s
}

// shorten cuts text for a message at some 60 bytes, at the end of a code point.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	cut := limit - len("...")
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "..."
}

func errorf(rng hcl.Range, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Range: rng}
}
