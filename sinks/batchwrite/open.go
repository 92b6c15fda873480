package batchwrite

import (
	"context"
	"strings"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/sinks"
)

// callName is the API operation that the sink makes without a condition.
const callName = "BatchWriteItem"

// Open finds the tables that are known beforehand, creating them if it should,
// and starts the core.
func (c *Config) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	op := c.onlyOperation()
	guard := &delivery.Guard{Client: client, Meter: env.Meter, Does: does(op), Always: op != deliver.Put}
	s := &sink{client: client, maxDeletes: c.maxDeletes, encoder: encoder{
		table: c.table, operation: c.operation, fixedOp: op, writes: c.writes,
		tables: delivery.NewTables(client, c.createTable, guard),
	}}
	cfg := deliver.Config{
		Operation: callName, Caps: deliver.BatchWriteCaps(), Concurrency: c.Concurrency,
		RejectDuplicates: c.duplicates == duplicatesError, Retry: c.Retry.Policy(), Meter: env.Meter,
	}
	cfg.Caps.Items = c.batchSize
	if err = s.resume(env.Resume); err == nil {
		err = c.findTables(ctx, s, &cfg)
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	if c.writes != nil {
		cfg.Operation, cfg.Caps = strings.Join(c.calls(), ", "), deliver.ItemCaps()
		s.core = deliver.New(ctx, cfg, &delivery.Single{Client: client, OnFailure: c.onCondition, Resumed: env.Resume != nil})
		return s, nil
	}
	s.core = deliver.New(ctx, cfg, &sender{client: client, tables: s.encoder.tables})
	return s, nil
}

// onlyOperation is what every row asks; 0 when the row says.
func (c *Config) onlyOperation() deliver.Operation {
	switch op, fixed := c.fixedOperation(); {
	case !fixed:
		return 0
	case op == operationDelete:
		return deliver.Delete
	}
	return deliver.Put
}

// calls is the API operations that write.
func (c *Config) calls() []string {
	switch op := c.onlyOperation(); {
	case c.writes == nil:
		return []string{callName}
	case op == deliver.Put:
		return []string{deliver.PutItem.String()}
	case op == deliver.Delete:
		return []string{deliver.DeleteItem.String()}
	}
	return []string{deliver.PutItem.String(), deliver.DeleteItem.String()}
}

// findTables finds the tables that are known before any row comes, and the
// budget that may depend on one.
func (c *Config) findTables(ctx context.Context, s *sink, cfg *deliver.Config) error {
	name, fixed := c.fixedTable()
	for _, t := range c.tables {
		if _, err := s.encoder.tables.Find(ctx, t); err != nil {
			return err
		}
	}
	if fixed {
		t, err := s.encoder.tables.Find(ctx, name)
		if err != nil {
			return err
		}
		s.encoder.fixed = t
	}
	var err error
	cfg.Budget, err = c.Budget(ctx, s.client, name)
	return err
}

// does says what rows do to the items of a table.
func does(op deliver.Operation) string {
	switch op {
	case deliver.Put:
		return "a put replaces the one with the same key"
	case deliver.Delete:
		return "every row deletes one"
	}
	return "rows replace or delete those with the same key"
}
