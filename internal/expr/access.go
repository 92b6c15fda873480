package expr

import (
	"math"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// rowAttr reads one attribute of the row.
type rowAttr struct{ name string }

func (n *rowAttr) eval(f *frame) (attr.Value, error) {
	return attr.Get(f.batch, n.name, f.row), nil
}

// rowMap is the row as a whole: the attributes that it has.
type rowMap struct{}

func (n *rowMap) eval(f *frame) (attr.Value, error) {
	return attr.MapValue(slices.Clone(attr.Fields(f.batch, f.row))), nil
}

// The attributes of meta.
const (
	metaSource  = "source"
	metaFile    = "file"
	metaLine    = "line"
	metaSegment = "segment"
)

// metaAttr is one attribute of meta; null where the source has no such thing.
type metaAttr struct{ name string }

func (n *metaAttr) eval(f *frame) (attr.Value, error) {
	at := f.batch.Origins().At(f.row)
	switch {
	case n.name == metaSource:
		return attr.StringValue(at.Source), nil
	case n.name == metaFile && at.File != "":
		return attr.StringValue(at.File), nil
	case n.name == metaLine && at.Line > 0:
		return attr.NumberValue(strconv.FormatInt(at.Line, 10))
	case n.name == metaSegment && at.Segment >= 0:
		return attr.NumberValue(strconv.Itoa(at.Segment))
	}
	return attr.Value{}, nil
}

// attrStep goes into a map by a name that is written.
type attrStep struct {
	from term
	name string
	rng  hcl.Range
}

func (n *attrStep) eval(f *frame) (attr.Value, error) {
	v, err := n.from.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	switch v.Kind() {
	case attr.Map:
		return v.Get(n.name), nil
	case attr.Absent, attr.Null:
		return attr.Value{}, nil
	case attr.List:
		return attr.Value{}, errorf(n.rng, "%s, which has no attribute %q: write [0] or [*] before it", n.from.is(v), n.name)
	}
	return attr.Value{}, errorf(n.rng, "%s, which has no attribute %q", n.from.is(v), n.name)
}

// indexStep goes into a map or a list by a value.
type indexStep struct {
	from, key term
	rng       hcl.Range
}

func (n *indexStep) eval(f *frame) (attr.Value, error) {
	v, err := n.from.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	k, err := n.key.eval(f)
	if err != nil {
		return attr.Value{}, err
	}
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return attr.Value{}, nil
	case attr.Map:
		name, err := n.key.text(k)
		if err != nil {
			return attr.Value{}, err
		}
		return v.Get(name), nil
	case attr.List:
		i, err := listIndex(k, &n.key)
		if err != nil || i >= len(v.Elems()) {
			return attr.Value{}, err
		}
		return v.Elems()[i], nil
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		return attr.Value{}, errorf(n.rng, "%s, which has no order: tolist(%s) gives a list to index", n.from.is(v), n.from.name)
	}
	return attr.Value{}, errorf(n.rng, "%s, which has no elements", n.from.is(v))
}

// listIndex reads a value as the index of a list: a whole number from zero.
func listIndex(k attr.Value, t *term) (int, error) {
	if k.Kind() == attr.Number || k.Kind() == attr.String {
		if i, ok := wholeNumber(k); ok {
			if i < 0 {
				return 0, t.isNot(k, "an index: a list counts from 0")
			}
			return int(min(i, math.MaxInt)), nil
		}
	}
	return 0, t.isNot(k, "an index: a whole number from 0")
}
