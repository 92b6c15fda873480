package dynamo

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// path compiles item.a.b[0], item["odd.name"] and item.a[var.i].
func (c *itemCompiler) path(e hcl.Expression) (Path, bool) {
	p, ok := c.steps(bare(e))
	if !ok {
		return nil, false
	}
	switch {
	case len(p) == 0:
		c.fail(e, "Missing attribute", "item is the whole stored item; name an attribute of it: item.name.")
		return nil, false
	case p[0].Name == "":
		c.fail(e, "Invalid attribute name", `The item's attributes have names: item.name, or item["odd name"].`)
		return nil, false
	case len(p) > maxPathDepth+1:
		c.fail(e, "Path too deep", "DynamoDB nests values at most %d levels.", maxPathDepth)
		return nil, false
	}
	c.paths = append(c.paths, p)
	return p, true
}

func (c *itemCompiler) steps(e hcl.Expression) (Path, bool) {
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if e.Traversal.RootName() == rootItem {
			return c.traverse(nil, e.Traversal[1:])
		}
	case *hclsyntax.RelativeTraversalExpr:
		if p, ok := c.steps(bare(e.Source)); ok {
			return c.traverse(p, e.Traversal)
		}
		return nil, false
	case *hclsyntax.IndexExpr:
		return c.computed(e)
	}
	if usesItem(e) {
		c.impossible(e)
	} else {
		c.fail(e, "Not an attribute", "An attribute of the stored item is expected here: item.name.")
	}
	return nil, false
}

func (c *itemCompiler) traverse(p Path, rest hcl.Traversal) (Path, bool) {
	for _, step := range rest {
		next, ok := c.step(step)
		if !ok {
			c.diags = append(c.diags, diag.Error(step.SourceRange(), "Unsupported step",
				"A path goes by names and by list indexes from 0: item.a.b[0]."))
			return nil, false
		}
		p = append(p, next)
	}
	return p, true
}

func (c *itemCompiler) step(step hcl.Traverser) (Step, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return Step{Name: s.Name}, true
	case hcl.TraverseIndex:
		switch {
		case !s.Key.IsKnown() || s.Key.IsNull():
		case s.Key.Type() == cty.String:
			name := c.written(s)
			return Step{Name: name}, name != ""
		case s.Key.Type() == cty.Number:
			index, accuracy := s.Key.AsBigFloat().Int64()
			return Step{Index: int(index)}, accuracy == big.Exact && index >= 0 && index <= maxListIndex
		}
	}
	return Step{}, false
}

// maxListIndex is past every index of a list that fits into an item.
const maxListIndex = 1 << 20

// written is a name in brackets by the bytes of the file: HCL's own value of it
// is normalised, and names of attributes are not.
func (c *itemCompiler) written(s hcl.TraverseIndex) string {
	if src := c.scope.Sources[s.SrcRange.Filename]; s.SrcRange.CanSliceBytes(src) {
		text := strings.TrimSpace(strings.Trim(string(s.SrcRange.SliceBytes(src)), "[]"))
		if inner, ok := strings.CutPrefix(text, `"`); ok && !strings.ContainsAny(inner, `\$%`) && strings.HasSuffix(inner, `"`) {
			return strings.TrimSuffix(inner, `"`)
		}
	}
	return s.Key.AsString()
}

// computed is an index that is computed here.
func (c *itemCompiler) computed(e *hclsyntax.IndexExpr) (Path, bool) {
	if usesItem(e.Key) {
		c.fail(e.Key, "DynamoDB can't evaluate this", "DynamoDB has no index by a stored value: the path must be known here.")
		return nil, false
	}
	p, ok := c.steps(bare(e.Collection))
	if !ok {
		return nil, false
	}
	key, ok := c.value(e.Key)
	if !ok {
		return nil, false
	}
	switch key.Kind() {
	case attr.String:
		if key.Text() != "" {
			return append(p, Step{Name: key.Text()}), true
		}
	case attr.Number:
		if index, err := strconv.ParseUint(attr.CanonicalNumber(key.Text()), 10, 20); err == nil {
			return append(p, Step{Index: int(index)}), true
		}
	}
	c.fail(e.Key, "Invalid index", "A path goes by names and by list indexes from 0.")
	return nil, false
}
