package transaction

import (
	"bytes"
	"context"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// fate is what an action makes of its item.
func (a *action) fate() delivery.Fate {
	switch a.verb {
	case "Put":
		return delivery.IsPut
	case "Delete":
		return delivery.IsDeleted
	case "Update":
		return delivery.IsUnknown
	}
	return 0 // a check makes nothing
}

// Unverifiable is why nothing can be said of what rows make of their items;
// empty when something can. noRejects says that a rejected row fails the run.
func (c *Config) Unverifiable(noRejects bool) string {
	if len(c.puts)+len(c.deletes) == 0 {
		return "it puts and deletes no whole item: an update leaves the other attributes as they were"
	}
	conditional := slices.ContainsFunc(c.actions(), func(a action) bool { return a.Condition != nil })
	if conditional && !delivery.Certain(c.onCondition, noRejects) {
		return delivery.NotCertain
	}
	return ""
}

// Expect finds the tables that are known beforehand.
func (c *Config) Expect(ctx context.Context, mem memory.Allocator, noRejects bool) (*delivery.Expectation, error) {
	client, err := c.Connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	tables := delivery.NewTables(client, nil, nil)
	steps, err := newSteps(ctx, mem, c.actions(), tables)
	if err != nil {
		client.Close()
		return nil, err
	}
	e := &encoder{
		steps: steps, groupBy: c.groupBy, identities: delivery.NewIdentities(c.idempotencyKey, "", ""),
	}
	x := &delivery.Expectation{Rows: (*expecter)(e), Client: client, Connection: c.Connection, OnlyDeletes: len(c.puts)+len(c.updates) == 0, Cost: c.cost()}
	if len(c.updates) > 0 {
		x.Doubts = append(x.Doubts, "its updates can't be verified: they leave attributes of the items as they were")
	}
	for _, a := range c.actions() {
		fate := a.fate()
		if fate != 0 && c.Unverifiable(noRejects) != "" {
			fate = delivery.IsUnknown
		}
		e.fates = append(e.fates, fate)
		name, fixed := a.FixedTable()
		if !fixed {
			x.RowTables = true
			continue
		}
		t, err := tables.Find(ctx, name)
		if err != nil {
			client.Close()
			return nil, err
		}
		if !slices.Contains(x.Tables, t) {
			x.Tables = append(x.Tables, t)
		}
	}
	return x, nil
}

// expect keeps what a step makes of the row's item until the transaction is whole.
func (e *encoder) expect(step int, target *delivery.Target, row int) {
	d, origins := &e.draft, e.page.Batch.Origins()
	if e.see != nil {
		d.actions = append(d.actions, delivery.Action{
			Verb: e.steps[step].verb, Key: e.steps[step].writer.RowKey().Clone(), Size: e.page.Items.Size(row),
			Item: bytes.Clone(d.body[target.ItemFrom:target.ItemTo]),
		})
	}
	if e.fates[step] == 0 {
		return
	}
	d.changes = append(d.changes, delivery.Change{
		Fate: e.fates[step], Key: e.steps[step].writer.RowKey().Clone(), Item: bytes.Clone(d.body[target.ItemFrom:target.ItemTo]),
		Place: origins.Place, Pos: origins.Pos[row],
	})
}

// cost is what is known of the requests.
func (c *Config) cost() delivery.Cost {
	out := delivery.Cost{Call: operation.String(), Caps: deliver.TransactWriteCaps(), Times: delivery.TransactionCost}
	if c.once.Marked() {
		out.Marker = c.once.MarkerTable
	}
	return out
}

// expecter says what the transactions would make of items.
type expecter encoder

var _ delivery.Watched = (*expecter)(nil)

// Watch implements delivery.Watched.
func (x *expecter) Watch(see func(*delivery.Sending) error) { x.see = see }

// Expect implements delivery.Expecter.
func (x *expecter) Expect(ctx context.Context, b *record.Batch, r *record.Receipt, tell func(delivery.Change) error) error {
	e := (*encoder)(x)
	e.begin(b, r)
	defer e.end()
	for row := range b.Rows() {
		if err := e.row(ctx, row); err != nil {
			return err
		}
		if err := x.tell(tell); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements delivery.Expecter: the last group is whole.
func (x *expecter) Flush(_ context.Context, tell func(delivery.Change) error) error {
	(*encoder)(x).close()
	return x.tell(tell)
}

// Close gives back the batches of rows that have not ended.
func (x *expecter) Close() { x.shelf.Close() }

// tell tells of the transactions that are whole, and ends their rows.
func (x *expecter) tell(tell func(delivery.Change) error) error {
	for i := range x.out {
		row := &x.out[i]
		g := row.Receipt.(*group) // finish makes it
		if x.see != nil {
			if err := x.see(&delivery.Sending{Row: row, Actions: g.actions}); err != nil {
				return err
			}
		}
		for _, c := range g.changes {
			if err := tell(c); err != nil {
				return err
			}
		}
		g.EndEach(nil, record.Written)
	}
	clear(x.out)
	x.out = x.out[:0]
	return nil
}
