package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func listFunctions() []*fn {
	list := []param{{name: "list", class: sequence}}
	return []*fn{{
		name: "alltrue", params: list, result: Bool, run: quantifier(false),
		description: "Whether every element of the list is true. Null counts as false; an empty list gives true.",
		example:     `alltrue([true, "true"]) -> true`,
	}, {
		name: "anytrue", params: list, result: Bool, run: quantifier(true),
		description: "Whether an element of the list is true. Null counts as false; an empty list gives false.",
		example:     `anytrue([false, true]) -> true`,
	}, {
		name: "chunklist", params: []param{{name: "list", class: sequence}, {name: "size", class: numeric}}, result: List, run: chunkList,
		description: "The list cut into lists of that size; the last may be shorter. Size 0 gives one list of all.",
		example:     `chunklist(["a", "b", "c"], 2) -> [["a", "b"], ["c"]]`,
	}, {
		name: "coalesce", rest: &param{name: "values", class: anything, null: true}, least: 1, infer: coalesceKinds, result: Unknown &^ Null, run: coalesce,
		description: "The first of the values that is neither null nor an empty text. An error when there is none.",
		example:     `coalesce(row.missing, "", "none") -> "none"`,
	}, {
		name: "coalescelist", rest: &param{name: "lists", class: sequence, null: true}, least: 1, result: List, run: coalesceList,
		description: "The first of the lists that is neither null nor empty. An error when there is none.",
		example:     `coalescelist([], ["a"]) -> ["a"]`,
	}, {
		name: "compact", params: list, result: List, run: compact,
		description: "The list without nulls and empty texts.",
		example:     `compact(["a", "", null, "b"]) -> ["a", "b"]`,
	}, {
		name: "concat", rest: &param{name: "lists", class: sequence}, least: 1, result: List, run: concat,
		description: "The elements of all the lists, as one list.",
		example:     `concat(["a"], ["b", "c"]) -> ["a", "b", "c"]`,
	}, {
		name: "contains", params: []param{{name: "in", class: anything}, {name: "value", class: anything, null: true}}, result: Bool, run: contains,
		description: "Whether the value is an element of the list or set, or a part of the text. As ==, it converts nothing.",
		example:     `contains(["a", "b"], "a") -> true`,
	}, {
		name: "distinct", params: list, result: List, run: distinct,
		description: "The list with each value once, where it came first.",
		example:     `distinct(["a", "b", "a"]) -> ["a", "b"]`,
	}, {
		name: "element", params: []param{{name: "list", class: sequence}, {name: "index", class: numeric}}, result: Unknown, run: element,
		description: "The element at the index. One beyond the end goes on from the beginning, a negative one counts from the end.",
		example:     `element(["a", "b", "c"], 3) -> "a"`,
	}, {
		name: "flatten", params: list, result: List, run: flatten,
		description: "The list with the elements of the lists in it in their place, at any depth.",
		example:     `flatten([["a"], ["b", ["c"]]]) -> ["a", "b", "c"]`,
	}, {
		name: "index", params: []param{{name: "list", class: sequence}, {name: "value", class: anything, null: true}}, result: Number, run: indexOf,
		description: "The index of the first element equal to the value. An error when there is none.",
		example:     `index(["a", "b"], "b") -> 1`,
	}, {
		name: "length", params: []param{{name: "value", class: anything}}, result: Number, run: length,
		description: "The number of elements of a list, map or set, of code points of a text, or of bytes of a binary.",
		example:     `length(["a", "b"]) -> 2`,
	}, {
		name: "one", params: list, result: Unknown, run: one,
		description: "The only element of the list, or null when the list is empty. More elements are an error.",
		example:     `one(["a"]) -> "a"`,
	}, {
		name: "range", params: []param{{name: "start", class: numeric}, {name: "limit", class: numeric}, {name: "step", class: numeric}}, optional: 2, result: List, run: rangeList,
		description: "The numbers from start (0 when only one argument is given) up to and without the limit, by steps of 1 or what is given.",
		example:     `range(1, 4) -> [1, 2, 3]`,
	}, {
		name: "reverse", params: list, result: List, run: reverse,
		description: "The elements of the list from the last to the first.",
		example:     `reverse([1, 2, 3]) -> [3, 2, 1]`,
	}, {
		name: "slice", params: []param{{name: "list", class: sequence}, {name: "start", class: numeric}, {name: "end", class: numeric}}, result: List, run: slice,
		description: "The elements from the start index up to and without the end index.",
		example:     `slice(["a", "b", "c"], 1, 2) -> ["b"]`,
	}, {
		name: "sort", params: list, result: List, run: sortTexts,
		description: "The elements of the list as texts, in the order of their bytes.",
		example:     `sort(["b", "a"]) -> ["a", "b"]`,
	}}
}

