package pipeline

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/expr"
)

// TestUnion: a row of a union is a row of one of its sides, so that what an
// attribute may be is what it may be in either, named or not.
func TestUnion(t *testing.T) {
	kinds := rapid.SampledFrom([]expr.Kinds{expr.Null, expr.String, expr.Number | expr.Null, expr.Map, expr.Unknown})
	shape := rapid.Custom(func(t *rapid.T) expr.Shape {
		return expr.Shape{
			Attrs: rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c"}), kinds).Draw(t, "attributes"),
			Rest:  rapid.OneOf(rapid.Just(expr.Kinds(0)), kinds).Draw(t, "rest"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := shape.Draw(t, "a"), shape.Draw(t, "b")
		u := union(a, b)
		for _, name := range []string{"a", "b", "c", "another"} {
			if got, want := u.Attr(name), a.Attr(name)|b.Attr(name); got != want {
				t.Fatalf("%s is %s, want %s", name, got, want)
			}
		}
	})
}
