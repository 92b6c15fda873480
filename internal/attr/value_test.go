package attr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func num(text string) Value { return Value{kind: Number, text: text} }

func mustSet(t interface{ Fatal(...any) }, kind Kind, elems ...Value) Value {
	v, err := SetValue(kind, elems)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSetValue(t *testing.T) {
	a, b := StringValue("a"), StringValue("b")
	v := mustSet(t, StringSet, a, b, StringValue(""))
	if v.Kind() != StringSet || len(v.Elems()) != 3 {
		t.Errorf("got %v", v)
	}
	many := make([]Value, 3*manyUniques)
	for i := range many {
		many[i] = num(strings.Repeat("1", i%38+1) + strings.Repeat("0", i/38))
	}
	mustSet(t, NumberSet, many...)
	for name, c := range map[string]struct {
		kind  Kind
		elems []Value
		want  string
	}{
		"empty":             {StringSet, nil, "at least one element"},
		"other kind":        {StringSet, []Value{a, num("1")}, "element 1 of a string_set is a number"},
		"twice":             {StringSet, []Value{a, b, a}, `element "a" twice`},
		"twice by value":    {NumberSet, []Value{num("1"), num("1.0")}, `element "1.0" twice`},
		"twice as bytes":    {BinarySet, []Value{BinaryValue("x"), BinaryValue("x")}, `element "eA==" twice`},
		"twice among many":  {NumberSet, append(append([]Value{}, many...), num("1e0")), "twice"},
		"not a kind of set": {List, []Value{a}, "list is no kind of set"},
		"null":              {StringSet, []Value{NullValue()}, "is a null"},
	} {
		if _, err := SetValue(c.kind, c.elems); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestEqual(t *testing.T) {
	wide := func(n string, reverse bool) Value {
		var fields []Field
		for i := range 2 * manyFields {
			fields = append(fields, Field{Name: strings.Repeat("x", i), Value: num(n)})
		}
		if reverse {
			for i, j := 0, len(fields)-1; i < j; i, j = i+1, j-1 {
				fields[i], fields[j] = fields[j], fields[i]
			}
		}
		return MapValue(fields)
	}
	m := func(f ...Field) Value { return MapValue(f) }
	f := func(name string, v Value) Field { return Field{Name: name, Value: v} }
	for name, c := range map[string]struct {
		a, b Value
		want bool
	}{
		"absent":              {Value{}, Value{}, true},
		"absent, null":        {Value{}, NullValue(), false},
		"null":                {NullValue(), NullValue(), true},
		"numbers by value":    {num("1"), num("1.0"), true},
		"zeros":               {num("0"), num("-0.0"), true},
		"other numbers":       {num("1"), num("-1"), false},
		"number, string":      {num("1"), StringValue("1"), false},
		"string, binary":      {StringValue("a"), BinaryValue("a"), false},
		"bools":               {BoolValue(true), BoolValue(false), false},
		"lists":               {ListValue([]Value{num("1"), num("2")}), ListValue([]Value{num("1.0"), num("2")}), true},
		"order of lists":      {ListValue([]Value{num("1"), num("2")}), ListValue([]Value{num("2"), num("1")}), false},
		"sets":                {mustSet(t, NumberSet, num("1"), num("2")), mustSet(t, NumberSet, num("2.0"), num("1")), true},
		"other sets":          {mustSet(t, NumberSet, num("1")), mustSet(t, NumberSet, num("2")), false},
		"maps":                {m(f("a", num("1")), f("b", num("2"))), m(f("b", num("2.0")), f("a", num("1"))), true},
		"a map with more":     {m(f("a", num("1"))), m(f("a", num("1")), f("b", NullValue())), false},
		"null of another key": {m(f("a", NullValue())), m(f("b", NullValue())), false},
		"wide maps":           {wide("1", false), wide("1.0", true), true},
		"other wide maps":     {wide("1", false), wide("2", true), false},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("%s: Equal = %t", name, got)
		}
		if got := string(KeyBytes(nil, c.a)) == string(KeyBytes(nil, c.b)); got != c.want {
			t.Errorf("%s: the same KeyBytes: %t", name, got)
		}
	}
}

func TestString(t *testing.T) {
	for want, v := range map[string]Value{
		"absent": {}, "null": NullValue(), `"a\"b"`: StringValue(`a"b`), "1.0": num("1.0"), `{"a":[true]}`: MapValue([]Field{{"a", ListValue([]Value{BoolValue(true)})}}),
		`"` + strings.Repeat("é", 29) + "...": StringValue(strings.Repeat("é", 100)),
	} {
		if got := v.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAbsentWithinAValue(t *testing.T) {
	v := ListValue([]Value{{}, MapValue([]Field{{"a", Value{}}})})
	if got := string(AppendDynamoJSON(nil, v)); got != `{"L":[{"NULL":true},{"M":{"a":{"NULL":true}}}]}` {
		t.Errorf("got %s", got)
	}
}

func TestKeyBytesFollowEachOther(t *testing.T) {
	pair := func(a, b string) string {
		return string(KeyBytes(KeyBytes(nil, StringValue(a)), StringValue(b)))
	}
	if pair("ab", "c") == pair("a", "bc") {
		t.Error("two pairs of keys have the same bytes")
	}
}

func TestClone(t *testing.T) {
	cell := []byte(`{"M":{"a":{"L":[{"S":"x"},{"SS":["y"]}]}}}`)
	v := decodeCell(view(cell))
	own := v.Clone()
	for i := range cell {
		cell[i] = '#'
	}
	if got := string(AppendDynamoJSON(nil, own)); got != `{"M":{"a":{"L":[{"S":"x"},{"SS":["y"]}]}}}` {
		t.Errorf("got %s", got)
	}
}

// values draws any value, of that depth at most.
func values(depth int) *rapid.Generator[Value] {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z"\\/\x00-\x1f]{0,20}`))
	scalars := []*rapid.Generator[Value]{
		rapid.Map(text, StringValue),
		rapid.Map(spelled(), num),
		rapid.Map(rapid.Bool(), BoolValue),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) Value { return BinaryValue(string(b)) }),
		rapid.Just(NullValue()),
		rapid.Custom(func(t *rapid.T) Value {
			elems := rapid.SliceOfNDistinct(text, 1, 40, rapid.ID).Draw(t, "strings")
			var out []Value
			for _, e := range elems {
				out = append(out, StringValue(e))
			}
			return mustSet(t, StringSet, out...)
		}),
		rapid.Custom(func(t *rapid.T) Value {
			elems := rapid.SliceOfNDistinct(spelled(), 1, 40, CanonicalNumber).Draw(t, "numbers")
			var out []Value
			for _, e := range elems {
				out = append(out, num(e))
			}
			return mustSet(t, NumberSet, out...)
		}),
		rapid.Custom(func(t *rapid.T) Value {
			elems := rapid.SliceOfNDistinct(rapid.String(), 1, 5, rapid.ID).Draw(t, "binaries")
			var out []Value
			for _, e := range elems {
				out = append(out, BinaryValue(e))
			}
			return mustSet(t, BinarySet, out...)
		}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), ListValue),
		rapid.Custom(func(t *rapid.T) Value { return MapValue(fields(depth-1, 40).Draw(t, "fields")) }),
	)...)
}

// fields draws attributes of different names.
func fields(depth, most int) *rapid.Generator[[]Field] {
	return rapid.Custom(func(t *rapid.T) []Field {
		names := rapid.SliceOfNDistinct(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-e]`)), 0, most, rapid.ID).Draw(t, "names")
		var out []Field
		for _, n := range names {
			out = append(out, Field{Name: n, Value: values(depth).Draw(t, "value")})
		}
		return out
	})
}