func quantifier(stop bool) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) {
		for _, e := range c.args[0].Elems() {
			v, err := (&param{class: boolean, null: true}).convert(0, e)
			if err != nil {
				return attr.Value{}, bad(0, "a list of bools")
			}
			if v.True() == stop {
				return attr.BoolValue(stop), nil
			}
		}
		return attr.BoolValue(!stop), nil
	}
}

func chunkList(c *call) (attr.Value, error) {
	size, err := c.whole(1)
	elems := c.args[0].Elems()
	switch {
	case err != nil || size < 0:
		return attr.Value{}, bad(1, "a whole number from 0")
	case len(elems) == 0:
		return c.args[0], nil
	case size == 0 || size > int64(len(elems)):
		size = int64(len(elems))
	}
	var out []attr.Value
	for chunk := range slices.Chunk(elems, int(size)) {
		out = append(out, attr.ListValue(chunk))
	}
	return attr.ListValue(out), nil
}

func coalesceKinds(args []term) Kinds {
	var k Kinds
	for i := range args {
		k |= args[i].kinds
	}
	return k &^ Null
}

func coalesce(c *call) (attr.Value, error) {
	for _, v := range c.args {
		if !v.IsNull() && !(v.Kind() == attr.String && v.Text() == "") {
			return v, nil
		}
	}
	return attr.Value{}, errors.New("every value is null or an empty text")
}

func coalesceList(c *call) (attr.Value, error) {
	for _, v := range c.args {
		if len(v.Elems()) > 0 {
			return v, nil
		}
	}
	return attr.Value{}, errors.New("every list is null or empty")
}

func compact(c *call) (attr.Value, error) {
	return keep(c.args[0], func(v attr.Value) bool {
		return !v.IsNull() && !(v.Kind() == attr.String && v.Text() == "")
	}), nil
}

// keep is the list of the elements that are wanted.
func keep(list attr.Value, want func(attr.Value) bool) attr.Value {
	out := make([]attr.Value, 0, len(list.Elems()))
	for _, e := range list.Elems() {
		if want(e) {
			out = append(out, e)
		}
	}
	return attr.ListValue(out)
}

func concat(c *call) (attr.Value, error) {
	var out []attr.Value
	for _, list := range c.args {
		if out = append(out, list.Elems()...); len(out) > MaxElements {
			return attr.Value{}, errTooMany
		}
	}
	return attr.ListValue(out), nil
}

func contains(c *call) (attr.Value, error) {
	in, want := c.args[0], c.args[1]
	switch in.Kind() {
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
		return attr.BoolValue(slices.ContainsFunc(in.Elems(), func(e attr.Value) bool { return same(e, want) })), nil
	case attr.String:
		if want.Kind() != attr.String {
			return attr.Value{}, bad(1, "text, as what it is looked for in")
		}
		return attr.BoolValue(strings.Contains(in.Text(), want.Text())), nil
	}
	return attr.Value{}, bad(0, "a list, a set or a text")
}

func distinct(c *call) (attr.Value, error) {
	return attr.ListValue(distinctValues(c.args[0].Elems())), nil
}

func element(c *call) (attr.Value, error) {
	elems := c.args[0].Elems()
	i, err := c.whole(1)
	if err != nil {
		return attr.Value{}, err
	}
	if len(elems) == 0 {
		return attr.Value{}, bad(0, "a list with elements")
	}
	n := int64(len(elems))
	return elems[(i%n+n)%n], nil
}

