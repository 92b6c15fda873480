package delivery

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

const usersARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/users"

func TestFaults(t *testing.T) {
	rows := []*deliver.Row{{Table: "orders"}, {Table: "orders", Tables: []string{"orders", usersARN}}}
	for class, want := range map[dynamo.Class]deliver.Class{
		dynamo.Retryable: deliver.Retryable, dynamo.Conflict: deliver.Conflict, dynamo.Throttled: deliver.Throttled,
		dynamo.Poison: deliver.Poison, dynamo.Permanent: deliver.Permanent, dynamo.ConditionFailed: deliver.Poison,
	} {
		cause := &dynamo.Error{Operation: "BatchWriteItem", Code: "Code", Message: "message", Class: class, Status: 400}
		var fault *deliver.Fault
		if !errors.As(Fault(cause, rows), &fault) {
			t.Fatalf("no fault of %v", class)
		}
		if fault.Class != want || fault.Code != "Code" || fault.Message != "message" || !fault.Answered || !errors.Is(fault, cause) {
			t.Errorf("%v: %+v", class, fault)
		}
		if named := strings.HasPrefix(fault.Error(), "table orders, "+usersARN+": "); named != (want == deliver.Permanent) {
			t.Errorf("%v: %v", class, fault)
		}
	}
	var fault *deliver.Fault
	if !errors.As(Fault(&dynamo.Error{Class: dynamo.Retryable}, rows), &fault) || fault.Answered {
		t.Errorf("a connection that failed counts as an answer: %+v", fault)
	}
	if err := errors.New("else"); Fault(err, rows) != err {
		t.Error("an error that is not DynamoDB's was changed")
	}
}

// The tables that throttling reasons name are told as rows name them.
func TestThrottlingReasonsNameTheTable(t *testing.T) {
	err := &dynamo.Error{Class: dynamo.Throttled, Code: "ThrottlingException", Status: 400, Throttling: []dynamo.ThrottlingReason{
		{Reason: "TableWriteKeyRangeThroughputExceeded", Resource: usersARN},
		{Reason: "IndexWriteProvisionedThroughputExceeded", Resource: usersARN + "/index/by_mail"},
	}}
	for _, name := range []string{"users", usersARN} {
		var fault *deliver.Fault
		if !errors.As(Fault(err, []*deliver.Row{{Table: "orders"}, {Table: name}}), &fault) || fault.Class != deliver.Throttled {
			t.Fatalf("fault: %+v", fault)
		}
		want := []deliver.Throttle{
			{Reason: "TableWriteKeyRangeThroughputExceeded", Resource: usersARN, Table: name},
			{Reason: "IndexWriteProvisionedThroughputExceeded", Resource: usersARN + "/index/by_mail", Table: name},
		}
		if !slices.Equal(fault.Reasons, want) {
			t.Errorf("reasons: %+v", fault.Reasons)
		}
	}
}
