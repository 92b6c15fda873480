package expr

import (
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// attrLoop reads an attribute of the row.
type attrLoop struct{ name string }

func (n *attrLoop) run(m *machine, sel []int32, out *vector) {
	if c, ok := m.batch.Lookup(n.name); ok {
		loadColumn(c, m.base, sel, out)
	} else {
		for _, i := range sel {
			out.tags[i] = isAbsent
		}
	}
	if !m.batch.HasOverflow() {
		return
	}
	for _, i := range sel {
		if out.tags[i] == isAbsent {
			n.overflow(m, int(i), out)
		}
	}
}

// overflow looks for the attribute where a row has what has no column.
func (n *attrLoop) overflow(m *machine, i int, out *vector) {
	for name, cell := range record.Cells(m.batch.Overflow(m.base + i)) {
		if name == n.name {
			out.storeCell(i, view(cell))
			return
		}
	}
}

func loadColumn(c record.Column, base int, sel []int32, out *vector) {
	switch c.Type {
	case record.Bool:
		loadBools(c, base, sel, out)
	case record.String:
		loadTexts(c.Values.(*array.String), base, sel, out, isString)
	case record.Number:
		loadTexts(c.Values.(*array.String), base, sel, out, isNumber)
	default:
		loadBytes(c, base, sel, out)
	}
	if c.Values.NullN() > 0 {
		for _, i := range sel {
			if c.Absent(base + int(i)) {
				out.tags[i] = isAbsent
			}
		}
	}
	if c.Nulls != nil {
		for _, i := range sel {
			if c.Null(base + int(i)) {
				out.tags[i] = isNull
			}
		}
	}
}

func loadTexts(values *array.String, base int, sel []int32, out *vector, t tag) {
	for _, i := range sel {
		out.tags[i] = t
		out.texts[i] = values.Value(base + int(i))
	}
}

func loadBools(c record.Column, base int, sel []int32, out *vector) {
	values := c.Values.(*array.Boolean)
	for _, i := range sel {
		out.setBool(int(i), values.Value(base+int(i)))
	}
}

// loadBytes reads a binary or any column. An any column's cell is empty where
// the row has no value.
func loadBytes(c record.Column, base int, sel []int32, out *vector) {
	values := c.Values.(*array.Binary)
	for _, i := range sel {
		cell := view(values.Value(base + int(i)))
		switch {
		case c.Type == record.Binary:
			out.setText(int(i), isBinary, cell)
		case cell == "":
			out.tags[i] = isAbsent
		default:
			out.storeCell(int(i), cell)
		}
	}
}

// metaLoop reads an attribute of meta.
type metaLoop struct{ node *metaAttr }

func (n *metaLoop) run(m *machine, sel []int32, out *vector) {
	origins := m.batch.Origins()
	for _, i := range sel {
		at := origins.At(m.base + int(i))
		switch {
		case n.node.name == metaSource:
			out.setText(int(i), isString, at.Source)
		case n.node.name == metaFile && at.File != "":
			out.setText(int(i), isString, at.File)
		case n.node.name == metaLine && at.Line > 0:
			out.setSmall(int(i), small{coef: at.Line})
		case n.node.name == metaSegment && at.Segment >= 0:
			out.setSmall(int(i), small{coef: int64(at.Segment)})
		default:
			out.tags[i] = isAbsent
		}
	}
}

// attrStepLoop goes into a map by a name that is written, and decodes no more
// of the map than that.
type attrStepLoop struct {
	from operand
	name string
}

func (n *attrStepLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.from.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		switch t := v.tags[at]; {
		case t == isCell && attr.CellKind(v.texts[at]) == attr.Map:
			out.field(int(i), v.texts[at], n.name)
		case t == isValue && v.values[at].Kind() == attr.Map:
			out.store(int(i), v.values[at].Get(n.name))
		case t.null():
			out.tags[i] = isAbsent
		case t == isUndecided:
			out.tags[i] = t
		default:
			out.tags[i] = isFailure
		}
	}
}

// field sets a row to an attribute of a map.
func (v *vector) field(i int, cell, name string) {
	field, ok := attr.CellField(cell, name)
	if !ok {
		v.tags[i] = isAbsent
		return
	}
	v.storeCell(i, field)
}

// indexLoop goes into a map or a list by a value.
type indexLoop struct{ from, key operand }

func (n *indexLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.from.run(m, sel)
	k, kmask := n.key.run(m, sel)
	for _, i := range sel {
		at, by := int(i)&mask, int(i)&kmask
		t, kt := v.tags[at], k.tags[by]
		switch {
		case !t.decided() || !kt.decided():
			out.tags[i] = worse(t, kt)
		case t.null():
			out.tags[i] = isAbsent
		case t == isCell && kt == isString && attr.CellKind(v.texts[at]) == attr.Map:
			out.field(int(i), v.texts[at], k.texts[by])
		case t == isCell && attr.CellKind(v.texts[at]) == attr.List:
			out.element(int(i), v.texts[at], k, by)
		default:
			out.tags[i] = isUndecided
		}
	}
}

// element sets a row to an element of a list.
func (v *vector) element(i int, cell string, k *vector, by int) {
	n, t := k.number(by)
	index, whole := n.index()
	if t != isSmall || !whole || index < 0 {
		v.tags[i] = isUndecided
		return
	}
	elem, ok := attr.CellElem(cell, int(index))
	if !ok {
		v.tags[i] = isAbsent
		return
	}
	v.storeCell(i, elem)
}
