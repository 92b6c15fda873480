package expr

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// tupleNode makes a list.
type tupleNode struct{ elems []term }

func (n *tupleNode) eval(f *frame) (attr.Value, error) {
	out := make([]attr.Value, len(n.elems))
	for i := range n.elems {
		v, err := n.elems[i].eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		out[i] = v
	}
	return attr.ListValue(out), nil
}

func (c *compiler) tuple(e *hclsyntax.TupleConsExpr) term {
	n := &tupleNode{elems: make([]term, len(e.Exprs))}
	t := term{node: n, kinds: List, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	for i, elem := range e.Exprs {
		n.elems[i] = c.expr(elem)
		t.uses(n.elems[i])
	}
	return c.fold(t)
}

// objectNode makes a map. Of two equal keys the later one counts, as in HCL.
type objectNode struct{ keys, values []term }

func (n *objectNode) eval(f *frame) (attr.Value, error) {
	m := newMapBuilder(len(n.keys))
	for i := range n.keys {
		k, err := n.keys[i].eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		name, err := n.keys[i].key(k)
		if err != nil {
			return attr.Value{}, err
		}
		v, err := n.values[i].eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		m.set(name, v)
	}
	return m.value(), nil
}

// key is a value as the name of a map's attribute.
func (t *term) key(v attr.Value) (string, error) {
	if s, ok := scalarText(v); ok {
		return s, nil
	}
	return "", t.isNot(v, "a key: a text")
}

func (c *compiler) object(e *hclsyntax.ObjectConsExpr) term {
	n := &objectNode{}
	t := term{node: n, kinds: Map, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	for _, item := range e.Items {
		k, v := c.objectKey(item.KeyExpr), c.expr(item.ValueExpr)
		t.uses(k, v)
		n.keys, n.values = append(n.keys, k), append(n.values, v)
	}
	return c.fold(t)
}

// objectKey binds a key: a bare name is the name itself.
func (c *compiler) objectKey(e hclsyntax.Expression) term {
	wrapped, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return c.expr(e)
	}
	if wrapped.ForceNonLiteral {
		return c.expr(wrapped.Wrapped)
	}
	if name := hcl.ExprAsKeyword(wrapped.Wrapped); name != "" {
		return c.constant(attr.StringValue(name), e.Range())
	}
	if trav, ok := wrapped.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok {
		c.add(diag.Error(trav.SrcRange, "Ambiguous key", "Write (%s) when its value is the key, or put the name in quotes.", c.nameOf(trav.SrcRange)))
		return c.broken(trav.SrcRange)
	}
	return c.expr(wrapped.Wrapped)
}

// mapBuilder gathers fields with different names.
type mapBuilder struct {
	fields []attr.Field
	index  map[string]int
}

func newMapBuilder(size int) *mapBuilder {
	return &mapBuilder{fields: make([]attr.Field, 0, size), index: make(map[string]int, size)}
}

func (m *mapBuilder) has(name string) bool { _, ok := m.index[name]; return ok }

func (m *mapBuilder) set(name string, v attr.Value) {
	if i, ok := m.index[name]; ok {
		m.fields[i].Value = v
		return
	}
	m.index[name] = len(m.fields)
	m.fields = append(m.fields, attr.Field{Name: name, Value: v})
}

func (m *mapBuilder) value() attr.Value { return attr.MapValue(m.fields) }

// entry is an element of something that can be looped over.
type entry struct{ key, value attr.Value }

// entries is what a for expression goes through: a list by index, a map by the
// bytes of its names, a set by its values in order, each of them its own key.
func entries(v attr.Value) ([]entry, bool) {
	switch v.Kind() {
	case attr.List:
		out := make([]entry, len(v.Elems()))
		for i, elem := range v.Elems() {
			out[i] = entry{intValue(i), elem}
		}
		return out, true
	case attr.Map:
		out := make([]entry, 0, len(v.Fields()))
		for _, field := range v.Sorted() {
			out = append(out, entry{attr.StringValue(field.Name), field.Value})
		}
		return out, true
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		out := make([]entry, 0, len(v.Elems()))
		for _, elem := range sortedSet(v) {
			out = append(out, entry{elem, elem})
		}
		return out, true
	}
	return nil, false
}

// sortedSet is a set's elements in order: numbers by value, others by bytes.
func sortedSet(v attr.Value) []attr.Value { return v.SortedElems() }

func intValue(i int) attr.Value { return number(strconv.Itoa(i)) }

// forNode is a for expression. key is nil when it makes a list.
type forNode struct {
	over             term
	key, value, cond *term
	group            bool
	keySlot, valSlot int // keySlot is -1 when the key has no name
	rng              hcl.Range
}

func (n *forNode) eval(f *frame) (attr.Value, error) {
	v, err := n.over.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	all, ok := entries(v)
	if !ok {
		return attr.Value{}, n.over.isNot(v, "a list, a map or a set to loop over")
	}
	if n.key == nil {
		return n.list(f, all)
	}
	return n.mapping(f, all)
}

// enter puts an element into its slots and asks the condition.
func (n *forNode) enter(f *frame, e entry) (bool, error) {
	if err := f.makes(elementBytes, n.rng); err != nil {
		return false, err
	}
	if n.keySlot >= 0 {
		f.slots[n.keySlot] = e.key
	}
	f.slots[n.valSlot] = e.value
	if n.cond == nil {
		return true, nil
	}
	return n.cond.test(f)
}

func (n *forNode) list(f *frame, all []entry) (attr.Value, error) {
	out := make([]attr.Value, 0, len(all))
	for _, e := range all {
		in, err := n.enter(f, e)
		if err != nil {
			return attr.Value{}, err
		}
		if !in {
			continue
		}
		v, err := n.value.eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		out = append(out, v)
	}
	return attr.ListValue(out), nil
}

func (n *forNode) mapping(f *frame, all []entry) (attr.Value, error) {
	m := newMapBuilder(len(all))
	groups := map[string][]attr.Value{}
	for _, e := range all {
		in, err := n.enter(f, e)
		if err != nil {
			return attr.Value{}, err
		}
		if !in {
			continue
		}
		k, err := n.key.eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		name, err := n.key.key(k)
		if err != nil {
			return attr.Value{}, err
		}
		v, err := n.value.eval(f)
		if err != nil {
			return attr.Value{}, err
		}
		switch {
		case n.group:
			groups[name] = append(groups[name], v)
			m.set(name, attr.Value{})
		case m.has(name):
			return attr.Value{}, errorf(n.key.rng, "two elements have the same key: write ... after the value to group them")
		default:
			m.set(name, v)
		}
	}
	for i := range m.fields {
		if n.group {
			m.fields[i].Value = attr.ListValue(groups[m.fields[i].Name])
		}
	}
	return m.value(), nil
}

// define adds a variable for what is bound until undefine.
func (c *compiler) define(v variable) (slot int) {
	c.vars = append(c.vars, v)
	c.maxSlots = max(c.maxSlots, len(c.vars))
	return len(c.vars) - 1
}

func (c *compiler) undefine(t *term, slots ...int) {
	for _, slot := range slots {
		if slot >= 0 {
			t.slots = t.slots.without(slot)
			c.vars = c.vars[:len(c.vars)-1]
		}
	}
}

func (c *compiler) forExpr(e *hclsyntax.ForExpr) term {
	over := c.expr(e.CollExpr)
	if over.kinds.Never(List | Map | Sets) {
		c.fails(diag.Error(over.rng, "Nothing to loop over", "%s is always %s, not a list, a map or a set.", capital(over.name), over.kinds))
	}
	n := &forNode{over: over, group: e.Group, keySlot: -1, rng: e.SrcRange}
	if e.KeyVar != "" {
		keys := Number | String | Binary
		switch over.kinds &^ Null {
		case List:
			keys = Number
		case Map:
			keys = String
		}
		n.keySlot = c.define(variable{e.KeyVar, keys, over.secret})
	}
	n.valSlot = c.define(variable{e.ValVar, Unknown, over.secret})
	t := term{node: n, kinds: List, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	// The body of an empty collection is never evaluated.
	if v, ok := over.value(); ok && len(v.Elems())+len(v.Fields()) == 0 {
		c.quiet++
		defer func() { c.quiet-- }()
	}
	if e.CondExpr != nil {
		cond := c.expr(e.CondExpr)
		c.wantBool(cond)
		n.cond = &cond
		t.uses(cond)
	}
	if e.KeyExpr != nil {
		key := c.expr(e.KeyExpr)
		n.key, t.kinds = &key, Map
		t.uses(key)
	}
	value := c.expr(e.ValExpr)
	n.value = &value
	t.uses(value)
	c.undefine(&t, n.valSlot, n.keySlot)
	t.uses(over)
	return c.fold(t)
}

// splatNode is x[*].y: of null an empty list, of something that is not a list
// or a set a list of that one.
type splatNode struct {
	over, each term
	slot       int
}

func (n *splatNode) eval(f *frame) (attr.Value, error) {
	v, err := n.over.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	elems := []attr.Value{v}
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return attr.ListValue(nil), nil
	case attr.List:
		elems = v.Elems()
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		elems = sortedSet(v)
	}
	if err := f.makes(elementBytes*len(elems), n.over.rng); err != nil {
		return attr.Value{}, err
	}
	out := make([]attr.Value, len(elems))
	for i, elem := range elems {
		f.slots[n.slot] = elem
		if out[i], err = n.each.eval(f); err != nil {
			return attr.Value{}, err
		}
	}
	return attr.ListValue(out), nil
}

func (c *compiler) splat(e *hclsyntax.SplatExpr) term {
	over := c.expr(e.Source)
	slot := c.define(variable{kinds: Unknown, secret: over.secret})
	c.anon[e.Item] = slot
	each := c.expr(e.Each)
	t := term{kinds: List, rng: e.SrcRange, name: c.nameOf(e.SrcRange)}
	t.node = &splatNode{over, each, slot}
	t.uses(each)
	c.undefine(&t, slot)
	t.uses(over)
	return c.fold(t)
}
