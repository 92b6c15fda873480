package expr

import (
	"errors"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func conversionFunctions() []*fn {
	value := []param{{name: "value", class: anything, null: true}}
	return []*fn{{
		name: "can", params: value, lazy: true, result: Bool,
		description: "Whether the expression can be evaluated without an error.",
		example:     `can(tonumber("abc")) -> false`,
	}, {
		name: "try", rest: &param{name: "expressions", class: anything, null: true}, least: 1, lazy: true, result: Unknown,
		description: "The value of the first expression that can be evaluated without an error.",
		example:     `try(tonumber("abc"), 0) -> 0`,
	}, {
		name: "tobool", params: value, result: Bool | Null, run: toBool,
		description: `The value as a bool: a bool, or the text "true" or "false". Null stays null.`,
		example:     `tobool("true") -> true`,
	}, {
		name: "tonumber", params: value, result: Number | Null, run: toNumber,
		description: "The value as a number: a number, or a text that is one. Null stays null.",
		example:     `tonumber("12.50") -> 12.50`,
	}, {
		name: "tostring", params: value, result: String | Null, run: toString,
		description: "The value as text: a string, a bool, or a number in plain decimal. Null stays null.",
		example:     `tostring(1.50) -> "1.5"`,
	}, {
		name: "tolist", params: []param{{name: "value", class: sequence, null: true}}, result: List | Null, run: same1,
		description: "A set as the list of its elements, in order; a list as it is. Null stays null.",
		example:     `tolist(toset(["b", "a"])) -> ["a", "b"]`,
	}, {
		name: "tomap", params: []param{{name: "value", class: mapping, null: true}}, result: Map | Null, run: same1,
		description: "The map, as it is: a way to say that nothing else is expected. Null stays null.",
		example:     `tomap({ a = 1 }) -> { a = 1 }`,
	}, {
		name: "toset", params: []param{{name: "value", class: sequence, null: true}}, result: Sets | Null, run: toSet,
		description: "A list as a set, each element once. Its elements are all texts, all numbers or all binaries; DynamoDB has no empty set. Null stays null.",
		example:     `toset(["b", "a", "b"]) -> string_set(["a", "b"])`,
	}}
}

func same1(c *call) (attr.Value, error) { return c.args[0], nil }

// converted is the argument of tobool and its like, that may be null.
func converted(c *call, to class) (attr.Value, error) {
	return (&param{class: to, null: true}).convert(0, c.args[0])
}

func toBool(c *call) (attr.Value, error)   { return converted(c, boolean) }
func toNumber(c *call) (attr.Value, error) { return converted(c, numeric) }
func toString(c *call) (attr.Value, error) { return converted(c, text) }

func toSet(c *call) (attr.Value, error) {
	if c.args[0].IsNull() {
		return c.args[0], nil
	}
	return setOf(0, distinctValues(c.args[0].Elems()))
}

// setOf makes a set of different elements of one kind.
func setOf(arg int, elems []attr.Value) (attr.Value, error) {
	if len(elems) == 0 {
		return attr.Value{}, errEmptySet
	}
	kind, ok := setKind(elems[0].Kind())
	if !ok {
		return attr.Value{}, bad(arg, "a list of texts, numbers or binaries, which DynamoDB has sets of")
	}
	for _, e := range elems {
		if e.Kind() != elems[0].Kind() {
			return attr.Value{}, bad(arg, "a list of one kind of value, as a set has")
		}
	}
	return attr.SetValue(kind, elems)
}

var errEmptySet = errors.New("DynamoDB has no empty set: leave the attribute out, with null")

// setKind is the kind of a set of such elements.
func setKind(elem attr.Kind) (attr.Kind, bool) {
	switch elem {
	case attr.String:
		return attr.StringSet, true
	case attr.Number:
		return attr.NumberSet, true
	case attr.Binary:
		return attr.BinarySet, true
	}
	return 0, false
}

// distinctValues is the values, each once, in the order they came first.
func distinctValues(values []attr.Value) []attr.Value {
	seen := make(map[string]bool, len(values))
	out := make([]attr.Value, 0, len(values))
	for _, v := range values {
		if key := string(attr.KeyBytes(nil, v)); !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}
