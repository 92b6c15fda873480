package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// The names at the root of a traversal.
const (
	rootRow   = "row"
	rootMeta  = "meta"
	rootVar   = "var"
	rootLocal = "local"
	rootItem  = "item"
)

// traversal binds a name and the steps written after it.
func (c *compiler) traversal(e *hclsyntax.ScopeTraversalExpr) term {
	root := e.Traversal.RootName()
	c.warnDashes(e.Traversal)
	for slot := len(c.vars) - 1; slot >= 0; slot-- {
		if c.vars[slot].name == root {
			return c.steps(c.slot(slot, e.Traversal[0].SourceRange()), e.Traversal[1:], e.SrcRange)
		}
	}
	switch root {
	case rootRow:
		return c.row(e)
	case rootMeta:
		return c.meta(e)
	case rootVar, rootLocal:
		return c.static(e)
	}
	c.add(c.unknownRoot(e))
	return c.broken(e.SrcRange)
}

func (c *compiler) unknownRoot(e *hclsyntax.ScopeTraversalExpr) *hcl.Diagnostic {
	root := e.Traversal.RootName()
	at := e.Traversal[0].SourceRange()
	switch root {
	case rootItem:
		return diag.Error(at, "No stored item here", `"item" is the item stored in DynamoDB. It can be used where DynamoDB evaluates: `+
			`in "condition", "filter", "key_condition" and the clauses of "update". Here, "row" is the row at hand.`)
	case "source", "transform", "sink", "connection":
		return diag.Error(at, "No reference to a block here", `An expression about a row reads "row", "meta", "var" and "local". Another block can only be named by arguments like "from" and "connection".`)
	}
	if _, known := c.scope.Shape.Attrs[root]; known && len(e.Traversal) == 1 {
		return diag.Error(at, "Unknown name", "There is no %q here. The row's attribute is %s.%s; a text is written in quotes.", root, rootRow, root)
	}
	if i := strings.LastIndex(root, "-"); i > 0 && slices.Contains(c.roots(), root[i+1:]) {
		return diag.Error(at, "Unknown name", "Without spaces, %q is one name. Write %q to subtract.", root, root[:i]+" - "+root[i+1:])
	}
	return diag.Error(at, "Unknown name", "There is no %q here. An attribute of the row is written row.NAME, a text in quotes; the other names are %s.%s",
		root, strings.Join(c.roots()[1:], ", "), diag.DidYouMean(root, c.roots()))
}

// roots is the names that a traversal may begin with.
func (c *compiler) roots() []string {
	names := []string{rootRow, rootMeta, rootVar, rootLocal}
	for _, v := range c.vars {
		if v.name != "" {
			names = append(names, v.name)
		}
	}
	return names
}

// slot binds a variable of a for or splat expression.
func (c *compiler) slot(slot int, rng hcl.Range) term {
	v := c.vars[slot]
	name := v.name
	if name == "" {
		name = "the element"
	}
	return term{node: &slotNode{slot}, kinds: v.kinds, slots: slotBit(slot), rng: rng, name: name, secret: v.secret}
}

// row binds the row, or one of its attributes and the steps after it.
func (c *compiler) row(e *hclsyntax.ScopeTraversalExpr) term {
	rowRange := e.Traversal[0].SourceRange()
	if len(e.Traversal) == 1 {
		return c.wholeRow(rowRange)
	}
	name, ok := c.stepName(e.Traversal[1])
	if !ok {
		c.add(diag.Error(e.Traversal[1].SourceRange(), "Invalid attribute name",
			`The row's attributes have names: row.name, or row["odd name"].`))
		return c.broken(e.SrcRange)
	}
	rng := hcl.RangeBetween(rowRange, e.Traversal[1].SourceRange())
	return c.steps(c.rowAttr(name, rng), e.Traversal[2:], e.SrcRange)
}

func (c *compiler) wholeRow(rng hcl.Range) term {
	c.all = true
	return term{node: &rowMap{}, kinds: Map, deps: onRow, rng: rng, name: rootRow}
}

func (c *compiler) rowAttr(name string, rng hcl.Range) term {
	c.names[name] = true
	t := term{node: &rowAttr{name}, kinds: c.scope.Shape.Attr(name), deps: onRow, rng: rng, name: rowName(name)}
	if t.kinds&^Null == 0 && c.quiet == 0 {
		c.add(diag.Warning(rng, "No such attribute", "No row has an attribute %q here, so this is always null.%s",
			name, diag.DidYouMean(name, slices.Sorted(maps.Keys(c.scope.Shape.Attrs)))))
	}
	return t
}

