package plan

import (
	"encoding/json"
	"math"

	"github.com/dynapipe/dynapipe/internal/progress"
)

// Sampling is how the figures of a plan were found.
type Sampling struct {
	Rows  int64               `json:"rows" doc:"Rows of each source that were looked at, at most."`
	Took  []progress.Consumed `json:"took" doc:"Read capacity that looking at them took."`
	Notes []string            `json:"notes" doc:"What was not looked at, and why."`
	Error string              `json:"error,omitempty" doc:"What ended the sample before its time."`
	Fails string              `json:"fails,omitempty" doc:"Why a run would fail, as far as the sample shows."`
}

// Figure is a number of a whole run, as far as it can be told.
type Figure struct {
	Value   float64 `json:"value" doc:"The number, 0 where it is not known."`
	Exact   bool    `json:"exact" doc:"All rows were looked at."`
	AtLeast bool    `json:"at_least,omitempty" doc:"It may be more, by what is stored."`
	AtMost  bool    `json:"at_most,omitempty" doc:"It may be less: of more rows more have the same keys, and bytes are compressed."`
	Unknown string  `json:"unknown,omitempty" doc:"Why there is no number."`
}

// Known reports that there is a number.
func (f Figure) Known() bool { return f.Unknown == "" }

// Whole is the number without fractions.
func (f Figure) Whole() int64 { return int64(math.Round(f.Value)) }

// NodeSample is the rows of a sample at one node.
type NodeSample struct {
	Before   *Passed  `json:"before,omitempty" doc:"Rows that came; not of a source."`
	After    []Passed `json:"after,omitempty" doc:"Rows that left, by output; not of a sink."`
	Rejected int64    `json:"rejected" doc:"Rows of the sample that were rejected."`
}

// Passed is rows of a sample on their way.
type Passed struct {
	Output string      `json:"output,omitempty" doc:"The output that they left by, of a node with several."`
	Rows   int64       `json:"rows" doc:"How many there were."`
	First  []SampleRow `json:"first" doc:"The first five."`
	Schema []Attribute `json:"schema" doc:"The attributes that they have."`
}

// SampleRow is a row, without secrets and with long values cut (promise 8).
type SampleRow struct {
	Origin string          `json:"origin" doc:"Where the row came from."`
	Item   json.RawMessage `json:"item" doc:"The row as DynamoDB JSON, long texts cut."`
}

// Attribute is what rows have under one name.
type Attribute struct {
	Name    string           `json:"name" doc:"Its name."`
	Types   map[string]int64 `json:"types" doc:"How many rows have which of DynamoDB's types."`
	Present int64            `json:"present" doc:"How many rows have it."`
}

// NodeEstimate is what a run would do at one node.
type NodeEstimate struct {
	In       Figure     `json:"in" doc:"Rows that are read, or come."`
	Out      Figure     `json:"out" doc:"Rows that leave, or are written."`
	Rejected Figure     `json:"rejected" doc:"Rows that are rejected."`
	Basis    string     `json:"basis,omitempty" doc:"What the rows of a source were reckoned by."`
	Bytes    *Figure    `json:"bytes,omitempty" doc:"Bytes of files that are read, as stored, of items that are written, or of a file, before it is compressed as a whole."`
	Items    *ItemSizes `json:"items,omitempty" doc:"Sizes of the items that are written."`
	Requests *Figure    `json:"requests,omitempty" doc:"Requests to a service, if none has to be sent again."`
	Capacity []Capacity `json:"capacity,omitempty" doc:"Capacity units, by table and index."`
	// Seconds is by what SecondsBy names.
	Seconds   *Figure `json:"seconds,omitempty" doc:"How long the node takes at least."`
	SecondsBy string  `json:"seconds_by,omitempty" doc:"What it can be no faster than."`
	Fails     string  `json:"fails,omitempty" doc:"Why a run would fail here."`
}

// Mask has every text of the estimate masked (promise 8).
func (e *NodeEstimate) Mask(mask func(string) string) {
	texts := []*string{&e.Basis, &e.SecondsBy, &e.Fails}
	for _, f := range []*Figure{&e.In, &e.Out, &e.Rejected, e.Bytes, e.Requests, e.Seconds} {
		if f != nil {
			texts = append(texts, &f.Unknown)
		}
	}
	for i := range e.Capacity {
		c := &e.Capacity[i]
		texts = append(texts, &c.Table, &c.Index, &c.Units.Unknown)
	}
	for _, t := range texts {
		*t = mask(*t)
	}
}

// ItemSizes are sizes of items in bytes, by DynamoDB's rule.
type ItemSizes struct {
	Average float64 `json:"average" doc:"Bytes of an item on average, by DynamoDB's rule."`
	Largest int64   `json:"largest" doc:"Bytes of the largest one that was looked at."`
}

// Capacity is units of a table, or of one of its indexes.
type Capacity struct {
	Table string `json:"table" doc:"The table."`
	Index string `json:"index,omitempty" doc:"Its index; empty for the table itself."`
	Kind  string `json:"kind" values:"read write" doc:"Which units they are."`
	Units Figure `json:"units" doc:"How many."`
}

// Slowest is how long the node takes that a run waits for, as far as that is known;
// else nil.
func (v *View) Slowest() (slowest *Figure) {
	for i := range v.Nodes {
		if e := v.Nodes[i].Estimate; e != nil && e.Seconds != nil && e.Seconds.Known() && (slowest == nil || e.Seconds.Value > slowest.Value) {
			slowest = e.Seconds
		}
	}
	return slowest
}
