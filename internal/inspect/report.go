package inspect

import (
	"cmp"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Report is what a survey found.
type Report struct {
	Rows       int64       `json:"rows"` // looked at
	Attributes []Attribute `json:"attributes"`
	// Beyond is how many values were in attributes beyond the first MaxAttributes.
	Beyond int64 `json:"values_of_further_attributes,omitempty"`
	Items  Items `json:"items"`
	// Keys are attributes that could be a table's whole key; Pairs, when there
	// is none of these, pairs that could.
	Keys  []Key  `json:"keys"`
	Pairs []Pair `json:"key_pairs"`
	// PairsCut says that there were more pairs than were tried.
	PairsCut bool `json:"key_pairs_not_all_tried,omitempty"`

	described bool // all values are {"S": "x"} and the like
}

// Attribute is one attribute of the sample.
type Attribute struct {
	Name    string  `json:"name"`
	Types   []Count `json:"types"` // the most frequent first
	Present int64   `json:"present"`
	Absent  int64   `json:"absent"`
	Null    int64   `json:"null"`  // among those present
	Empty   int64   `json:"empty"` // strings and binaries
	Bytes   Bytes   `json:"bytes"` // of values that are not NULL
	// Distinct is how many different values there are, or at least are.
	Distinct        int64  `json:"distinct"`
	DistinctAtLeast bool   `json:"distinct_at_least,omitempty"`
	Example         string `json:"example"`
	// Column is the type that all the text could have, for the argument columns.
	Column string `json:"column,omitempty"`
}

// Count is how many values are of a type, by DynamoDB's name of it.
type Count struct {
	Type   string `json:"type"`
	Values int64  `json:"values"`
}

// Bytes is sizes by AWS's rule.
type Bytes struct {
	Min int64   `json:"min"`
	Avg float64 `json:"avg"`
	Max int64   `json:"max"`
}

// Items is the sizes of whole items, names included.
type Items struct {
	Bytes
	// TooLarge is how many are over DynamoDB's 400 KB.
	TooLarge int64 `json:"too_large"`
}

// KeyPart is an attribute of a key.
type KeyPart struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Key is a partition key that every row has, and no two the same, among so
// many rows.
type Key struct {
	KeyPart
	Rows int64 `json:"unique_in_rows"`
}

// Pair is a partition and a sort key of which the same is true together.
type Pair struct {
	Partition KeyPart `json:"partition"`
	Sort      KeyPart `json:"sort"`
	Rows      int64   `json:"unique_in_rows"`
}

// Report is what has been found so far.
func (s *Survey) Report() *Report {
	r := &Report{Rows: s.rows, Beyond: s.beyond, Attributes: []Attribute{},
		Items: Items{Bytes: s.items.bytes(), TooLarge: s.oversized}}
	r.described = true
	for _, a := range s.attributes {
		r.Attributes = append(r.Attributes, a.report(s.rows))
		r.described = r.described && !a.bare
	}
	r.Keys, r.Pairs, r.PairsCut = s.keys()
	sortKeys(r.Keys)
	r.Keys, r.Pairs = append([]Key{}, r.Keys...), append([]Pair{}, r.Pairs...)
	return r
}

func (a *attribute) report(rows int64) Attribute {
	out := Attribute{Name: a.name, Types: []Count{}, Present: a.present(), Null: a.kinds[attr.Null], Empty: a.empty,
		Bytes: a.sizes.bytes(), Distinct: a.told, DistinctAtLeast: a.until >= 0, Example: a.example}
	out.Absent = rows - out.Present
	if a.kind() == attr.String {
		out.Column = a.guess.column()
	}
	for k := attr.String; k <= attr.Map; k++ {
		if n := a.kinds[k]; n > 0 {
			out.Types = append(out.Types, Count{Type: k.Descriptor(), Values: n})
		}
	}
	slices.SortStableFunc(out.Types, func(a, b Count) int { return cmp.Compare(b.Values, a.Values) })
	return out
}

func (s Sizes) bytes() Bytes {
	if s.Count == 0 {
		return Bytes{}
	}
	return Bytes{Min: s.Min, Avg: float64(s.Sum) / float64(s.Count), Max: s.Max}
}

// LooksLikeItems reports rows that are DynamoDB JSON read as plain JSON: an
// attribute Item alone, or values that are all maps.
func (r *Report) LooksLikeItems() bool {
	if r.Rows == 0 || len(r.Attributes) == 0 {
		return false
	}
	for _, a := range r.Attributes {
		if len(a.Types) != 1 || a.Types[0].Type != "M" || a.Null > 0 {
			return false
		}
	}
	return len(r.Attributes) == 1 && r.Attributes[0].Name == "Item" || r.described
}