// rowName is how a message speaks of an attribute of the row.
func rowName(name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return shorten(rootRow + "." + name)
	}
	return fmt.Sprintf("%s[%q]", rootRow, shorten(name))
}

// stepName is the name that a step goes to, when it is one that is written.
func (c *compiler) stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return c.indexText(s), true
		}
	}
	return "", false
}

// meta binds an attribute of where the row came from.
func (c *compiler) meta(e *hclsyntax.ScopeTraversalExpr) term {
	known := []string{metaSource, metaFile, metaLine, metaSegment}
	if len(e.Traversal) == 1 {
		c.add(diag.Error(e.SrcRange, "Missing attribute", "meta says where a row came from: write one of meta.%s.", strings.Join(known, ", meta.")))
		return c.broken(e.SrcRange)
	}
	name, _ := c.stepName(e.Traversal[1])
	kinds := String
	switch name {
	case metaSource:
	case metaFile:
		kinds |= Null
	case metaLine, metaSegment:
		kinds = Number | Null
	default:
		c.add(diag.Error(e.Traversal[1].SourceRange(), "Unknown attribute of meta", "meta has the attributes %s.%s",
			strings.Join(known, ", "), diag.DidYouMean(name, known)))
		return c.broken(e.SrcRange)
	}
	rng := hcl.RangeBetween(e.Traversal[0].SourceRange(), e.Traversal[1].SourceRange())
	t := term{node: &metaAttr{name}, kinds: kinds, deps: onMeta, rng: rng, name: rootMeta + "." + name}
	return c.steps(t, e.Traversal[2:], e.SrcRange)
}

// static binds a variable or local, converted once from go-cty.
func (c *compiler) static(e *hclsyntax.ScopeTraversalExpr) term {
	root := e.Traversal.RootName()
	what := map[string]string{rootVar: "variable", rootLocal: "local value"}[root]
	if len(e.Traversal) == 1 {
		c.add(diag.Error(e.SrcRange, "Missing name", "Write %s.NAME, with the name of a %s.", root, what))
		return c.broken(e.SrcRange)
	}
	name, _ := c.stepName(e.Traversal[1])
	object := c.staticObject(root)
	if !object.IsKnown() {
		return c.notKnown(e.SrcRange, root+"."+name) // what is wrong with it was said elsewhere
	}
	if !object.Type().HasAttribute(name) {
		known := slices.Sorted(maps.Keys(object.Type().AttributeTypes()))
		c.add(diag.Error(e.Traversal[1].SourceRange(), "Unknown "+what, "There is no %s %q.%s", what, name, diag.DidYouMean(name, known)))
		return c.broken(e.SrcRange)
	}
	rng := hcl.RangeBetween(e.Traversal[0].SourceRange(), e.Traversal[1].SourceRange())
	t := term{rng: rng, name: root + "." + name, secret: true, kinds: Unknown}
	given, _ := object.GetAttr(name).UnmarkDeep()
	if !given.IsWhollyKnown() {
		return c.notKnown(e.SrcRange, t.name)
	}
	v, err := FromCty(given)
	if err != nil {
		c.add(diag.Error(rng, "Value can't be used for rows", "%s: %s.", t.name, err))
		return c.broken(e.SrcRange)
	}
	t.node, t.kinds = &literal{v}, KindsOf(v.Kind())
	if !c.checkStatic(given.Type(), e.Traversal[2:], t.name) {
		return c.broken(e.SrcRange)
	}
	return c.steps(t, e.Traversal[2:], e.SrcRange)
}

// notKnown stands for a variable or local that was found wrong before, or has
// no value yet.
func (c *compiler) notKnown(rng hcl.Range, name string) term {
	return term{node: &failing{errorf(rng, "%s is not known", name)}, kinds: Unknown, deps: onCall, rng: rng, name: name, secret: true}
}

// staticObject is the object of all variables or locals.
func (c *compiler) staticObject(root string) cty.Value {
	for ctx := c.scope.Static; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[root]; ok {
			if v, _ = v.Unmark(); !v.IsKnown() || v.Type().IsObjectType() && !v.IsNull() {
				return v
			}
		}
	}
	return cty.EmptyObjectVal
}

