package transaction

import (
	"context"

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
	encoder *encoder
}

var (
	_ sinks.Holder       = (*sink)(nil)
	_ sinks.Checkpointer = (*sink)(nil)
)

// maxHeld bounds the memory of transactions that wait or are in flight. Each is
// large: less than the core's own bound has room for all that are sent at once.
const maxHeld = 12 << 20

// Open finds the tables that are known beforehand and starts the core.
func (c *Config) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	cfg := deliver.Config{
		Operation: operation.String(), Caps: deliver.TransactWriteCaps(), Concurrency: c.Concurrency,
		Retry: c.Retry.Policy(), Meter: env.Meter, MaxBytes: maxHeld,
	}
	e, err := c.encoder(ctx, env, client, &cfg)
	if err != nil {
		client.Close()
		return nil, err
	}
	sender := &delivery.Transaction{Client: client, OnFailure: c.onCondition, Once: c.once.On, Marker: e.marker}
	return &sink{client: client, encoder: e, core: deliver.New(ctx, cfg, sender)}, nil
}

func (c *Config) encoder(ctx context.Context, env sinks.Env, client *dynamo.Client, cfg *deliver.Config) (*encoder, error) {
	marker, err := c.once.Open(ctx, client, env.Meter, env.Node, env.Run.Start, env.Resume != nil)
	if err != nil {
		return nil, err
	}
	guard := &delivery.Guard{
		Client: client, Meter: env.Meter, Does: "transactions write to those with the same key", Always: len(c.deletes) > 0,
	}
	steps, err := newSteps(ctx, env.Mem, c.actions(), delivery.NewTables(client, nil, guard))
	if err != nil {
		return nil, err
	}
	table := ""
	if names, _ := c.tables(); len(names) > 0 {
		table = names[0]
	}
	if cfg.Budget, err = c.Budget(ctx, client, table); err != nil {
		return nil, err
	}
	e := &encoder{
		steps: steps, groupBy: c.groupBy, identities: delivery.NewIdentities(c.idempotencyKey, env.Run.ID, env.Node),
		marker: marker, digest: delivery.NewDigest(),
	}
	return e, e.resume(env.Resume)
}

// Write adds the rows of a batch to their transactions and hands those that are
// whole to the core.
func (s *sink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	s.encoder.begin(b, r)
	defer s.encoder.end()
	for row := range b.Rows() {
		if err := s.encoder.row(ctx, row); err != nil {
			return err
		}
	}
	return s.core.Submit(ctx, s.encoder.out)
}

// Flush sends the last group, unless the run was stopped: then more rows of it
// may be to come. It waits until every row that was sent has ended.
func (s *sink) Flush(ctx context.Context, how sinks.Ending) error {
	if how == sinks.EndOfInput {
		s.encoder.close()
		if err := s.core.Submit(ctx, s.encoder.out); err != nil {
			return err
		}
	}
	return s.core.Flush(ctx)
}

// Close cancels what is in flight.
func (s *sink) Close() error {
	s.core.Close()
	s.encoder.shelf.Close()
	s.client.Close()
	return nil
}
