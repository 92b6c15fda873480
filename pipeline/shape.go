package pipeline

import (
	"github.com/dynapipe/dynapipe/internal/expr"
)

// union is what is known of the rows of two inputs together. An attribute that
// one side does not name is what the rest of that side may be.
func union(a, b expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: make(map[string]expr.Kinds, len(a.Attrs)+len(b.Attrs))}
	for _, side := range []expr.Shape{a, b} {
		for name := range side.Attrs {
			out.Attrs[name] = a.Attr(name) | b.Attr(name)
		}
	}
	if a.Rest != 0 && b.Rest != 0 {
		out.Rest = a.Rest | b.Rest
	}
	return out
}
