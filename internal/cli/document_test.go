package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/jsondoc"
)

// TestEveryFieldIsDescribed fails for a field of a document without a sentence.
// That documents keep the schema is for cmd/dynapipe to see.
func TestEveryFieldIsDescribed(t *testing.T) {
	named := map[string]bool{}
	check := func(of string, typ reflect.Type) {
		for _, f := range jsondoc.Fields(typ) {
			if len(f.Doc) < 2 || !strings.HasSuffix(f.Doc, ".") {
				t.Errorf("%s: the field %s has no sentence in its doc tag: %q", of, f.Path, f.Doc)
			}
		}
	}
	check("head", reflect.TypeFor[head]())
	check("validity", reflect.TypeFor[validity]())
	for _, k := range documentKinds() {
		named[k.command] = true
		check(k.command, k.rest)
		for _, f := range jsondoc.Fields(reflect.TypeFor[head]()) {
			for _, other := range jsondoc.Fields(k.rest) {
				if f.Path == other.Path && f.Path != "error?" && !(f.Optional && other.Optional) {
					t.Errorf("%s: %s is in the head as well", k.command, f.Path)
				}
			}
		}
	}
	for _, c := range newApp(Process{}).root().Commands() {
		if c.Flags().Lookup("output") != nil && !named[c.Name()] {
			t.Errorf("the documents of %s have no schema", c.Name())
		}
	}
}
