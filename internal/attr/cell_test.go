package attr

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Looking into a cell finds what is in the value that it decodes to.
func TestCellsAreLookedInto(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		cell := string(AppendDynamoJSON(nil, v))
		if got := CellKind(cell); got != v.Kind() {
			t.Fatalf("%s is a %s, got %s", cell, v.Kind(), got)
		}
		if kind, text, ok := CellText(cell); ok && (kind != v.Kind() || text != v.Text()) {
			t.Fatalf("%s is %v, got %s %q", cell, v, kind, text)
		} else if !ok && v.Kind() == Number {
			t.Fatalf("%s: no text", cell)
		}
		v = Decode(cell)
		switch v.Kind() {
		case Map:
			for _, f := range v.Fields() {
				found, ok := CellField(cell, f.Name)
				if !ok || !Equal(Decode(found), v.Get(f.Name)) {
					t.Fatalf("%s has under %q %v, found %s", cell, f.Name, v.Get(f.Name), found)
				}
			}
			if found, ok := CellField(cell, "no such name"); ok {
				t.Fatalf("%s: found %s", cell, found)
			}
			lengthIs(t, cell, len(v.Fields()))
		case List:
			for i, e := range v.Elems() {
				found, ok := CellElem(cell, i)
				if !ok || !Equal(Decode(found), e) {
					t.Fatalf("%s has at %d %v, found %s", cell, i, e, found)
				}
			}
			if found, ok := CellElem(cell, len(v.Elems())); ok {
				t.Fatalf("%s: found %s beyond the end", cell, found)
			}
			lengthIs(t, cell, len(v.Elems()))
		case StringSet, NumberSet, BinarySet:
			lengthIs(t, cell, len(v.Elems()))
		}
	})
}

func lengthIs(t *rapid.T, cell string, want int) {
	if got := CellLength(cell); got != want {
		t.Fatalf("%s has %d, got %d", cell, want, got)
	}
}

// What a maker is given comes back from its column, and the next column starts
// from nothing.
func TestColumnMaker(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	var m ColumnMaker
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOfN(rapid.OneOf(rapid.Just(Value{}), rapid.Just(NullValue()), values(0), values(1)), 0, 30).Draw(t, "values")
		for i, v := range given {
			switch kind := v.Kind(); {
			case kind == Absent && i%2 == 0:
				m.Absent()
			case kind == Null && i%2 == 0:
				m.Null()
			case kind == Bool && i%2 == 0:
				m.Bool(v.True())
			case columnType(kind) != record.Any && kind > Null && kind != Bool && i%2 == 0:
				m.Text(columnType(kind), v.Text())
			case kind >= StringSet && i%2 == 0:
				m.Cell(string(AppendDynamoJSON(nil, v)))
			default:
				m.Value(v)
			}
		}
		c := m.Column(mem, "x")
		defer c.Values.Release()
		if c.Values.Len() != len(given) || c.Name != "x" {
			t.Fatalf("%d rows of %s, want %d", c.Values.Len(), c.Name, len(given))
		}
		for row, v := range given {
			if got := At(c, row); !Equal(got, v) {
				t.Fatalf("row %d is %v, want %v", row, got, v)
			}
		}
		if m.Bytes() != 0 {
			t.Fatalf("%d bytes are left", m.Bytes())
		}
	})
}

// AppendNumber is CanonicalNumber without a text of its own.
func TestAppendNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(spelled(), rapid.StringMatching(`[-+]?[0-9]{0,5}[.e]?[0-9]{0,3}`)).Draw(t, "text")
		if got, want := string(AppendNumber([]byte("x"), text)), "x"+CanonicalNumber(text); got != want {
			t.Fatalf("%s: got %s, want %s", text, got, want)
		}
	})
}
