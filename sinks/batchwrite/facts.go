package batchwrite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// factsPatience is how long the plan waits for a table's description.
const factsPatience = 3 * time.Second

// The uses of a table, as the plan says them.
const (
	useWrite  = "write"
	useCreate = "create"
)

// Facts asks for the tables' descriptions. What can't be asked is a note: a
// plan can be made without a connection.
func (c *Config) Facts(ctx context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Calls: []string{"DescribeTable", "DescribeContinuousBackups", callName},
		Order: "rows of one key in the order they come; rows of different keys in any order",
		Guarantee: "at least once: a request whose answer was lost, and rows of a resumed run, are written again, " +
			"which leaves the same items",
	}
	if c.createTable != nil {
		f.Calls = append(f.Calls, "CreateTable")
	}
	f.Notes = append(f.Notes, c.deleteNotes()...)
	names := c.tables
	if name, fixed := c.fixedTable(); fixed {
		names = []string{name}
	} else if len(names) == 0 {
		f.Notes = append(f.Notes, "the tables are named by the rows; write tables = [...] to see them here")
	}
	ctx, cancel := context.WithTimeout(ctx, factsPatience)
	defer cancel()
	client, err := c.connection.Client(ctx)
	if err == nil {
		defer client.Close()
	}
	for _, name := range names {
		if err != nil {
			f.Tables = append(f.Tables, schema.TableUse{Name: name, Use: useWrite, Note: "not looked up: " + err.Error()})
			continue
		}
		f.Tables = append(f.Tables, c.describe(ctx, client, name))
	}
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

func (c *Config) describe(ctx context.Context, client *dynamo.Client, name string) schema.TableUse {
	use := schema.TableUse{Name: name, Use: useWrite}
	t, err := client.Describe(ctx, name)
	var e *dynamo.Error
	switch {
	case err == nil:
		use.Keys = keyTexts(t.Keys)
		g := guard{client: client, operation: c.onlyOperation()}
		use.Note = note(ctx, t, name, &g)
		if c.createTable != nil {
			if err := c.createTable.fits(t); err != nil {
				use.Note += "; " + err.Error()
			}
		}
	case errors.As(err, &e) && e.Code == "ResourceNotFoundException" && c.createTable != nil:
		use.Use, use.Keys, use.Note = useCreate, keyTexts(c.createTable.keys()), c.createTable.billing
	case errors.As(err, &e) && e.Code == "ResourceNotFoundException":
		use.Note = "there is no such table: a run would fail; a create_table block creates it"
	default:
		use.Note = "not looked up: " + err.Error()
	}
	return use
}

// note is what to know of a table before writing to it.
func note(ctx context.Context, t *dynamo.Table, name string, g *guard) string {
	protection := "deletion protection " + onOff(t.DeletionProtection)
	if g.atStake(t) {
		protection = g.protection(ctx, name, t)
	}
	text := fmt.Sprintf("%s items when DynamoDB last counted (every six hours or so), %s, %s",
		strconv.FormatInt(t.ItemCount, 10), t.Billing, protection)
	for _, x := range t.Indexes {
		text += fmt.Sprintf("; index %s by %s", x.Name, describeKeys(x.Keys))
	}
	return text
}

func keyTexts(keys []dynamo.Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = keyText(k)
	}
	return out
}
