package layout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
)

// parse is a value given as DynamoDB JSON.
func parse(t *testing.T, text string) attr.Value {
	t.Helper()
	v, err := attr.ParseDynamoJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConvert(t *testing.T) {
	number, text := Type{Kind: attr.Number}, Type{Kind: attr.String}
	numbers := Type{Kind: attr.List, Elem: &number}
	object := Type{Kind: attr.Map, Fields: []Column{{Name: "n", Type: number}}}
	for _, c := range []struct {
		to       Type
		in, want string
		fault    string
	}{
		{to: number, in: `{"S":"1.50"}`, want: `{"N":"1.50"}`},
		{to: number, in: `{"S":"one"}`, fault: "a: "},
		{to: number, in: `{"BOOL":true}`, fault: "declared number"},
		{to: number, in: `{"NULL":true}`, want: `{"NULL":true}`},
		{to: text, in: `{"N":"1.50"}`, want: `{"S":"1.50"}`},
		{to: text, in: `{"BOOL":false}`, want: `{"S":"false"}`},
		{to: text, in: `{"L":[]}`, fault: "is a list"},
		{to: Type{Kind: attr.Bool}, in: `{"S":"true"}`, want: `{"BOOL":true}`},
		{to: Type{Kind: attr.Bool}, in: `{"S":"yes"}`, fault: "declared bool"},
		{to: Type{Kind: attr.Binary}, in: `{"S":"AQI="}`, want: `{"B":"AQI="}`},
		{to: Type{Kind: attr.Binary}, in: `{"S":"?"}`, fault: "base64"},
		{to: Type{Kind: attr.StringSet}, in: `{"L":[{"S":"x"}]}`, want: `{"SS":["x"]}`},
		{to: Type{Kind: attr.StringSet}, in: `{"L":[{"S":"x"},{"S":"x"}]}`, fault: "a"},
		{to: Type{Kind: attr.StringSet}, in: `{"L":[]}`, fault: "a"},
		{to: Type{Kind: attr.List}, in: `{"NS":["1"]}`, want: `{"L":[{"N":"1"}]}`},
		{to: numbers, in: `{"L":[{"S":"1"},{"N":"2"}]}`, want: `{"L":[{"N":"1"},{"N":"2"}]}`},
		{to: numbers, in: `{"L":[{"N":"1"},{"S":"x"}]}`, fault: "a[1]"},
		{to: object, in: `{"M":{"n":{"S":"1"},"o":{"S":"1"}}}`, want: `{"M":{"n":{"N":"1"},"o":{"S":"1"}}}`},
		{to: object, in: `{"M":{"n":{"S":"x"}}}`, fault: "a.n"},
		{to: Type{}, in: `{"SS":["x"]}`, want: `{"SS":["x"]}`},
		{to: Type{Kind: attr.Number, Learned: true}, in: `{"S":"1"}`, fault: "by the first rows"},
	} {
		got, err := c.to.Convert("a", parse(t, c.in))
		var misfit *Misfit
		switch {
		case c.fault != "":
			if !errors.As(err, &misfit) || misfit.Code != CodeWrongType || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), c.fault) {
				t.Errorf("%s to %s: %v, want %q", c.in, c.to.Kind, err, c.fault)
			}
		case err != nil:
			t.Errorf("%s to %s: %v", c.in, c.to.Kind, err)
		case string(attr.AppendDynamoJSON(nil, got)) != c.want:
			t.Errorf("%s to %s: %s, want %s", c.in, c.to.Kind, attr.AppendDynamoJSON(nil, got), c.want)
		}
	}
}

// The columns of batches of different shapes, overflow included, are their
// union in order of first appearance.
func TestSurvey(t *testing.T) {
	var wide []string
	for i := range 300 {
		wide = append(wide, fmt.Sprintf(`"w%03d":{"S":""}`, i))
	}
	var s Survey
	s.Add(formattest.Batch(t, `{"b":{"S":""}}`, `{"a":{"S":""},"b":{"S":""}}`))
	s.Add(formattest.Batch(t, `{`+strings.Join(wide, ",")+`}`))
	s.Add(formattest.Batch(t, `{"c":{"S":""},"a":{"S":""}}`))
	l := Layout{Columns: s.Columns()}
	got := l.Names()
	if len(got) != 303 || !slices.Equal(got[:3], []string{"b", "a", "w000"}) || got[301] != "w299" || got[302] != "c" {
		t.Errorf("%d columns: %v", len(got), got)
	}
}

// A binding finds a column wherever a batch has it, and says what it has no
// room for.
func TestBinding(t *testing.T) {
	l := Layout{Columns: []Column{{Name: "a"}, {Name: "n", Type: Type{Kind: attr.Number}}}, Fixed: true, Exact: true}
	x := NewBinding(&l)
	for _, c := range []struct {
		item, want, fault string
		direct            bool
	}{
		{item: `{"n":{"N":"1"},"a":{"S":"x"}}`, want: "x 1", direct: true},
		{item: `{"n":{"S":"2"}}`, want: " 2"},
		{item: `{"a":{"S":"y"}}`, want: "y "},
		{item: `{"a":{"S":"y"},"z":{"S":"y"}}`, fault: `"z"`},
	} {
		b := formattest.Batch(t, c.item)
		x.Bind(b)
		err := x.Row(0)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v", c.item, err)
			}
			continue
		}
		var got []string
		for i := range x.Columns() {
			v, err := x.Value(&x.Columns()[i], 0)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v.Text())
		}
		if strings.Join(got, " ") != c.want || x.Columns()[1].Direct != c.direct {
			t.Errorf("%s: %q, direct %v", c.item, got, x.Columns()[1].Direct)
		}
	}
}
