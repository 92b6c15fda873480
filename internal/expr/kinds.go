package expr

import (
	"math/bits"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Kinds is a set of attr.Kind: what a value may turn out to be. Two members
// stand for null: attr.Absent and attr.Null.
type Kinds uint16

// The sets that are used most.
const (
	Null      Kinds = 1<<attr.Absent | 1<<attr.Null
	String    Kinds = 1 << attr.String
	Number    Kinds = 1 << attr.Number
	Bool      Kinds = 1 << attr.Bool
	Binary    Kinds = 1 << attr.Binary
	StringSet Kinds = 1 << attr.StringSet
	NumberSet Kinds = 1 << attr.NumberSet
	BinarySet Kinds = 1 << attr.BinarySet
	List      Kinds = 1 << attr.List
	Map       Kinds = 1 << attr.Map

	Sets    = StringSet | NumberSet | BinarySet
	Scalars = String | Number | Bool
	Unknown = Null | Scalars | Binary | Sets | List | Map
)

// KindsOf is the set of one kind.
func KindsOf(k attr.Kind) Kinds { return 1 << k }

// Has reports that a value of kind k is possible.
func (k Kinds) Has(kind attr.Kind) bool { return k&(1<<kind) != 0 }

// Nullable reports that null is possible.
func (k Kinds) Nullable() bool { return k&Null != 0 }

// Never reports that a value of these kinds is never one of want. Nothing is
// known of an empty set, and null counts as no value.
func (k Kinds) Never(want Kinds) bool { return k&^Null != 0 && k&want&^Null == 0 }

// String names the kinds but null, as "string or number".
func (k Kinds) String() string {
	if k&Unknown == Unknown {
		return "any"
	}
	k &^= Null
	if k == 0 {
		return "null"
	}
	names := make([]string, 0, bits.OnesCount16(uint16(k)))
	for kind := attr.String; kind <= attr.Map; kind++ {
		if k.Has(kind) {
			names = append(names, kind.String())
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// Shape is what is known of the rows at a point of the pipeline.
type Shape struct {
	// Attrs is the kinds of the attributes that are known by name.
	Attrs map[string]Kinds
	// Rest is the kinds of every other attribute: zero means that nothing is
	// known, Null that there are no others.
	Rest Kinds
}

// Attr is the kinds of one attribute.
func (s Shape) Attr(name string) Kinds {
	k, ok := s.Attrs[name]
	if !ok {
		k = s.Rest
	}
	if k == 0 {
		return Unknown
	}
	return k
}
