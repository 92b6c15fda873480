package batchwrite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// sink writes batches to DynamoDB.
type sink struct {
	client     *dynamo.Client
	core       *deliver.Core
	encoder    encoder
	shelf      delivery.Shelf
	maxDeletes int64 // noLimit: any number
	deletes    int64
	rows       []deliver.Row
}

var _ sinks.Checkpointer = (*sink)(nil)

// state is what a run that goes on has to know: what it counts is counted over
// the whole of the run.
type state struct {
	Deletes int64 `json:"deletes"` // rows taken that delete
}

// Write checks and encodes the rows of a batch and hands them to the core.
func (s *sink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	p := delivery.NewPage(b)
	rows := s.shelf.Add(p, r)
	if s.encoder.writes != nil {
		s.encoder.writes.Begin(b)
		defer s.encoder.writes.End()
	}
	var out deliver.Row
	for row := range b.Rows() {
		out = deliver.Row{Receipt: rows}
		no, err := s.encoder.row(ctx, p, row, &out)
		if err != nil {
			return err
		}
		if no.Refused() {
			if err := rows.Reject(row, record.Rejection{Operation: out.Operation.String(), Code: no.Code, Message: no.Message}); err != nil {
				return err
			}
			continue
		}
		if out.Operation == deliver.Delete || out.Operation == deliver.DeleteItem {
			if err := s.countDelete(r.Origin(row)); err != nil {
				return err
			}
		}
		s.rows = append(s.rows, out)
		if len(s.rows) == handful {
			if err := s.submit(ctx); err != nil {
				return err
			}
		}
	}
	return s.submit(ctx)
}

// handful is how many rows are handed to the core at a time: so few that what
// was written of them is still near to the processor.
const handful = 128

func (s *sink) submit(ctx context.Context) error {
	err := s.core.Submit(ctx, s.rows)
	clear(s.rows)
	s.rows = s.rows[:0]
	return err
}

// countDelete stops the run before a delete too many is sent.
func (s *sink) countDelete(at record.Origin) error {
	s.deletes++
	if s.maxDeletes != noLimit && s.deletes > s.maxDeletes {
		return fmt.Errorf("the row at %s would be delete number %d, and max_deletes is %d: nothing beyond was deleted; "+
			"check what the pipeline deletes, or raise max_deletes", at, s.deletes, s.maxDeletes)
	}
	return nil
}

// Checkpoint is how many deletes there were so far.
func (s *sink) Checkpoint(context.Context) (json.RawMessage, error) {
	return json.Marshal(state{Deletes: s.deletes})
}

// Keep has nothing to keep: what was written is in the tables.
func (s *sink) Keep() {}

// resume goes on from what Checkpoint gave.
func (s *sink) resume(text json.RawMessage) error {
	if text == nil {
		return nil
	}
	var from state
	if err := json.Unmarshal(text, &from); err != nil {
		return fmt.Errorf("the saved state of the sink can't be read: %w", err)
	}
	s.deletes = from.Deletes
	return nil
}

// Flush waits until every row has ended. A row never waits for another one, so
// the ending makes no difference.
func (s *sink) Flush(ctx context.Context, _ sinks.Ending) error { return s.core.Flush(ctx) }

// Close cancels what is in flight.
func (s *sink) Close() error {
	s.core.Close()
	s.shelf.Close()
	s.client.Close()
	return nil
}