func flatten(c *call) (attr.Value, error) {
	out := appendFlat(nil, c.args[0])
	if len(out) > MaxElements {
		return attr.Value{}, errTooMany
	}
	return attr.ListValue(out), nil
}

func appendFlat(out []attr.Value, list attr.Value) []attr.Value {
	for _, e := range list.Elems() {
		switch e.Kind() {
		case attr.List:
			out = appendFlat(out, e)
		case attr.StringSet, attr.NumberSet, attr.BinarySet:
			out = append(out, sortedSet(e)...)
		default:
			out = append(out, e)
		}
		if len(out) > MaxElements {
			break
		}
	}
	return out
}

func indexOf(c *call) (attr.Value, error) {
	i := slices.IndexFunc(c.args[0].Elems(), func(e attr.Value) bool { return same(e, c.args[1]) })
	if i < 0 {
		return attr.Value{}, errors.New("the value is not in the list")
	}
	return intValue(i), nil
}

func length(c *call) (attr.Value, error) {
	switch v := c.args[0]; v.Kind() {
	case attr.String:
		return intValue(utf8.RuneCountInString(v.Text())), nil
	case attr.Binary:
		return intValue(len(v.Text())), nil
	case attr.Map:
		return intValue(len(v.Fields())), nil
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
		return intValue(len(v.Elems())), nil
	}
	return attr.Value{}, bad(0, "a list, a map, a set, a text or a binary")
}

func one(c *call) (attr.Value, error) {
	switch elems := c.args[0].Elems(); len(elems) {
	case 0:
		return attr.Value{}, nil
	case 1:
		return elems[0], nil
	}
	return attr.Value{}, bad(0, "a list of at most one element")
}

func rangeList(c *call) (attr.Value, error) {
	start, step := number("0"), number("1")
	limit := c.args[0]
	if len(c.args) > 1 {
		start, limit = c.args[0], c.args[1]
		if attr.CompareNumbers(limit.Text(), start.Text()) < 0 {
			step = number("-1")
		}
	}
	if len(c.args) > 2 {
		step = c.args[2]
	}
	sign := attr.CompareNumbers(step.Text(), "0")
	if sign == 0 {
		return attr.Value{}, bad(2, "a step, which is above or below zero")
	}
	if len(c.args) == 3 && attr.CompareNumbers(limit.Text(), start.Text())*sign < 0 {
		return attr.Value{}, bad(2, "a step that leads from the start to the limit")
	}
	var out []attr.Value
	for at := start; attr.CompareNumbers(at.Text(), limit.Text())*sign < 0; {
		if len(out) == maxRange {
			return attr.Value{}, fmt.Errorf("the list would have more than %d elements", maxRange)
		}
		out = append(out, at)
		next, err := addNumbers(at.Text(), step.Text())
		if err != nil {
			return attr.Value{}, err
		}
		at = next
	}
	return attr.ListValue(out), nil
}

// maxRange bounds what range() makes.
const maxRange = 1 << 16

func reverse(c *call) (attr.Value, error) {
	out := slices.Clone(c.args[0].Elems())
	slices.Reverse(out)
	return attr.ListValue(out), nil
}

func slice(c *call) (attr.Value, error) {
	elems := c.args[0].Elems()
	start, err := c.whole(1)
	if err != nil || start < 0 || start > int64(len(elems)) {
		return attr.Value{}, bad(1, "an index within the list")
	}
	end, err := c.whole(2)
	if err != nil || end < start || end > int64(len(elems)) {
		return attr.Value{}, bad(2, "an index from the start to the length of the list")
	}
	return attr.ListValue(slices.Clone(elems[start:end])), nil
}

func sortTexts(c *call) (attr.Value, error) {
	out := make([]string, len(c.args[0].Elems()))
	for i, e := range c.args[0].Elems() {
		s, ok := scalarText(e)
		if !ok {
			return attr.Value{}, bad(0, "a list of texts")
		}
		out[i] = s
	}
	slices.Sort(out)
	return textList(out), nil
}
