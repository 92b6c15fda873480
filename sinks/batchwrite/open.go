package batchwrite

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/sinks"
)

// callName is the API operation that the sink makes.
const callName = "BatchWriteItem"

// Open finds the tables that are known beforehand, creating them if it should,
// and starts the core.
func (c *Config) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	client, err := c.connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	s := &sink{client: client, maxDeletes: c.maxDeletes, encoder: encoder{
		table: c.table, operation: c.operation,
		fixedOp: c.onlyOperation(),
		targets: &targets{
			client: client, create: c.createTable, known: map[string]*target{},
			guard: guard{client: client, operation: c.onlyOperation(), meter: env.Meter},
		},
	}}
	cfg := deliver.Config{
		Operation: callName, Caps: deliver.BatchWriteCaps(), Concurrency: c.concurrency,
		RejectDuplicates: c.duplicates == duplicatesError, Retry: c.retryPolicy(), Meter: env.Meter,
	}
	cfg.Caps.Items = c.batchSize
	if err := c.findTables(ctx, s, &cfg); err != nil {
		client.Close()
		return nil, err
	}
	s.core = deliver.New(ctx, cfg, &sender{client: client, tables: s.encoder.targets})
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

// findTables finds the tables that are known before any row comes, and the
// budget that may depend on one.
func (c *Config) findTables(ctx context.Context, s *sink, cfg *deliver.Config) error {
	name, fixed := c.fixedTable()
	for _, t := range c.tables {
		if _, err := s.encoder.targets.find(ctx, t); err != nil {
			return err
		}
	}
	if fixed {
		t, err := s.encoder.targets.find(ctx, name)
		if err != nil {
			return err
		}
		s.encoder.fixed = t
	}
	budget, _ := parseCapacity(c.writeCapacity) // checked when it was decoded
	cfg.Budget = budget.value
	if !budget.percent {
		return nil
	}
	t, err := s.client.Describe(ctx, name)
	if err != nil {
		return err
	}
	if t.Billing != dynamo.BillingProvisioned {
		return fmt.Errorf("write_capacity = %q is a part of a provisioned table's capacity, and table %s is on demand: write a number of units per second",
			c.writeCapacity, name)
	}
	cfg.Budget = float64(t.ProvisionedWrite) * budget.value / 100
	return nil
}

func (c *Config) retryPolicy() deliver.Retry {
	if c.retry == nil {
		return deliver.DefaultRetry()
	}
	return c.retry.Retry
}
