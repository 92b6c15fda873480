package dynamodb

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Facts asks the table's description. A table that can't be asked is a note:
// a plan can be made without the network.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	facts := schema.Facts{
		Calls:     []string{"DescribeTable", c.operation()},
		Order:     "none: the segments of a scan are read in parallel",
		Guarantee: "no snapshot; a resumed run goes on at its checkpoint, and items that were settled after it come again (at least once)",
	}
	if c.key != nil {
		facts.Order = "the sort key, ascending"
		if c.descending {
			facts.Order = "the sort key, descending"
		}
	}
	if c.skipExpired {
		facts.Calls = append(facts.Calls, "DescribeTimeToLive")
	}
	use := schema.TableUse{Name: c.table, Use: "read", Index: c.index}
	client, table, err := c.describe(ctx)
	if client != nil {
		client.Close()
	}
	switch {
	case ctx.Err() != nil:
		return facts, ctx.Err()
	case err != nil:
		use.Note = "not described: " + err.Error()
	default:
		use.Keys, use.ARN = keyNames(table.Keys), table.ARN
		use.Note = fmt.Sprintf("about %d items, %.1f MB", table.ItemCount, float64(table.SizeBytes)/1e6)
		if note := c.narrowed(table.Keys); note != "" {
			facts.Notes = append(facts.Notes, note)
		}
		if c.key == nil {
			facts.Notes = append(facts.Notes, fmt.Sprintf("segments: %d", c.segmentsFor(table)))
		}
		if err := c.checkTable(table); err != nil {
			facts.Notes = append(facts.Notes, err.Error())
		}
	}
	facts.Tables = []schema.TableUse{use}
	return facts, nil
}

func keyNames(keys []dynamo.Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = fmt.Sprintf("%s (%s)", k.Name, k.Kind.Descriptor())
	}
	return out
}
