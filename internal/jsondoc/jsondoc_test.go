package jsondoc_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/jsondoc"
)

type color string

func (color) Values() []string { return []string{"red", "blue"} }

type base struct {
	ID   int    `json:"id" doc:"The id."`
	Name string `json:"name" doc:"The inner name."`
}

type part struct {
	Units float64 `json:"units" doc:"Units."`
}

type whole struct {
	*base
	Name   string            `json:"name,omitempty" doc:"The outer name."`
	Color  color             `json:"color" doc:"The color."`
	Kind   string            `json:"kind" values:"a b" doc:"The kind."`
	When   time.Time         `json:"when" doc:"The time."`
	Parts  []*part           `json:"parts" doc:"The parts."`
	ByName map[string]part   `json:"by_name,omitempty" doc:"Parts by name."`
	Raw    []json.RawMessage `json:"raw" doc:"Anything."`
	Hidden bool              `json:"-"`
	secret string
}

func TestOf(t *testing.T) {
	_ = whole{}.secret
	text, err := json.Marshal(jsondoc.Of(reflect.TypeFor[whole]()))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"properties":{` +
		`"by_name":{"additionalProperties":{"properties":{"units":{"description":"Units.","type":"number"}},"required":["units"],"type":"object"},"description":"Parts by name.","type":"object"},` +
		`"color":{"description":"The color.","enum":["red","blue"],"type":"string"},` +
		`"id":{"description":"The id.","type":"integer"},` +
		`"kind":{"description":"The kind.","enum":["a","b"],"type":"string"},` +
		`"name":{"description":"The outer name.","type":"string"},` +
		`"parts":{"description":"The parts.","items":{"properties":{"units":{"description":"Units.","type":"number"}},"required":["units"],"type":"object"},"type":"array"},` +
		`"raw":{"description":"Anything.","items":{},"type":"array"},` +
		`"when":{"description":"The time.","format":"date-time","type":"string"}},` +
		`"required":["id","color","kind","when","parts","raw"],"type":"object"}`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestFields(t *testing.T) {
	var got []string
	for _, f := range jsondoc.Fields(reflect.TypeFor[whole]()) {
		line := f.Path + " " + f.Type
		if f.Optional {
			line += "?"
		}
		for _, v := range f.Values {
			line += " " + v
		}
		got = append(got, line)
	}
	want := []string{"id integer", "name string?", "color string red blue", "kind string a b", "when time", "parts[] object", "parts[].units number",
		"by_name.* object?", "by_name.*.units number", "raw[] any"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
