package expr

import (
	"encoding/base64"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func dynamoFunctions() []*fn {
	list := []param{{name: "list", class: sequence}}
	return []*fn{{
		name: "binary", params: []param{{name: "base64", class: text}}, result: Binary, run: newBinary,
		description: "The bytes that the base64 stands for, as DynamoDB's binary.",
		example:     `binary("AQID") -> {"B":"AQID"}`,
	}, {
		name: "binary_set", params: list, result: BinarySet, run: setFrom(attr.Binary),
		description: "A list of binaries, or of texts in base64, as DynamoDB's binary set. An element twice and an empty list are errors.",
		example:     `binary_set(["AQID", "BAUG"]) -> {"BS":["AQID","BAUG"]}`,
	}, {
		name: "dynamodb_null", result: Kinds(1 << attr.Null), run: func(*call) (attr.Value, error) { return attr.NullValue(), nil },
		description: "DynamoDB's NULL. In set, null leaves an attribute out; this writes a NULL.",
		example:     `[dynamodb_null()] -> {"L":[{"NULL":true}]}`,
	}, {
		name: "item_size", params: []param{{name: "row", class: mapping}}, result: Number, run: itemSize,
		description: `The size in bytes of the map as an item, by DynamoDB's rule (AWS: "DynamoDB item sizes and formats").`,
		example:     `item_size({ id = "1" }) -> 3`,
	}, {
		name: "number_set", params: list, result: NumberSet, run: setFrom(attr.Number),
		description: "A list of numbers, or of texts that are numbers, as DynamoDB's number set. An element twice and an empty list are errors.",
		example:     `number_set([1, 2]) -> {"NS":["1","2"]}`,
	}, {
		name: "string_set", params: list, result: StringSet, run: setFrom(attr.String),
		description: "A list of texts as DynamoDB's string set; numbers and bools become text. An element twice and an empty list are errors: toset() takes each element once.",
		example:     `string_set(["a", "b"]) -> {"SS":["a","b"]}`,
	}}
}

func newBinary(c *call) (attr.Value, error) {
	s, err := c.fromBase64(0)
	return attr.BinaryValue(s), err
}

func setFrom(kind attr.Kind) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) {
		elems := make([]attr.Value, len(c.args[0].Elems()))
		for i, e := range c.args[0].Elems() {
			v, ok := asElement(kind, e)
			if !ok {
				return attr.Value{}, bad(0, "a list of what a set of that kind holds: element %d is %s", i, kindName(e))
			}
			elems[i] = v
		}
		if len(distinctValues(elems)) < len(elems) {
			return attr.Value{}, bad(0, "a list of different elements: distinct() drops those that come again")
		}
		return setOf(0, elems)
	}
}

func asElement(kind attr.Kind, e attr.Value) (attr.Value, bool) {
	switch kind {
	case attr.String:
		s, ok := scalarText(e)
		return attr.StringValue(s), ok
	case attr.Number:
		s, ok := numberText(e)
		if !ok {
			return attr.Value{}, false
		}
		return number(s), true
	}
	if e.Kind() == attr.String {
		data, err := base64.StdEncoding.DecodeString(e.Text())
		return attr.BinaryValue(string(data)), err == nil
	}
	return e, e.Kind() == attr.Binary
}

func itemSize(c *call) (attr.Value, error) {
	size := 0
	for _, f := range c.args[0].Fields() {
		size += len(f.Name) + f.Value.Size()
	}
	return intValue(size), nil
}
