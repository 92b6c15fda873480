package batchwrite

import (
	"context"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// expecter says what rows would make of items, by the checks that they pass
// before they are sent.
type expecter struct {
	encoder encoder
	unknown bool // what is stored depends on more than the rows
	alone   bool
	see     func(*delivery.Sending) error // nil: nobody reckons
	sending delivery.Sending
	item    []byte
}

var _ delivery.Watched = (*expecter)(nil)

// Watch implements delivery.Watched.
func (e *expecter) Watch(see func(*delivery.Sending) error) { e.see = see }

// Unverifiable is why nothing can be said of what rows make of their items;
// empty when something can. noRejects says that a rejected row fails the run.
func (c *Config) Unverifiable(noRejects bool) string {
	if c.writes != nil && !delivery.Certain(c.onCondition, noRejects) {
		return delivery.NotCertain
	}
	return ""
}

// Expect finds the tables that are known beforehand, creating none.
func (c *Config) Expect(ctx context.Context, _ memory.Allocator, noRejects bool) (*delivery.Expectation, error) {
	return c.expect(ctx, noRejects, func(client *dynamo.Client) *delivery.Tables { return delivery.NewTables(client, nil, nil) })
}

// ExpectToBe takes a table that would be created for one that is there.
func (c *Config) ExpectToBe(ctx context.Context) (*delivery.Expectation, error) {
	return c.expect(ctx, false, func(client *dynamo.Client) *delivery.Tables { return delivery.NewTablesToBe(client, c.createTable) })
}

func (c *Config) expect(ctx context.Context, noRejects bool, tables func(*dynamo.Client) *delivery.Tables) (*delivery.Expectation, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	e := &expecter{unknown: c.Unverifiable(noRejects) != "", alone: c.duplicates == duplicatesError && c.writes == nil && !noRejects, encoder: encoder{
		table: c.table, operation: c.operation, fixedOp: c.onlyOperation(), writes: c.writes, tables: tables(client),
	}}
	x := &delivery.Expectation{
		Rows: e, Client: client, Connection: c.Connection, OnlyDeletes: c.onlyOperation() == deliver.Delete, Cost: c.cost(),
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
	return x, nil
}

// Expect implements delivery.Expecter.
func (e *expecter) Expect(ctx context.Context, b *record.Batch, r *record.Receipt, tell func(delivery.Change) error) error {
	p := delivery.NewPage(b)
	if e.encoder.writes != nil {
		e.encoder.writes.Begin(b)
		defer e.encoder.writes.End()
	}
	origins := b.Origins()
	for row := range b.Rows() {
		var out deliver.Row
		no, err := e.encoder.row(ctx, p, row, &out)
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
		case e.unknown:
			change.Fate = delivery.IsUnknown
		case out.Operation == deliver.Delete, out.Operation == deliver.DeleteItem:
			change.Fate = delivery.IsDeleted
		}
		if err := tell(change); err != nil {
			return err
		}
		if e.see != nil {
			out.Receipt = r
			if err := e.tell(p, &out); err != nil {
				return err
			}
		}
		r.End(row, record.Written)
	}
	return nil
}

// tell tells what would be sent.
func (e *expecter) tell(p *delivery.Page, row *deliver.Row) error {
	action := delivery.Action{Verb: delivery.VerbDelete, Key: &e.encoder.key}
	if row.Operation == deliver.Put || row.Operation == deliver.PutItem {
		e.item = p.Items.AppendRow(e.item[:0], row.Index)
		action.Verb, action.Item = delivery.VerbPut, e.item
	}
	e.sending.Row, e.sending.Actions = row, append(e.sending.Actions[:0], action)
	return e.see(&e.sending)
}

// cost is what is known of the requests.
func (c *Config) cost() delivery.Cost {
	out := delivery.Cost{Call: callName, Caps: deliver.BatchWriteCaps(), Times: 1}
	out.Caps.Items = c.batchSize
	if c.writes != nil {
		out.Call, out.Caps = strings.Join(c.calls(), ", "), deliver.ItemCaps()
	}
	return out
}

// Flush implements delivery.Expecter: nothing is held.
func (*expecter) Flush(context.Context, func(delivery.Change) error) error { return nil }
