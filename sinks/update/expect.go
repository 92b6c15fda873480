package update

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// expecter says which items rows would change; into what, only DynamoDB knows.
type expecter struct {
	writer  *delivery.Writer
	scratch []byte
	cost    delivery.Cost
	see     func(*delivery.Sending) error // nil: nobody reckons
	sending delivery.Sending
}

var _ delivery.Watched = (*expecter)(nil)

// Watch implements delivery.Watched.
func (e *expecter) Watch(see func(*delivery.Sending) error) { e.see = see }

// Unverifiable is why nothing can be said of what rows make of their items.
func (*Config) Unverifiable(bool) string {
	return "an update leaves the other attributes of an item as they were, and may compute with what was stored"
}

// Expect finds the table, if it is known beforehand.
func (c *Config) Expect(ctx context.Context, mem memory.Allocator, _ bool) (*delivery.Expectation, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	tables := delivery.NewTables(client, nil, nil)
	writer, err := delivery.NewWriter(ctx, mem, c.Write, tables)
	if err != nil {
		client.Close()
		return nil, err
	}
	cost := c.cost()
	x := &delivery.Expectation{Rows: &expecter{writer: writer, cost: cost}, Client: client, Connection: c.Connection, Cost: cost}
	name, fixed := c.FixedTable()
	if x.RowTables = !fixed; fixed {
		t, err := tables.Find(ctx, name) // known by now
		if err != nil {
			client.Close()
			return nil, err
		}
		x.Tables = append(x.Tables, t)
	}
	return x, nil
}

// Expect implements delivery.Expecter.
func (e *expecter) Expect(ctx context.Context, b *record.Batch, r *record.Receipt, tell func(delivery.Change) error) error {
	page := delivery.NewPage(b)
	e.writer.Begin(page)
	defer e.writer.End()
	origins := b.Origins()
	for row := range b.Rows() {
		var no delivery.Refusal
		var err error
		var target delivery.Target
		e.scratch, target, no, err = e.writer.Append(ctx, e.scratch[:0], row)
		if err != nil {
			return err
		}
		if no.Refused() {
			if err := r.Reject(row, no.Rejection(b, row, "UpdateItem")); err != nil {
				return err
			}
			continue
		}
		if err := tell(delivery.Change{Fate: delivery.IsUnknown, Key: e.writer.RowKey(), Row: row, Place: origins.Place, Pos: origins.Pos[row]}); err != nil {
			return err
		}
		if e.see != nil {
			out := deliver.Row{
				Table: target.Table.Name, Key: string(target.Key), Operation: deliver.UpdateItem, Body: e.scratch,
				Units: target.Units * e.cost.Times, Receipt: r, Index: row,
			}
			e.sending.Row = &out
			e.sending.Actions = append(e.sending.Actions[:0], delivery.Action{Verb: delivery.VerbUpdate, Key: e.writer.RowKey(), Size: page.Items.Size(row)})
			if err := e.see(&e.sending); err != nil {
				return err
			}
		}
		r.End(row, record.Written)
	}
	return nil
}

// cost is what is known of the requests.
func (c *Config) cost() delivery.Cost {
	out := delivery.Cost{Call: c.call().String(), Caps: deliver.ItemCaps(), Times: 1}
	if c.once.On {
		out.Times = delivery.TransactionCost
	}
	if c.once.Marked() {
		out.Marker = c.once.MarkerTable
	}
	return out
}

// Flush implements delivery.Expecter: nothing is held.
func (*expecter) Flush(context.Context, func(delivery.Change) error) error { return nil }