// checkStatic looks for attributes that the type of a variable does not have.
// In a row they would be null; here they are slips.
func (c *compiler) checkStatic(ty cty.Type, rest hcl.Traversal, name string) bool {
	for _, step := range rest {
		attrName, ok := c.stepName(step)
		if !ok || !ty.IsObjectType() {
			return true
		}
		if !ty.HasAttribute(attrName) {
			c.add(diag.Error(step.SourceRange(), "Unknown attribute", "%s has no attribute %q.%s", name, attrName,
				diag.DidYouMean(attrName, slices.Sorted(maps.Keys(ty.AttributeTypes())))))
			return false
		}
		ty = ty.AttributeType(attrName)
		name += "." + attrName
	}
	return true
}

// steps binds the steps written after a term.
func (c *compiler) steps(t term, rest hcl.Traversal, rng hcl.Range) term {
	for _, step := range rest {
		at := hcl.RangeBetween(t.rng, step.SourceRange())
		switch s := step.(type) {
		case hcl.TraverseAttr:
			t = c.attrStep(t, s.Name, s.SrcRange, at)
		case hcl.TraverseIndex:
			t = c.indexStep(t, c.indexKey(s), at)
		default:
			c.add(diag.Error(step.SourceRange(), "Unsupported step", "A row expression can't go into a value this way."))
			return c.broken(rng)
		}
	}
	return t
}

// indexKey is the key that is written in [...].
func (c *compiler) indexKey(s hcl.TraverseIndex) term {
	if name, ok := c.stepName(s); ok {
		return c.constant(attr.StringValue(name), s.SrcRange)
	}
	return c.literalValue(s.Key, s.SrcRange)
}

func (c *compiler) attrStep(from term, name string, step, rng hcl.Range) term {
	t := term{node: &attrStep{from, name, step}, kinds: Unknown, rng: rng, name: shorten(from.name + "." + name)}
	t.uses(from)
	if from.kinds.Never(Map) {
		c.fails(diag.Error(step, "No such attribute", "%s is always %s, which has no attribute %q.", capital(from.name), from.kinds, name))
	}
	return c.fold(t)
}

func (c *compiler) indexStep(from, key term, rng hcl.Range) term {
	t := term{node: &indexStep{from, key, rng}, kinds: Unknown, rng: rng, name: c.nameOf(rng)}
	t.uses(from, key)
	switch {
	case from.kinds.Never(Map | List):
		c.fails(diag.Error(rng, "Value without elements", "%s is always %s: only a list or a map can be indexed.", capital(from.name), from.kinds))
	case from.kinds&^Null == List:
		if k, ok := key.value(); ok && !from.constant() {
			if _, err := listIndex(k, &key); err != nil {
				c.fails(diag.Error(key.rng, "Invalid index", "%s.", err))
			}
		}
	}
	return c.fold(t)
}

// index binds x[key] with a computed key.
func (c *compiler) index(e *hclsyntax.IndexExpr) term {
	if trav, ok := e.Collection.(*hclsyntax.ScopeTraversalExpr); ok && len(trav.Traversal) == 1 && c.isRow(trav.Traversal.RootName()) {
		key := c.expr(e.Key)
		if v, ok := key.value(); ok && v.Kind() == attr.String {
			return c.rowAttr(v.Text(), e.SrcRange)
		}
		return c.indexStep(c.wholeRow(trav.SrcRange), key, e.SrcRange)
	}
	from := c.expr(e.Collection)
	return c.indexStep(from, c.expr(e.Key), e.SrcRange)
}

// isRow reports that a name means the row: no variable hides it.
func (c *compiler) isRow(name string) bool {
	return name == rootRow && !slices.ContainsFunc(c.vars, func(v variable) bool { return v.name == rootRow })
}

// warnDashes says so when a name was probably meant as a subtraction:
// row.total-row.tax is the attribute "total-row", as in HCL.
func (c *compiler) warnDashes(trav hcl.Traversal) {
	for i, step := range trav {
		s, ok := step.(hcl.TraverseAttr)
		if !ok {
			continue
		}
		cut := strings.LastIndex(s.Name, "-")
		if cut <= 0 {
			continue
		}
		before, after := s.Name[:cut], s.Name[cut+1:]
		_, known := c.scope.Shape.Attrs[s.Name]
		_, left := c.scope.Shape.Attrs[before]
		_, right := c.scope.Shape.Attrs[after]
		reference := i+1 < len(trav) && slices.Contains(c.roots(), after)
		columns := i == 1 && c.isRow(trav.RootName()) && left && right
		if !known && (reference || columns) {
			c.add(diag.Warning(s.SrcRange, "Name with a dash",
				"Written without spaces, this is the attribute %q. Write %q to subtract, or [%q] to say that the attribute is meant.",
				s.Name, before+" - "+after, s.Name))
		}
	}
}
