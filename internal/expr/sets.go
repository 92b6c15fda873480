package expr

import (
	"github.com/dynapipe/dynapipe/internal/attr"
)

func setFunctions() []*fn {
	sets := &param{name: "sets", class: sequence, null: true}
	const empty = " Null is the empty set, and an empty result is null: DynamoDB has no empty set and drops an attribute whose set becomes empty."
	return []*fn{{
		name: "setintersection", rest: sets, least: 1, result: Sets | Null, run: setIntersection,
		description: "The set of what is in all the sets or lists." + empty,
		example:     `setintersection(["a", "b"], ["b", "c"]) -> string_set(["b"])`,
	}, {
		name: "setproduct", rest: &param{name: "lists", class: sequence}, least: 2, result: List, run: setProduct,
		description: "Every combination of one element of each list, as a list of lists.",
		example:     `setproduct(["a", "b"], [1, 2]) -> [["a", 1], ["a", 2], ["b", 1], ["b", 2]]`,
	}, {
		name: "setsubtract", params: []param{{name: "a", class: sequence, null: true}, {name: "b", class: sequence, null: true}}, result: Sets | Null, run: setSubtract,
		description: "The set of what is in a and not in b." + empty,
		example:     `setsubtract(["a", "b"], ["b"]) -> string_set(["a"])`,
	}, {
		name: "setunion", rest: sets, least: 1, result: Sets | Null, run: setUnion,
		description: "The set of what is in any of the sets or lists." + empty,
		example:     `setunion(["a"], ["b", "a"]) -> string_set(["a", "b"])`,
	}}
}

// orNull is the set of different elements; null when there are none.
func orNull(elems []attr.Value) (attr.Value, error) {
	if len(elems) == 0 {
		return attr.Value{}, nil
	}
	return setOf(0, elems)
}

func setUnion(c *call) (attr.Value, error) {
	all, err := concat(c)
	if err != nil {
		return attr.Value{}, err
	}
	return orNull(distinctValues(all.Elems()))
}

func setIntersection(c *call) (attr.Value, error) {
	out := attr.ListValue(distinctValues(c.args[0].Elems()))
	for _, other := range c.args[1:] {
		in := keySet(other)
		out = keep(out, func(v attr.Value) bool { return in[string(attr.KeyBytes(nil, v))] })
	}
	return orNull(out.Elems())
}

func setSubtract(c *call) (attr.Value, error) {
	in := keySet(c.args[1])
	out := keep(c.args[0], func(v attr.Value) bool { return !in[string(attr.KeyBytes(nil, v))] })
	return orNull(distinctValues(out.Elems()))
}

// keySet is the elements of a list as a Go set.
func keySet(list attr.Value) map[string]bool {
	out := make(map[string]bool, len(list.Elems()))
	for _, v := range list.Elems() {
		out[string(attr.KeyBytes(nil, v))] = true
	}
	return out
}

func setProduct(c *call) (attr.Value, error) {
	total := 1
	for _, list := range c.args {
		if total *= len(list.Elems()); total > MaxElements/len(c.args) {
			return attr.Value{}, errTooMany
		}
	}
	out := make([]attr.Value, total)
	for n := range out {
		row := make([]attr.Value, len(c.args))
		rest := n
		for i := len(row) - 1; i >= 0; i-- {
			elems := c.args[i].Elems()
			row[i] = elems[rest%len(elems)]
			rest /= len(elems)
		}
		out[n] = attr.ListValue(row)
	}
	return attr.ListValue(out), nil
}
