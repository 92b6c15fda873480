package expr

import (
	"errors"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func mapFunctions() []*fn {
	m := []param{{name: "map", class: mapping}}
	return []*fn{{
		name: "keys", params: m, result: List, run: keys,
		description: "The names in the map, in the order of their bytes.",
		example:     `keys({ b = 1, a = 2 }) -> ["a", "b"]`,
	}, {
		name: "lookup", params: []param{{name: "map", class: mapping}, {name: "key", class: text}, {name: "default", class: anything, null: true}}, optional: 1, result: Unknown, run: lookup,
		description: "The value under the key, or the default when there is none. Without a default that is an error.",
		example:     `lookup({ a = 1 }, "b", 0) -> 0`,
	}, {
		name: "matchkeys", params: []param{{name: "values", class: sequence}, {name: "keys", class: sequence}, {name: "search", class: sequence}}, result: List, run: matchKeys,
		description: "The values whose key, at the same index, is one that is searched for.",
		example:     `matchkeys(["x", "y"], ["a", "b"], ["b"]) -> ["y"]`,
	}, {
		name: "merge", rest: &param{name: "maps", class: mapping, null: true}, result: Map, run: merge,
		description: "All the maps as one. Of equal names the last one counts; null counts as an empty map.",
		example:     `merge({ a = 1 }, { a = 2, b = 3 }) -> { a = 2, b = 3 }`,
	}, {
		name: "transpose", params: m, result: Map, run: transpose,
		description: "For a map of lists of texts: each text of the lists, with the list of the names it was under.",
		example:     `transpose({ a = ["x", "y"], b = ["x"] }) -> { x = ["a", "b"], y = ["a"] }`,
	}, {
		name: "values", params: m, result: List, run: mapValues,
		description: "The values in the map, in the order of their names' bytes.",
		example:     `values({ b = 1, a = 2 }) -> [2, 1]`,
	}, {
		name: "zipmap", params: []param{{name: "keys", class: sequence}, {name: "values", class: sequence}}, result: Map, run: zipMap,
		description: "A map of the keys, each with the value at its index.",
		example:     `zipmap(["a", "b"], [1, 2]) -> { a = 1, b = 2 }`,
	}}
}

func keys(c *call) (attr.Value, error) {
	fields := c.args[0].Sorted()
	out := make([]attr.Value, len(fields))
	for i, f := range fields {
		out[i] = attr.StringValue(f.Name)
	}
	return attr.ListValue(out), nil
}

func mapValues(c *call) (attr.Value, error) {
	fields := c.args[0].Sorted()
	out := make([]attr.Value, len(fields))
	for i, f := range fields {
		out[i] = f.Value
	}
	return attr.ListValue(out), nil
}

func lookup(c *call) (attr.Value, error) {
	switch v := c.args[0].Get(c.args[1].Text()); {
	case v.Kind() != attr.Absent:
		return v, nil
	case len(c.args) > 2:
		return c.args[2], nil
	}
	return attr.Value{}, errors.New("the map does not have the key, and there is no default")
}

func matchKeys(c *call) (attr.Value, error) {
	values, keys := c.args[0].Elems(), c.args[1].Elems()
	if len(values) != len(keys) {
		return attr.Value{}, bad(1, "a list as long as that of the values")
	}
	wanted := make(map[string]bool, len(c.args[2].Elems()))
	for _, v := range c.args[2].Elems() {
		wanted[string(attr.KeyBytes(nil, v))] = true
	}
	out := []attr.Value{}
	for i, k := range keys {
		if wanted[string(attr.KeyBytes(nil, k))] {
			out = append(out, values[i])
		}
	}
	return attr.ListValue(out), nil
}

func merge(c *call) (attr.Value, error) {
	m := newMapBuilder(0)
	for _, arg := range c.args {
		for _, f := range arg.Fields() {
			m.set(f.Name, f.Value)
		}
	}
	return m.value(), nil
}

func transpose(c *call) (attr.Value, error) {
	m := newMapBuilder(0)
	names := map[string][]attr.Value{}
	for _, f := range c.args[0].Sorted() {
		list, err := (&param{class: sequence}).convert(0, f.Value)
		if err != nil {
			return attr.Value{}, bad(0, "a map of lists of texts")
		}
		for _, e := range list.Elems() {
			s, ok := scalarText(e)
			if !ok {
				return attr.Value{}, bad(0, "a map of lists of texts")
			}
			names[s] = append(names[s], attr.StringValue(f.Name))
			m.set(s, attr.Value{})
		}
	}
	for i := range m.fields {
		m.fields[i].Value = attr.ListValue(names[m.fields[i].Name])
	}
	return m.value(), nil
}

func zipMap(c *call) (attr.Value, error) {
	keys, values := c.args[0].Elems(), c.args[1].Elems()
	if len(values) != len(keys) {
		return attr.Value{}, bad(1, "a list as long as that of the keys")
	}
	m := newMapBuilder(len(keys))
	for i, k := range keys {
		name, ok := scalarText(k)
		if !ok {
			return attr.Value{}, bad(0, "a list of texts")
		}
		m.set(name, values[i])
	}
	return m.value(), nil
}
