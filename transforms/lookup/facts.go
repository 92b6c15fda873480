package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// useRead is the use of a table, as the plan says it.
const useRead = "read"

// Facts asks for the tables' descriptions. What can't be asked is a note: a plan
// can be made without a connection.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Calls:     []string{"DescribeTable", callBatch},
		Order:     "rows leave in the order they come",
		Guarantee: "items are read as they are when a row comes; a resumed run reads them again",
	}
	if c.mode == modeTransaction {
		f.Calls[1] = callTransact
		f.Notes = append(f.Notes, fmt.Sprintf("one request for each row, or for equal keys of a batch: %s in a transaction, at twice the capacity", count(len(c.gets), "item")))
	} else {
		f.Notes = append(f.Notes, fmt.Sprintf("requests of up to %d keys, %s for each row; equal keys of a batch are asked for once",
			deliver.BatchGetCaps(0).Items, count(len(c.gets), "key")))
	}
	if c.cache > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("up to %s are kept and not read again", count(c.cache, "item")))
	}
	switch c.onMissing {
	case missingDrop:
		f.Notes = append(f.Notes, "a row without one of its items is filtered")
	case missingReject:
		f.Notes = append(f.Notes, "a row without one of its items is rejected")
	}
	f.Tables = c.uses(ctx)
	return f, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// uses are the tables, each once.
func (c *Config) uses(ctx context.Context) (uses []schema.TableUse) {
	ctx, cancel := context.WithTimeout(ctx, delivery.FactsPatience)
	defer cancel()
	for i, g := range c.gets {
		same := func(other get) bool { return other.table == g.table && other.connection == g.connection }
		if slices.IndexFunc(c.gets, same) != i {
			continue
		}
		use, table := g.use(ctx)
		for j := range c.gets {
			if table == nil || !same(c.gets[j]) {
				continue
			}
			t := target{table: delivery.NewTable(g.table, table), names: keyNames(table.Keys)}
			if _, err := t.order(&c.gets[j]); err != nil {
				use.Note += "; " + err.Error()
			}
		}
		uses = append(uses, use)
	}
	return uses
}

// use is what the get's table is; described is nil when that can't be told.
func (g *get) use(ctx context.Context) (use schema.TableUse, described *dynamo.Table) {
	use = schema.TableUse{Name: g.table, Use: useRead}
	client, err := g.connection.Client(ctx)
	if err == nil {
		defer client.Close()
		described, err = client.Describe(ctx, g.table)
	}
	var e *dynamo.Error
	switch {
	case err == nil:
		for _, k := range described.Keys {
			use.Keys = append(use.Keys, fmt.Sprintf("%s (%s)", k.Name, k.Kind.Descriptor()))
		}
		use.Note = fmt.Sprintf("%d items when DynamoDB last counted (every six hours or so), %s", described.ItemCount, described.Billing)
		return use, described
	case errors.As(err, &e) && e.Code == "ResourceNotFoundException":
		use.Note = "there is no such table: a run would fail"
	default:
		use.Note = "not looked up: " + err.Error()
	}
	return use, nil
}

func keyNames(keys []dynamo.Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}
