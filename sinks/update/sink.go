package update

import (
	"context"
	"encoding/json"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// sink writes batches to DynamoDB.
type sink struct {
	client  *dynamo.Client
	core    *deliver.Core
	encoder encoder
	rows    []deliver.Row
}

var _ sinks.Checkpointer = (*sink)(nil)

// Open finds the table, if it is known beforehand, and starts the core.
func (c *Config) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	s, cfg, err := c.prepare(ctx, env, client)
	if err != nil {
		client.Close()
		return nil, err
	}
	var sender deliver.Sender = &delivery.Single{Client: client, OnFailure: c.onCondition, Resumed: env.Resume != nil}
	if c.once.On {
		cfg.Caps = deliver.TransactWriteCaps()
		sender = &delivery.Transaction{Client: client, OnFailure: c.onCondition, Once: true, Marker: s.encoder.once.marker}
	}
	s.core = deliver.New(ctx, cfg, sender)
	return s, nil
}

// prepare finds the table that is known before any row comes, and the budget
// that may depend on it.
func (c *Config) prepare(ctx context.Context, env sinks.Env, client *dynamo.Client) (*sink, deliver.Config, error) {
	cfg := deliver.Config{
		Operation: c.call().String(), Caps: deliver.ItemCaps(), Concurrency: c.Concurrency,
		Retry: c.Retry.Policy(), Meter: env.Meter,
	}
	guard := &delivery.Guard{Client: client, Meter: env.Meter, Does: "an update changes the one with its key"}
	writer, err := delivery.NewWriter(ctx, env.Mem, c.Write, delivery.NewTables(client, nil, guard))
	if err != nil {
		return nil, cfg, err
	}
	marker, err := c.once.Open(ctx, client, env.Meter, env.Node, env.Run.Start, env.Resume != nil)
	if err != nil {
		return nil, cfg, err
	}
	name, _ := c.FixedTable()
	if cfg.Budget, err = c.Budget(ctx, client, name); err != nil {
		return nil, cfg, err
	}
	return &sink{client: client, encoder: encoder{
		operation: c.call(), writer: writer,
		once: once{identities: delivery.NewIdentities(c.key, env.Run.ID, env.Node), marker: marker, digest: delivery.NewDigest()},
	}}, cfg, nil
}

// Write checks and encodes the rows of a batch and hands them to the core.
func (s *sink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	s.rows = s.rows[:0]
	defer func() { clear(s.rows) }()
	s.encoder.begin(b, r)
	defer s.encoder.end()
	for row := range b.Rows() {
		out, no, err := s.encoder.row(ctx, row)
		if err != nil {
			return err
		}
		if no.Refused() {
			if err := s.encoder.refuse(row, no); err != nil {
				return err
			}
			continue
		}
		s.rows = append(s.rows, out)
	}
	return s.core.Submit(ctx, s.rows)
}

// Checkpoint has nothing to remember: that there was one tells the next process
// that rows may have been sent before.
func (s *sink) Checkpoint(context.Context) (json.RawMessage, error) {
	return json.RawMessage("{}"), nil
}

// Keep has nothing to keep: what was written is in the tables.
func (s *sink) Keep() {}

// Flush waits until every row has ended. A row never waits for another one to
// come, so the ending makes no difference.
func (s *sink) Flush(ctx context.Context, _ sinks.Ending) error { return s.core.Flush(ctx) }

// Close cancels what is in flight.
func (s *sink) Close() error {
	s.core.Close()
	s.encoder.shelf.Close()
	s.client.Close()
	return nil
}
