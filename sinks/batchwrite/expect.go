package batchwrite

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// expecter says what rows would make of items, by the checks that they pass
// before they are sent.
type expecter struct {
	encoder     encoder
	conditional bool
	alone       bool
}

var _ delivery.Expecter = (*expecter)(nil)

// Expect finds the tables that are known beforehand, creating none.
func (c *Config) Expect(ctx context.Context) (*delivery.Expectation, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	e := &expecter{conditional: c.writes != nil, alone: c.duplicates == duplicatesError, encoder: encoder{
		table: c.table, operation: c.operation, fixedOp: c.onlyOperation(), tables: delivery.NewTables(client, nil, nil),
	}}
	x := &delivery.Expectation{
		Rows: e, Client: client, Connection: c.Connection, OnlyDeletes: c.onlyOperation() == deliver.Delete,
	}
	name, fixed := c.fixedTable()
	x.RowTables = !fixed
	names := c.tables
	if fixed {
		names = []string{name}
	}
	for _, name := range names {
		t, err := e.encoder.tables.Find(ctx, name)
		if err != nil {
			client.Close()
			return nil, err
		}
		x.Tables = append(x.Tables, t)
		if fixed {
			e.encoder.fixed = t
		}
	}
	if c.writes != nil {
		x.Doubts = append(x.Doubts, "with a condition, whether a row is written depends on the item that was stored before")
	}
	return x, nil
}

// Expect implements delivery.Expecter.
func (e *expecter) Expect(ctx context.Context, b *record.Batch, r *record.Receipt, tell func(delivery.Change) error) error {
	p := delivery.NewPage(b)
	origins := b.Origins()
	for row := range b.Rows() {
		out, no, err := e.encoder.row(ctx, p, row)
		if err != nil {
			return err
		}
		if no.Refused() {
			if err := r.Reject(row, no.Rejection(b, row, out.Operation.String())); err != nil {
				return err
			}
			continue
		}
		change := delivery.Change{
			Fate: delivery.IsPut, Key: &e.encoder.key, Row: row, Alone: e.alone, Place: origins.Place, Pos: origins.Pos[row],
		}
		switch {
		case e.conditional:
			change.Fate = delivery.IsUnknown
		case out.Operation == deliver.Delete:
			change.Fate = delivery.IsDeleted
		}
		if err := tell(change); err != nil {
			return err
		}
		r.End(row, record.Written)
	}
	return nil
}

// Flush implements delivery.Expecter: nothing is held.
func (*expecter) Flush(context.Context, func(delivery.Change) error) error { return nil }
