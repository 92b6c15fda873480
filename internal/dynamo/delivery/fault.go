package delivery

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// Fault says what the core is to make of an error of a call with these rows. A
// condition that does not hold is the fault of its row.
func Fault(err error, rows []*deliver.Row) error {
	var e *dynamo.Error
	if !errors.As(err, &e) {
		return err
	}
	fault := &deliver.Fault{Code: e.Code, Message: e.Message, Answered: e.Status != 0, Err: err}
	switch e.Class {
	case dynamo.Retryable:
		fault.Class = deliver.Retryable
	case dynamo.Conflict:
		fault.Class = deliver.Conflict
	case dynamo.Throttled:
		fault.Class = deliver.Throttled
		for _, t := range e.Throttling {
			fault.Reasons = append(fault.Reasons, deliver.Throttle{
				Reason: t.Reason, Resource: t.Resource, Table: RequestName(t.Resource, rows),
			})
		}
	case dynamo.Poison, dynamo.ConditionFailed:
		fault.Class = deliver.Poison
	default:
		fault.Class = deliver.Permanent
		fault.Err = fmt.Errorf("table %s: %w", tablesOf(rows), err)
	}
	return fault
}

// Unreadable is the fault of an answer that can't be read: whether the request
// was carried out is not known, so it may be sent again.
func Unreadable(call string, err error) error {
	return &deliver.Fault{
		Class: deliver.Retryable, Code: dynamo.CodeNotDynamoDB, Message: err.Error(), Answered: true,
		Err: fmt.Errorf("%s: %w", call, err),
	}
}

func tablesOf(rows []*deliver.Row) string {
	var names []string
	add := func(table string) {
		if !slices.Contains(names, table) {
			names = append(names, table)
		}
	}
	for _, row := range rows {
		add(row.Table)
		for _, table := range row.Tables {
			add(table)
		}
	}
	return strings.Join(names, ", ")
}

// RequestName is what the rows of a request call a table, which an answer may
// name where they have its ARN, or the other way round.
func RequestName(table string, rows []*deliver.Row) string {
	same := func(name string) bool { return name == table || dynamo.TableName(name) == dynamo.TableName(table) }
	for _, row := range rows {
		if same(row.Table) {
			return row.Table
		}
		if i := slices.IndexFunc(row.Tables, same); i >= 0 {
			return row.Tables[i]
		}
	}
	return table
}
