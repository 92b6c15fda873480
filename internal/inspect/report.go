package inspect

import (
	"cmp"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Report is what a survey found.
type Report struct {
	Rows       int64       `json:"rows" doc:"Rows that were looked at."`
	Attributes []Attribute `json:"attributes" doc:"The attributes that the rows have."`
	Beyond     int64       `json:"values_of_further_attributes,omitempty" doc:"Values in attributes that are beyond the number that is told apart."`
	Items      Items       `json:"items" doc:"Sizes of whole items, names included."`
	Keys       []Key       `json:"keys" doc:"Attributes that could be a table's whole key."`
	Pairs      []Pair      `json:"key_pairs" doc:"Pairs that could be a key, when no attribute alone could."`
	PairsCut   bool        `json:"key_pairs_not_all_tried,omitempty" doc:"There were more pairs than were tried."`

	described bool // all values are {"S": "x"} and the like
}

// Attribute is one attribute of the sample.
type Attribute struct {
	Name            string  `json:"name" doc:"The attribute's name."`
	Types           []Count `json:"types" doc:"The types of its values, the most frequent first."`
	Present         int64   `json:"present" doc:"Rows that have it."`
	Absent          int64   `json:"absent" doc:"Rows that do not have it."`
	Null            int64   `json:"null" doc:"Rows in which it is NULL, among those that have it."`
	Empty           int64   `json:"empty" doc:"Empty texts and binaries."`
	Bytes           Bytes   `json:"bytes" doc:"Sizes of values that are not NULL, by AWS's rule."`
	Distinct        int64   `json:"distinct" doc:"How many different values there are, or at least are."`
	DistinctAtLeast bool    `json:"distinct_at_least,omitempty" doc:"There are more different values than were told apart."`
	Example         string  `json:"example" doc:"The first value, cut short."`
	Column          string  `json:"column,omitempty" doc:"The type that all its text could have, for the argument columns."`
}

// Count is how many values are of a type, by DynamoDB's name of it.
type Count struct {
	Type   string `json:"type" doc:"DynamoDB's name of the type, as S."`
	Values int64  `json:"values" doc:"How many values are of it."`
}

// Bytes is sizes by AWS's rule.
type Bytes struct {
	Min int64   `json:"min" doc:"The smallest, in bytes."`
	Avg float64 `json:"avg" doc:"The mean."`
	Max int64   `json:"max" doc:"The largest."`
}

// Items is the sizes of whole items, names included.
type Items struct {
	Bytes
	TooLarge int64 `json:"too_large" doc:"Items over DynamoDB's 400 KB."`
}

// KeyPart is an attribute of a key.
type KeyPart struct {
	Name string `json:"name" doc:"The attribute's name."`
	Type string `json:"type" doc:"Its type: S, N or B."`
}

// Key is a partition key that every row has, and no two the same, among so
// many rows.
type Key struct {
	KeyPart
	Rows int64 `json:"unique_in_rows" doc:"Among how many rows no two have the same."`
}

// Pair is a partition and a sort key of which the same is true together.
type Pair struct {
	Partition KeyPart `json:"partition" doc:"The partition key."`
	Sort      KeyPart `json:"sort" doc:"The sort key."`
	Rows      int64   `json:"unique_in_rows" doc:"Among how many rows no two have the same."`
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
