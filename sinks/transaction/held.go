package transaction

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/sinks"
)

// state is what a checkpoint says of a group that is open. Rows of it that are
// held are given with the checkpoint and come again; of one that can't be sent
// none is held, and the rows to come have to be told all the same.
type state struct {
	Refused *refusedGroup `json:"refused_group,omitempty"`
}

// refusedGroup is an open group whose rows are rejected.
type refusedGroup struct {
	Value   []byte `json:"value"` // of group_by
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Held is the rows of the open group.
func (s *sink) Held() []sinks.Held { return s.encoder.held() }

func (e *encoder) held() []sinks.Held {
	if !e.open {
		return nil
	}
	var rows []sinks.Held
	_ = e.draft.members.each(func(_ int, r *delivery.Rows, row int) error {
		rows = append(rows, sinks.Held{Receipt: r.Receipt(), Row: row, Item: r.Item(row)})
		return nil
	})
	return rows
}

// Checkpoint is why the rest of an open group will be rejected, if it will.
func (s *sink) Checkpoint(context.Context) (json.RawMessage, error) {
	return json.Marshal(s.encoder.state())
}

// Keep has nothing to keep: what was written is in the tables.
func (s *sink) Keep() {}

func (e *encoder) state() (out state) {
	d := &e.draft
	if e.groupBy == nil || !e.open || !d.failure.failed() {
		return out
	}
	no := d.failure.refusal()
	out.Refused = &refusedGroup{Value: d.value, Code: no.Code, Message: no.Message}
	return out
}

// resume goes on from what Checkpoint gave.
func (e *encoder) resume(text json.RawMessage) error {
	if text == nil {
		return nil
	}
	var from state
	if err := json.Unmarshal(text, &from); err != nil {
		return fmt.Errorf("the saved state of the sink can't be read: %w", err)
	}
	if g := from.Refused; g != nil {
		e.open = true
		e.draft.reset(&e.groups)
		e.draft.value = g.Value
		e.draft.failure.all = delivery.Refusal{Code: g.Code, Message: g.Message}
	}
	return nil
}
