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

// Values are the states that there are.
func (Status) Values() []string {
	return []string{string(Equal), string(EqualWithRejects), string(Different), string(Failed), string(Interrupted)}
}

// Report is what a verification found.
type Report struct {
	Pipeline    string         `json:"pipeline" doc:"The pipeline's name."`
	Status      Status         `json:"status" doc:"What was found."`
	Error       string         `json:"error,omitempty" doc:"Why the verification failed."`
	Started     time.Time      `json:"started" doc:"When it began."`
	Seconds     float64        `json:"seconds" doc:"How long it took, in seconds."`
	Sample      string         `json:"sample,omitempty" doc:"What part of the keys was compared, as --sample says it; all when it is not there."`
	Read        int64          `json:"rows_read" doc:"Rows that the sources gave."`
	Rejected    int64          `json:"rows_rejected" doc:"Rows that a node rejected: they are expected nowhere."`
	FirstReject string         `json:"first_reject,omitempty" doc:"Where and why the first row was rejected."`
	Targets     []TargetReport `json:"targets" doc:"The tables and files, each with what was found in it."`
	Differences []Difference   `json:"differences" doc:"The first differences, as many as --max-differences says."`
	NotVerified []NotVerified  `json:"not_verified" doc:"Sinks, or parts of them, that can't be verified."`
	Warnings    []string       `json:"warnings" doc:"What else there is to know."`
	Capacity    float64        `json:"read_capacity_units" doc:"Capacity units that reading the targets took."`
}

// TargetReport is the counts of one target, of keys or, in files, rows: those
// of the sample, where there is one.
//
//	expected = equal + different + missing
//	found    = equal + different + extra + not_deleted + those of not_compared that are there
type TargetReport struct {
	Target       string   `json:"target" doc:"The table or file."`
	Kind         string   `json:"kind" values:"table file" doc:"Which of the two it is."`
	Sinks        []string `json:"sinks" doc:"The sinks that write to it."`
	Expected     int64    `json:"expected" doc:"Items that should be there: those equal, different and missing."`
	Found        int64    `json:"found" doc:"Items that are there: those equal, different, extra and not deleted, and of those not compared the ones that are there."`
	Equal        int64    `json:"equal" doc:"Items that are as they should be."`
	Missing      int64    `json:"missing" doc:"Items that are not there."`
	Extra        int64    `json:"extra" doc:"Items that no row put."`
	Different    int64    `json:"different" doc:"Items with other attributes than they should have."`
	NotDeleted   int64    `json:"not_deleted" doc:"Items that a row should have deleted."`
	Absent       int64    `json:"absent" doc:"Items that a row deleted and that are not there, as it should be."`
	NotCompared  int64    `json:"not_compared" doc:"Keys whose items depend on more than the rows."`
	ExtraAllowed string   `json:"extra_allowed,omitempty" doc:"Why extra items are no difference, where they are none."`
	Ignored      []string `json:"ignored_attributes" doc:"Attributes that are different in every run and were not compared."`
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
	Target     string          `json:"target" doc:"The table or file."`
	Kind       string          `json:"kind" values:"missing extra different not_deleted" doc:"What is wrong."`
	Key        json.RawMessage `json:"key" doc:"The item's key in DynamoDB JSON; of a file the row."`
	Origin     string          `json:"origin,omitempty" doc:"Where the row came from that the item should be of, or that should have deleted it."`
	Attributes []AttributeDiff `json:"attributes,omitempty" doc:"The attributes that differ."`
	Note       string          `json:"note,omitempty" doc:"What else there is to know of it."`

	key   sum
	owner *target
	wants []place // of the rows that could be right
}

// AttributeDiff is an attribute on both sides in DynamoDB JSON; null where
// there is none.
type AttributeDiff struct {
	Name     string          `json:"name" doc:"The attribute's name."`
	Expected json.RawMessage `json:"expected" doc:"What it should be, in DynamoDB JSON; null for absent."`
	Actual   json.RawMessage `json:"actual" doc:"What it is, in DynamoDB JSON; null for absent."`
}

// NotVerified is a sink of which something can't be verified.
type NotVerified struct {
	Sink string `json:"sink" doc:"The sink's address."`
	Why  string `json:"why" doc:"Why it can't be verified, or what of it."`
}

// OK reports that all that was compared is as it should be.
func (r *Report) OK() bool { return r.Status == Equal || r.Status == EqualWithRejects }
