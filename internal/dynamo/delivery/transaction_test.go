package delivery

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
)

// exactly_once: what may have been carried out longer ago than DynamoDB knows
// its token is not repeated.
func TestForgottenTokens(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := &Transaction{Once: true, now: func() time.Time { return now }}
	receipt := record.NewReceipt("sink.update.a", &record.Tally{}, record.Origins{Place: &record.Place{Files: []string{"a.csv"}}, Pos: []record.Pos{{Line: 3}}}, nil, nil)
	request := &deliver.Request{Number: 4, Rows: []*deliver.Row{{Receipt: receipt}}}
	for _, step := range []struct {
		after    time.Duration
		doubtful bool
		refused  bool
	}{{0, false, false}, {time.Hour, false, false}, {9 * time.Minute, true, false}, {time.Minute, true, true}} {
		now, request.Doubtful = now.Add(step.after), step.doubtful
		if err := s.overdue(request); (err != nil) != step.refused || err != nil && !strings.Contains(err.Error(), "the row at a.csv:3") {
			t.Errorf("%+v: %v", step, err)
		}
	}
	s.forget(4)
	request.Doubtful = false
	if err := s.overdue(request); err != nil {
		t.Error(err)
	}
	now, request.Doubtful = now.Add(9*time.Minute), true
	if err := s.overdue(request); err != nil {
		t.Errorf("within ten minutes: %v", err)
	}
}

// Conflicts and throttles alone are tried again; with a fault beside them the
// fault decides.
func TestCancellations(t *testing.T) {
	row := &deliver.Row{Table: "users"}
	for text, want := range map[string]deliver.Class{
		`[{"Code":"None"},{"Code":"TransactionConflict"}]`:                                  deliver.Conflict,
		`[{"Code":"ThrottlingError"},{"Code":"None"}]`:                                      deliver.Throttled,
		`[{"Code":"ProvisionedThroughputExceeded"},{"Code":"TransactionConflict"}]`:         deliver.Throttled,
		`[{"Code":"TransactionConflict"},{"Code":"ValidationError","Message":"not a map"}]`: deliver.Poison,
		`[{"Code":"SomethingNew"}]`:                                                         deliver.Poison,
		`[]`:                                                                                deliver.Poison,
		`null`:                                                                              deliver.Poison,
		`{"no":"list"}`:                                                                     deliver.Poison,
	} {
		s := &Transaction{OnFailure: FailureRejects}
		_, err := s.failed(row, []*deliver.Row{row}, &dynamo.Error{Code: "TransactionCanceledException", Class: dynamo.Poison, Status: 400, Cancellation: []byte(text)})
		var fault *deliver.Fault
		if !errors.As(err, &fault) || fault.Class != want || !fault.Answered {
			t.Errorf("%s: %+v", text, fault)
		}
	}
	s := &Transaction{OnFailure: FailureSkips}
	unmet := &dynamo.Error{Code: "TransactionCanceledException", Cancellation: []byte(`[{"Code":"ConditionalCheckFailed"},{"Code":"TransactionConflict"}]`)}
	if a, err := s.failed(row, nil, unmet); err != nil || len(a.Skipped) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	unmet.Cancellation = []byte(`[{"Code":"ConditionalCheckFailed"},{"Code":"ValidationError"}]`)
	if a, err := s.failed(row, nil, unmet); err == nil || len(a.Skipped) != 0 {
		t.Errorf("a row that is wrong was skipped: %+v", a)
	}
}

// blamed is a receipt that is told who is at fault.
type blamed struct {
	*record.Receipt
	reasons []Reason
}

func (b *blamed) Blame(reasons []Reason) string { b.reasons = reasons; return "the row" }

// FuzzCancellation: whatever the reasons, there is one thing to do, and a row is
// blamed only when one of them is a fault. A transaction was written only when its
// marker is there.
func FuzzCancellation(f *testing.F) {
	f.Add([]byte(`[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"failed","Item":{"pk":{"S":"a"}}}]`))
	f.Add([]byte(`[{"Code":"TransactionConflict"},null,{"Code":null}]`))
	f.Add([]byte(`[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"pk":{"S":"a"},"dynapipe_digest":{"S":"own"}}}]`))
	f.Add([]byte(`{"Code":"None"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, marker := range []*Marker{nil, {Table: "markers"}} {
			b := &blamed{}
			row := &deliver.Row{Table: "users", Receipt: b, Body: []byte(`{` + digestHead + `own"}`)}
			s := &Transaction{OnFailure: FailureRejects, Marker: marker}
			_, err := s.failed(row, []*deliver.Row{row}, &dynamo.Error{Code: "TransactionCanceledException", Class: dynamo.Poison, Cancellation: text})
			var fault *deliver.Fault
			switch {
			case err == nil && (marker == nil || !strings.Contains(string(text), "own")):
				t.Fatal("taken for written")
			case err == nil:
				continue
			case !errors.As(err, &fault), fault.Class != deliver.Poison && fault.Class != deliver.Conflict && fault.Class != deliver.Throttled && (marker == nil || fault.Class != deliver.Permanent):
				t.Fatalf("%+v", err)
			}
			if guilty := slices.ContainsFunc(b.reasons, Reason.Fault); guilty != (b.reasons != nil) || guilty && fault.Class != deliver.Poison {
				t.Errorf("%v: blamed %v", fault.Class, b.reasons)
			}
		}
	})
}
