package dynamo

import (
	"testing"
)

func TestParsePath(t *testing.T) {
	tests := []struct{ text, rendered, shown string }{
		{"a", "#n0", "a"},
		{"a.b[0]", "#n0.#n1[0]", "a.b[0]"},
		{"a[0][12].b", "#n0[0][12].#n1", "a[0][12].b"},
		{`["odd.name"].b`, "#n0.#n1", `["odd.name"].b`},
		{`a["odd.name"]`, "#n0.#n1", `a["odd.name"]`},
		{"odd name-x", "#n0", "odd name-x"},
		{"a.a", "#n0.#n0", "a.a"},
	}
	for _, test := range tests {
		p, err := ParsePath(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got := p.Render(&Placeholders{}); got != test.rendered || p.String() != test.shown {
			t.Errorf("%s: rendered %s, shown %s; want %s, %s", test.text, got, p, test.rendered, test.shown)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	for _, text := range []string{"", ".", "a.", "a..b", "[0]", "a[", "a[x]", "a[-1]", "a[99999999999]", `["`, `["x"`, `[""]`, "a]b", "a[0]b"} {
		if p, err := ParsePath(text); err == nil {
			t.Errorf("%q passed for the path %v", text, p)
		}
	}
}

func TestOverlaps(t *testing.T) {
	path := func(text string) Path {
		p, err := ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "a.b", true}, {"a.b", "a", true}, {"a.b", "a.c", false}, {"a", "b", false}, {"a[0]", "a[1]", false}} {
		if got := path(test.a).Overlaps(path(test.b)); got != test.want {
			t.Errorf("%s and %s overlap: %v", test.a, test.b, got)
		}
	}
}

// FuzzParsePath: what a path is shown as is the same path.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"a.b[0]", `["odd.name"].b`, `["a\"]"]`, "[0]", "a[", "é.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || len(again) != len(p) || !p.Overlaps(again) {
			t.Errorf("%q is shown as %q, which is %v, %v", text, p, again, err)
		}
	})
}
