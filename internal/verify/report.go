package verify

import (
	"encoding/json"
	"time"
)

// Status is how a verification ended.
type Status string

// The states. EqualWithRejects is equal, with rejected rows within max_rejects.
const (
	Equal            Status = "equal"
	EqualWithRejects Status = "equal_with_rejects"
	Different        Status = "different"
	Failed           Status = "failed"
	Interrupted      Status = "interrupted"
)

// Report is what a verification found.
type Report struct {
	Pipeline string    `json:"pipeline"`
	Status   Status    `json:"status"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	// Sample is what part of the keys was compared; empty for all.
	Sample string `json:"sample,omitempty"`
	// Read is the rows that the sources gave, Rejected those that a node
	// rejected: they are not expected anywhere.
	Read        int64          `json:"rows_read"`
	Rejected    int64          `json:"rows_rejected"`
	FirstReject string         `json:"first_reject,omitempty"`
	Targets     []TargetReport `json:"targets"`
	Differences []Difference   `json:"differences"`
	// NotVerified are sinks, or parts of them, that can't be verified.
	NotVerified []NotVerified `json:"not_verified"`
	Warnings    []string      `json:"warnings"`
	Capacity    float64       `json:"read_capacity_units"` // that reading the targets took
}

// TargetReport is the counts of one target, of keys or, in files, rows: those
// of the sample, where there is one.
//
//	expected = equal + different + missing
//	found    = equal + different + extra + not_deleted + those of not_compared that are there
type TargetReport struct {
	Target     string   `json:"target"`
	Kind       string   `json:"kind"` // table, file
	Sinks      []string `json:"sinks"`
	Expected   int64    `json:"expected"`
	Found      int64    `json:"found"`
	Equal      int64    `json:"equal"`
	Missing    int64    `json:"missing"`
	Extra      int64    `json:"extra"`
	Different  int64    `json:"different"`
	NotDeleted int64    `json:"not_deleted"`
	// Absent are the deleted items that are not there, as it should be.
	Absent int64 `json:"absent"`
	// NotCompared are keys whose items depend on more than the rows.
	NotCompared int64 `json:"not_compared"`
	// ExtraAllowed says that extra items are no difference, and why.
	ExtraAllowed string   `json:"extra_allowed,omitempty"`
	Ignored      []string `json:"ignored_attributes"`
}

// differs reports that something is not as it should be.
func (t *TargetReport) differs() bool {
	return t.Missing+t.Different+t.NotDeleted > 0 || t.Extra > 0 && t.ExtraAllowed == ""
}

// The kinds of a Difference.
const (
	KindMissing    = "missing"
	KindExtra      = "extra"
	KindDifferent  = "different"
	KindNotDeleted = "not_deleted"
)

// Difference is one item that is not as it should be.
type Difference struct {
	Target string `json:"target"`
	Kind   string `json:"kind"`
	// Key is the item's key in DynamoDB JSON, of a file the row.
	Key json.RawMessage `json:"key"`
	// Origin is where the row came from that the item should be of, or that
	// should have deleted it.
	Origin     string          `json:"origin,omitempty"`
	Attributes []AttributeDiff `json:"attributes,omitempty"`
	Note       string          `json:"note,omitempty"`

	key   sum
	owner *target
	wants []place // of the rows that could be right
}

// AttributeDiff is an attribute on both sides in DynamoDB JSON; null where
// there is none.
type AttributeDiff struct {
	Name     string          `json:"name"`
	Expected json.RawMessage `json:"expected"`
	Actual   json.RawMessage `json:"actual"`
}

// NotVerified is a sink of which something can't be verified.
type NotVerified struct {
	Sink string `json:"sink"`
	Why  string `json:"why"`
}

// OK reports that all that was compared is as it should be.
func (r *Report) OK() bool { return r.Status == Equal || r.Status == EqualWithRejects }
