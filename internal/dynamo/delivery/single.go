package delivery

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// Single carries requests of one row: PutItem, DeleteItem and UpdateItem, as
// the row says. The row's body is that of the call, but for its last brace.
type Single struct {
	Client    *dynamo.Client
	OnFailure string // of a condition
	// Resumed says that any row may have been sent by an earlier process of the
	// run, whose answer is not known.
	Resumed bool
}

var _ deliver.Sender = (*Single)(nil)

// SingleTail is what a row's body ends in.
const SingleTail = `,"ReturnConsumedCapacity":"INDEXES"`

// returnOld has a condition that fails return the item.
const returnOld = `,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"`

// Send makes one attempt.
func (s *Single) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	row := r.Rows[0]
	call := row.Operation.String()
	m := s.Client.Message()
	defer m.Free()
	body := append(m.Body(), row.Body...)
	doubtful := r.Doubtful || s.Resumed
	if doubtful {
		body = append(body, returnOld...)
	}
	m.Set(append(body, '}'))
	text, err := s.Client.Send(ctx, call, m)
	var e *dynamo.Error
	switch {
	case errors.As(err, &e) && e.Class == dynamo.ConditionFailed:
		if doubtful && took(row, e.Item) {
			return deliver.Answer{}, nil
		}
		return unmet(s.OnFailure, row, codeConditionFailed, "the condition does not hold for the item that is stored", err)
	case err != nil:
		return deliver.Answer{}, Fault(err, r.Rows)
	}
	var answer struct{ ConsumedCapacity *Capacity }
	if err := json.Unmarshal(text, &answer); err != nil {
		return deliver.Answer{}, Unreadable(call, err)
	}
	var out deliver.Answer
	if answer.ConsumedCapacity != nil {
		out.Consumed = answer.ConsumedCapacity.Append(nil, r.Rows)
	}
	return out, nil
}

// took reports that what is stored is what the row wants, so that it was an
// earlier attempt at the row, whose answer was lost, that made its condition
// fail.
func took(row *deliver.Row, stored json.RawMessage) bool {
	item, there := parseItem(stored)
	switch row.Operation {
	case deliver.DeleteItem:
		return !there
	case deliver.PutItem:
		own, ok := parseItem(row.Receipt.(*Rows).Item(row.Index))
		return ok && there && attr.Equal(own, item)
	case deliver.UpdateItem:
		return there && dynamo.Updated(row.Body, item)
	}
	return false
}

func parseItem(text []byte) (attr.Value, bool) {
	if len(text) == 0 || string(text) == "null" {
		return attr.Value{}, false
	}
	v, err := attr.ParseDynamoJSON(append(append([]byte(`{"M":`), text...), '}'))
	return v, err == nil
}
