package update

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// call is the API operation that the sink makes.
func (c *Config) call() deliver.Operation {
	if c.once.On {
		return deliver.TransactWrite
	}
	return deliver.UpdateItem
}

// Facts asks for the table's description. What can't be asked is a note: a
// plan can be made without a connection.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Calls: []string{"DescribeTable", "DescribeContinuousBackups", c.call().String()},
		Order: "rows of one key in the order they come, each sent; rows of different keys in any order",
	}
	f.Delivery, f.Guarantee = c.guarantee()
	if c.once.On {
		f.Notes = append(f.Notes, "exactly_once takes twice the capacity: 2 WCU for each KB")
	}
	if name, fixed := c.FixedTable(); fixed {
		f.Tables = c.Uses(ctx, []string{name}, nil, true)
		f.Tables[0].Calls = append(f.Calls[:2:2], deliver.UpdateItem.String()) // a transaction of one is allowed by its action
	} else {
		f.RowTables = true
		f.Notes = append(f.Notes, "the tables are named by the rows")
	}
	c.MarkerUse(ctx, &f, &c.once)
	return f, nil
}

func (c *Config) guarantee() (schema.Delivery, string) {
	switch {
	case c.once.On:
		return c.once.Guarantee()
	case c.writes.Repeatable():
		return schema.AtLeastOnce, "at least once: a request whose answer was lost, and rows of a resumed run, are sent again, which leaves the same items"
	}
	return schema.AtLeastOnce, "at least once: add and arithmetic on item happen twice when an answer is lost, or a run resumed, and the request is sent again; exactly_once = true prevents that"
}
