package content

import (
	"os"
	"path/filepath"
	"testing"
)

func sum(t *testing.T, objects ...string) (s Sum) {
	t.Helper()
	for _, o := range objects {
		if err := s.Add([]byte(o)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestSumKnowsSameContent(t *testing.T) {
	want := sum(t, `{"a":1.50,"b":["é",{"c":2}]}`, `{"a":3}`)
	if got := sum(t, `{"a":3}`, `{ "b" : ["\u00e9",{"c":2.0}], "a":1.5 }`); got != want {
		t.Errorf("the same in other words: %v, want %v", got, want)
	}
	for _, other := range [][]string{
		{`{"a":1.50,"b":["é",{"c":2}]}`},
		{`{"a":1.50,"b":["é",{"c":2}]}`, `{"a":3}`, `{"a":3}`},
		{`{"a":1.50,"b":["é",{"c":2}]}`, `{"a":4}`},
		{`{"a":1.50,"b":["é",{"c":2}]}`, `{"a":"3"}`},
		{`{"a":1.50,"b":["e",{"c":2}]}`, `{"a":3}`},
	} {
		if sum(t, other...) == want {
			t.Errorf("%q has the same sum", other)
		}
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for text, want := range map[string]int{"": 0, "{}\n": 1, "{}\n{}\n": 2, "{}\n{}": -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := CountLines(path)
		s, sumErr := OfLines(path)
		if (err != nil) != (want < 0) || (sumErr != nil) != (want < 0) || want >= 0 && (n != want || s.Objects != want) {
			t.Errorf("%q: %d lines (%v), %d objects (%v)", text, n, err, s.Objects, sumErr)
		}
	}
	if err := os.WriteFile(path, []byte("{}\n[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OfLines(path); err == nil {
		t.Error("a line that is no object was taken")
	}
}
