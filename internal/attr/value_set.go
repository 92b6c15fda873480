package attr

import "fmt"

// SetValue is a set of that kind, which takes over elems. Elements of another
// kind, an element twice (numbers by value) and an empty set are errors, as
// they are to DynamoDB.
func SetValue(kind Kind, elems []Value) (Value, error) {
	if kind != StringSet && kind != NumberSet && kind != BinarySet {
		return Value{}, fmt.Errorf("%s is no kind of set", kind)
	}
	if len(elems) == 0 {
		return Value{}, fmt.Errorf("a %s has at least one element: leave the attribute out, or set it to null", kind)
	}
	var seen uniques
	seen.push()
	var key []byte
	for i, e := range elems {
		if want := elementKind(kind); e.kind != want {
			return Value{}, fmt.Errorf("element %d of a %s is a %s, not a %s", i, kind, e.kind, want)
		}
		if key = KeyBytes(key[:0], e); !seen.add(key) {
			return Value{}, fmt.Errorf("a %s can't have the element %s twice", kind, shorten(string(appendText(nil, e.kind, e.text))))
		}
	}
	return Value{kind: kind, elems: elems}, nil
}
