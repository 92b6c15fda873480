package expr

import (
	"maps"
	"slices"
)

// Use is which attributes of its rows a node, and all that comes after it, can
// make use of: those named, or every one. The zero Use is none.
type Use struct {
	all   bool
	names map[string]bool
}

// Everything is the use of all attributes.
func Everything() Use { return Use{all: true} }

// UseOf is the use of these attributes.
func UseOf(names ...string) Use { return Use{}.With(names...) }

// Names is the attributes in order; all when it is every one.
func (u Use) Names() (names []string, all bool) {
	return slices.Sorted(maps.Keys(u.names)), u.all
}

// Has reports that the attribute is used.
func (u Use) Has(name string) bool { return u.all || u.names[name] }

// With is the use of these attributes as well.
func (u Use) With(names ...string) Use {
	if u.all {
		return u
	}
	out := Use{names: make(map[string]bool, len(u.names)+len(names))}
	maps.Copy(out.names, u.names)
	for _, name := range names {
		out.names[name] = true
	}
	return out
}

// Without is the use of the others. Of everything it is still everything.
func (u Use) Without(names ...string) Use {
	out := u.With()
	for _, name := range names {
		delete(out.names, name)
	}
	return out
}

// And is what either uses.
func (u Use) And(other Use) Use {
	if other.all {
		return other
	}
	return u.With(slices.Collect(maps.Keys(other.names))...)
}

// Reading is the use of what the expressions read as well; nil ones read
// nothing.
func (u Use) Reading(expressions ...*Expr) Use {
	for _, x := range expressions {
		if x == nil {
			continue
		}
		if x.all {
			return Everything()
		}
		u = u.With(x.names...)
	}
	return u
}
