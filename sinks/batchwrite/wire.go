package batchwrite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// sender carries the core's requests to BatchWriteItem.
type sender struct {
	client *dynamo.Client
	tables *delivery.Tables
	usual  usualAnswers
}

var _ deliver.Sender = (*sender)(nil)

// Send makes one attempt.
func (s *sender) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	m := s.client.Message()
	defer m.Free()
	from := len(m.Body())
	body := appendRequest(m.Body(), r.Rows)
	m.Set(body)
	r.Bytes = len(body) - from
	text, err := s.client.Send(ctx, callName, m)
	if err != nil {
		return deliver.Answer{}, delivery.Fault(err, r.Rows)
	}
	answer, err := s.parse(text, r.Rows)
	if err != nil {
		return deliver.Answer{}, delivery.Unreadable(callName, err)
	}
	return answer, nil
}

// appendRequest appends the request's body. Rows of one table stand together.
func appendRequest(dst []byte, rows []*deliver.Row) []byte {
	dst = append(dst, `{"RequestItems":{`...)
	for i := 0; i < len(rows); {
		row := rows[i]
		switch {
		case i == 0:
			dst = append(attr.AppendJSONString(dst, row.Table), ":["...)
		case row.Table != rows[i-1].Table:
			dst = append(attr.AppendJSONString(append(dst, "],"...), row.Table), ":["...)
		default:
			dst = append(dst, ',')
		}
		if row.Body != nil {
			dst = append(dst, row.Body...)
			i++
			continue
		}
		var n int
		dst, n = row.Receipt.(*delivery.Rows).AppendItems(append(dst, putHead...), rows[i:], tail+","+putHead)
		dst = append(dst, tail...)
		i += n
	}
	return append(dst, `]},"ReturnConsumedCapacity":"INDEXES"}`...)
}

// response is what there is to know of BatchWriteItem's answer.
type response struct {
	UnprocessedItems map[string][]writeRequest
	ConsumedCapacity []delivery.Capacity
}

type writeRequest struct {
	PutRequest    *struct{ Item json.RawMessage }
	DeleteRequest *struct{ Key json.RawMessage }
}

func (s *sender) parse(text []byte, rows []*deliver.Row) (deliver.Answer, error) {
	if a, known := s.usual.find(text, rows); known {
		return a, nil
	}
	a, err := s.read(text, rows)
	if err == nil && len(a.Unprocessed) == 0 {
		s.usual.keep(text, rows, a)
	}
	return a, err
}

func (s *sender) read(text []byte, rows []*deliver.Row) (deliver.Answer, error) {
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return deliver.Answer{}, fmt.Errorf("the answer can't be read: %w", err)
	}
	var a deliver.Answer
	for _, c := range r.ConsumedCapacity {
		a.Consumed = c.Append(a.Consumed, rows)
	}
	for name, requests := range r.UnprocessedItems {
		table := delivery.RequestName(name, rows)
		keys := s.tables.Keys(table)
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

// find is the row of the request that was given back. The answer may have rows
// in another order and spell them otherwise, so keys are compared, as DynamoDB
// does.
func (w *writeRequest) find(table string, keys []delivery.KeyAttribute, rows []*deliver.Row) (int, error) {
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
