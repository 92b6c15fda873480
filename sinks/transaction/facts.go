package transaction

import (
	"context"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Facts asks for the tables' descriptions. What can't be asked is a note: a
// plan can be made without a connection.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Calls: []string{"DescribeTable", "DescribeContinuousBackups", deliver.TransactWrite.String()},
		Order: "transactions that share an item in the order of their rows; others in any order",
		Notes: []string{"transactions take twice the capacity of single writes: 2 WCU for each KB"},
	}
	f.Delivery, f.Guarantee = c.once.Guarantee()
	if c.groupBy != nil {
		f.Notes = append(f.Notes, fmt.Sprintf("rows of a group of more than %d actions or 4 MB are rejected", c.once.Actions()))
	}
	if c.once.On && !c.once.Marked() {
		f.Notes = append(f.Notes, "exactly_once: fails rather than repeat a transaction whose answer was lost more than ten minutes ago")
	}
	names, all := c.tables()
	if !all {
		f.RowTables = true
		f.Notes = append(f.Notes, "some tables are named by the rows")
	}
	f.Tables = c.Uses(ctx, names, nil, true)
	for i := range f.Tables {
		f.Tables[i].Calls = append(f.Tables[i].Calls, f.Calls[:2]...)
		f.Tables[i].Calls = append(f.Tables[i].Calls, c.callsAt(f.Tables[i].Name)...)
	}
	c.MarkerUse(ctx, &f, &c.once)
	return f, nil
}

// callsAt is what the transactions do with a table, by the names that IAM has
// for it.
func (c *Config) callsAt(table string) []string {
	var calls []string
	for _, a := range c.actions() {
		if name, fixed := a.FixedTable(); fixed && name == table {
			calls = append(calls, a.verb+"Item")
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}
