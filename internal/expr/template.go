package expr

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// MaxText bounds the text that one function or template may make, and
// MaxElements the length of a list.
const (
	MaxText     = 16 << 20
	MaxElements = 1 << 18
)

// templateNode joins the texts of its parts.
type templateNode struct {
	parts []term
	rng   hcl.Range
}

func (n *templateNode) eval(f *frame) (attr.Value, error) {
	var b strings.Builder
	for i := range n.parts {
		v, err := n.parts[i].eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		text, err := n.parts[i].text(v)
		if err != nil {
			return attr.Value{}, err
		}
		if b.Len()+len(text) > MaxText {
			return attr.Value{}, errorf(n.parts[i].rng, "the text grows beyond %d MB", MaxText>>20)
		}
		b.WriteString(text)
	}
	if err := f.makes(b.Len(), n.rng); err != nil {
		return attr.Value{}, err
	}
	return attr.StringValue(b.String()), nil
}

// text is a value as text: a string, a number in plain decimal, a bool.
func (t *term) text(v attr.Value) (string, error) {
	if s, ok := scalarText(v); ok {
		return s, nil
	}
	return "", t.isNot(v, "a value that can be written as text")
}

// scalarText is a scalar as text; false for every other value.
func scalarText(v attr.Value) (string, bool) {
	switch v.Kind() {
	case attr.String:
		return v.Text(), true
	case attr.Number:
		return attr.CanonicalNumber(v.Text()), true
	case attr.Bool:
		if v.True() {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

func (c *compiler) template(e *hclsyntax.TemplateExpr) term {
	if len(e.Parts) == 1 {
		if lit, ok := e.Parts[0].(*hclsyntax.LiteralValueExpr); ok {
			t := c.literal(lit)
			t.rng = e.SrcRange
			return t
		}
	}
	n := &templateNode{parts: make([]term, 0, len(e.Parts)), rng: e.SrcRange}
	t := term{node: n, kinds: String, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	for _, part := range e.Parts {
		p := c.expr(part)
		c.wantText(p)
		t.uses(p)
		n.parts = append(n.parts, p)
	}
	return c.fold(t)
}

// wantText reports a part of a template that is never text.
func (c *compiler) wantText(p term) {
	if p.kinds.Never(Scalars) {
		c.fails(diag.Error(p.rng, "Not text", "%s is %s, which has no form as text. jsonencode() gives one for lists and maps.", capital(p.name), p.kinds))
	}
}

// joinNode joins the texts that %{ for } makes.
type joinNode struct{ list term }

func (n *joinNode) eval(f *frame) (attr.Value, error) {
	v, err := n.list.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	var b strings.Builder
	for _, elem := range v.Elems() {
		text, ok := scalarText(elem)
		if !ok {
			return attr.Value{}, errorf(n.list.rng, "a part of the template is %s, which can't be written as text", kindName(elem))
		}
		if b.Len()+len(text) > MaxText {
			return attr.Value{}, errorf(n.list.rng, "the text grows beyond %d MB", MaxText>>20)
		}
		b.WriteString(text)
	}
	if err := f.makes(b.Len(), n.list.rng); err != nil {
		return attr.Value{}, err
	}
	return attr.StringValue(b.String()), nil
}

func (c *compiler) join(e *hclsyntax.TemplateJoinExpr) term {
	list := c.expr(e.Tuple)
	t := term{node: &joinNode{list}, kinds: String, rng: e.Range(), name: c.nameOf(e.Range())}
	t.uses(list)
	return c.fold(t)
}
