package batchwrite

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Facts asks for the tables' descriptions. What can't be asked is a note: a
// plan can be made without a connection.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Calls:    append([]string{"DescribeTable", "DescribeContinuousBackups"}, c.calls()...),
		Order:    "rows of one key in the order they come; rows of different keys in any order",
		Delivery: schema.AtLeastOnce, Guarantee: "at least once: a request whose answer was lost, and rows of a resumed run, are written again, " +
			"which leaves the same items",
	}
	if c.createTable != nil {
		f.Calls = append(f.Calls, c.createTable.Calls()...)
	}
	if c.writes != nil {
		f.Guarantee = "at least once, where the condition holds: a request whose answer was lost, and rows of a resumed run, are tried again; " +
			"where the condition fails then and the item is the row, it counts as written"
		f.Notes = append(f.Notes, "with a condition each row is a request of its own: slower than batches of 25, and nothing is coalesced")
	}
	f.Notes = append(f.Notes, c.deleteNotes()...)
	names := c.tables
	if name, fixed := c.fixedTable(); fixed {
		names = []string{name}
	} else if len(names) == 0 {
		f.RowTables = true
		f.Notes = append(f.Notes, "the tables are named by the rows; write tables = [...] to see them here")
	}
	f.Tables = c.Uses(ctx, names, c.createTable, c.onlyOperation() != deliver.Put)
	return f, nil
}

// deleteNotes says what may be deleted.
func (c *Config) deleteNotes() []string {
	op, fixed := c.fixedOperation()
	if fixed && op == operationPut {
		return nil
	}
	what := "deletes items, as the row says"
	if fixed {
		what = "deletes an item for every row"
	}
	if c.maxDeletes == noLimit {
		return []string{what + ", any number of them: max_deletes can bound that"}
	}
	return []string{fmt.Sprintf("%s, at most %d of them (max_deletes)", what, c.maxDeletes)}
}
