package batchwrite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// sender carries the core's requests to BatchWriteItem.
type sender struct {
	client *dynamo.Client
	tables *targets
}

var _ deliver.Sender = (*sender)(nil)

// Send makes one attempt.
func (s *sender) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	text, err := s.client.Call(ctx, callName, appendRequest(make([]byte, 0, r.Bytes), r.Rows))
	if err != nil {
		return deliver.Answer{}, faultOf(err, r.Rows)
	}
	answer, err := s.parse(text, r.Rows)
	if err != nil {
		// Whether rows were given back is not known. They may be sent again.
		return deliver.Answer{}, &deliver.Fault{
			Class: deliver.Retryable, Code: dynamo.CodeNotDynamoDB, Message: err.Error(), Answered: true,
			Err: fmt.Errorf("%s: %w", callName, err),
		}
	}
	return answer, nil
}

// appendRequest appends the request's body. Rows of one table stand together.
func appendRequest(dst []byte, rows []*deliver.Row) []byte {
	dst = append(dst, `{"RequestItems":{`...)
	for i, row := range rows {
		switch {
		case i == 0:
			dst = append(attr.AppendJSONString(dst, row.Table), ":["...)
		case row.Table != rows[i-1].Table:
			dst = append(attr.AppendJSONString(append(dst, "],"...), row.Table), ":["...)
		default:
			dst = append(dst, ',')
		}
		dst = append(dst, row.Body...)
	}
	return append(dst, `]},"ReturnConsumedCapacity":"INDEXES"}`...)
}

// faultOf says what the core is to make of an error.
func faultOf(err error, rows []*deliver.Row) error {
	var e *dynamo.Error
	if !errors.As(err, &e) {
		return err
	}
	fault := &deliver.Fault{Code: e.Code, Message: e.Message, Answered: e.Status != 0, Err: err}
	switch e.Class {
	case dynamo.Retryable, dynamo.Conflict:
		fault.Class = deliver.Retryable
	case dynamo.Throttled:
		fault.Class = deliver.Throttled
		for _, t := range e.Throttling {
			fault.Reasons = append(fault.Reasons, deliver.Throttle{
				Reason: t.Reason, Resource: t.Resource, Table: requestName(t.Resource, rows),
			})
		}
	case dynamo.Poison:
		fault.Class = deliver.Poison
	default:
		fault.Class = deliver.Permanent
		fault.Err = fmt.Errorf("table %s: %w", tablesOf(rows), err)
	}
	return fault
}

func tablesOf(rows []*deliver.Row) string {
	var names []string
	for _, row := range rows {
		if !slices.Contains(names, row.Table) {
			names = append(names, row.Table)
		}
	}
	return strings.Join(names, ", ")
}

// response is what there is to know of BatchWriteItem's answer.
type response struct {
	UnprocessedItems map[string][]writeRequest
	ConsumedCapacity []consumed
}

type writeRequest struct {
	PutRequest    *struct{ Item json.RawMessage }
	DeleteRequest *struct{ Key json.RawMessage }
}

type units struct{ CapacityUnits float64 }

type consumed struct {
	TableName              string
	CapacityUnits          float64
	Table                  *units
	LocalSecondaryIndexes  map[string]units
	GlobalSecondaryIndexes map[string]units
}

func (s *sender) parse(text []byte, rows []*deliver.Row) (deliver.Answer, error) {
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return deliver.Answer{}, fmt.Errorf("the answer can't be read: %w", err)
	}
	var a deliver.Answer
	for _, c := range r.ConsumedCapacity {
		a.Consumed = c.appendTo(a.Consumed, requestName(c.TableName, rows))
	}
	for name, requests := range r.UnprocessedItems {
		table := requestName(name, rows)
		keys := s.tables.keys(table)
		for _, request := range requests {
			i, err := request.find(table, keys, rows)
			if err != nil {
				return deliver.Answer{}, err
			}
			if !slices.Contains(a.Unprocessed, i) {
				a.Unprocessed = append(a.Unprocessed, i)
			}
		}
	}
	return a, nil
}

// appendTo appends what the table took and what each index did. A server that
// does not tell them apart has all of it counted for the table.
func (c *consumed) appendTo(dst []deliver.Consumed, table string) []deliver.Consumed {
	own := c.CapacityUnits
	if c.Table != nil {
		own = c.Table.CapacityUnits
	}
	dst = append(dst, deliver.Consumed{Table: table, Units: own})
	for _, indexes := range []map[string]units{c.LocalSecondaryIndexes, c.GlobalSecondaryIndexes} {
		for name, u := range indexes {
			dst = append(dst, deliver.Consumed{Table: table, Index: name, Units: u.CapacityUnits})
		}
	}
	return dst
}

// requestName is what the request calls a table: the answer may name it where
// the request has its ARN, or the other way round.
func requestName(table string, rows []*deliver.Row) string {
	for _, row := range rows {
		if row.Table == table || dynamo.TableName(row.Table) == dynamo.TableName(table) {
			return row.Table
		}
	}
	return table
}

// find is the row of the request that was given back. The answer may have rows
// in another order and spell them otherwise, so keys are compared, as DynamoDB
// does.
func (w *writeRequest) find(table string, keys []keyAttribute, rows []*deliver.Row) (int, error) {
	var text json.RawMessage
	switch {
	case w.PutRequest != nil:
		text = w.PutRequest.Item
	case w.DeleteRequest != nil:
		text = w.DeleteRequest.Key
	}
	item, err := attr.ParseDynamoJSON(bytes.Join([][]byte{[]byte(`{"M":`), text, []byte(`}`)}, nil))
	if err != nil {
		return 0, fmt.Errorf("the answer gives an item back that can't be read: %w", err)
	}
	var key []byte
	for _, k := range keys {
		key = attr.KeyBytes(key, item.Get(k.Name))
	}
	for i, row := range rows {
		if row.Table == table && row.Key == string(key) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("the answer gives an item of table %s back that was not in the request", table)
}
