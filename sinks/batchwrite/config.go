// Package batchwrite is the sink that puts rows into DynamoDB tables, or
// deletes items by them, with BatchWriteItem.
//
//	config.go   the block: its arguments and what can be wrong with them
//	facts.go    what the plan says of it
//	guard.go    what is at stake in a table
//	open.go     client, tables and the delivering core
//	target.go   the tables rows go to, as they are described
//	check.go    whether a row can be an item of its table, before it is sent
//	encode.go   a row to its part of a request
//	sink.go     batches to the core
//	wire.go     the core's requests to BatchWriteItem and its answers back
//
// Packing, order, budget and retries are those of package deliver.
package batchwrite

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// The values of operation and duplicates.
const (
	operationPut    = "put"
	operationDelete = "delete"

	duplicatesLast  = "last"
	duplicatesError = "error"
)

// noLimit is max_deletes when it is left out.
const noLimit = -1

// Config is a decoded sink "batch_write" block.
type Config struct {
	connection    *dynamo.Connection
	table         *expr.Expr
	tables        []string
	operation     *expr.Expr
	batchSize     int
	concurrency   int
	writeCapacity string
	duplicates    string
	maxDeletes    int64
	createTable   *createTable
	retry         *retry
}

// createTable is a decoded create_table block.
type createTable struct {
	partitionKey, partitionType string
	sortKey, sortType           string
	billing                     string
	readCapacity, writeCapacity int64
}

// retry is a decoded retry block.
type retry struct{ deliver.Retry }

var _ sinks.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config {
	return &Config{batchSize: deliver.BatchWriteCaps().Items, duplicates: duplicatesLast, maxDeletes: noLimit}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Puts rows into DynamoDB tables, or deletes items by them, with BatchWriteItem.",
		Doc:     doc,
		Args: []schema.Arg{
			schema.Ref("connection", "connection.dynamodb", &c.connection, "How to reach DynamoDB.").
				DefaultDoc("the AWS SDK's own chain"),
			schema.Expr("table", &c.table, expr.String,
				"The table's name or ARN. It may use `row`: then rows go to the tables that they name, several of them in one request.").Require(),
			schema.Strings("tables", &c.tables,
				"The tables that rows go to when `table` uses `row`, for the plan; with `create_table` they are created at the start."),
			schema.Expr("operation", &c.operation, expr.String,
				"`\"put\"`, or `\"delete\"` to delete the item with the row's key. It may use `row`.").DefaultDoc(`"put"`),
			schema.Int("batch_size", &c.batchSize, "Rows in a request at most.").Between(1, float64(deliver.BatchWriteCaps().Items)),
			schema.Int("concurrency", &c.concurrency, "Requests in flight at most. How many there are is found by itself, by what the table takes.").
				DefaultDoc(strconv.Itoa(deliver.DefaultConcurrency)).AtLeast(1),
			schema.String("write_capacity", &c.writeCapacity,
				"Capacity units that may be spent in any second, on all tables and their indexes together, or a percentage of a provisioned table's, as `\"50%\"`. A request larger than that goes alone.").
				DefaultDoc("no budget").Unit("WCU per second"),
			schema.Choice("duplicates", &c.duplicates, []string{duplicatesLast, duplicatesError},
				"What becomes of rows of one key that are in flight together: `last` sends only the last of those that wait; `error` rejects a row that comes while another one of its key is held."),
			schema.Int64("max_deletes", &c.maxDeletes, "Rows that may delete. A run that would delete more fails before it does.").
				DefaultDoc("no limit").AtLeast(0),
		},
		Blocks: []schema.Nested{
			schema.Optional("create_table", &c.createTable, declareCreateTable),
			schema.Optional("retry", &c.retry, declareRetry),
		},
		Check: c.check,
	}
}

const doc = `Each row is checked before it is sent: it has the table's key attributes, they are of the right type,
not empty and not too long, and so are those of the table's indexes where the row has them; and it is no larger
than the 400 KB that an item may have. A row that fails a check is rejected, and the others are written. A delete
sends only the key.

Rows of one key reach the table in the order they came, whatever is repeated. Rows that wait for the same
key are sent once, the last of them; the others count as coalesced. With ` + "`duplicates = \"error\"`" + ` they are
rejected. That finds the duplicates that meet while they wait or are in flight; it is no check of the whole input.

What DynamoDB gives back unprocessed or throttles is sent again until the table takes it. A request that
DynamoDB calls invalid is divided until the row at fault is found, which is rejected.`

func declareCreateTable(c *createTable) schema.Block {
	c.partitionType, c.sortType, c.billing = "S", "S", dynamo.BillingOnDemand
	c.readCapacity, c.writeCapacity = 5, 5
	types := []string{"S", "N", "B"}
	return schema.Block{
		Summary: "Creates the table when there is none, and waits until it is active.",
		Args: []schema.Arg{
			schema.String("partition_key", &c.partitionKey, "Name of the partition key.").Require(),
			schema.Choice("partition_type", &c.partitionType, types, "Type of the partition key."),
			schema.String("sort_key", &c.sortKey, "Name of the sort key; left out, the table has none."),
			schema.Choice("sort_type", &c.sortType, types, "Type of the sort key."),
			schema.Choice("billing", &c.billing, []string{dynamo.BillingOnDemand, dynamo.BillingProvisioned}, "How the table is paid for."),
			schema.Int64("read_capacity", &c.readCapacity, "Read capacity of a provisioned table.").Unit("RCU").AtLeast(1),
			schema.Int64("write_capacity", &c.writeCapacity, "Write capacity of a provisioned table.").Unit("WCU").AtLeast(1),
		},
		Check: c.check,
	}
}

func declareRetry(r *retry) schema.Block {
	r.Retry = deliver.DefaultRetry()
	return schema.Block{
		Summary: "When and how often requests are repeated. Throttled and unprocessed rows use up no attempts.",
		Args: []schema.Arg{
			schema.Int("max_attempts", &r.MaxAttempts, "How often one request may fail before the run does.").AtLeast(1),
			schema.Duration("base_delay", &r.BaseDelay, "Upper bound of the first wait; every wait is a random part of its bound.").AtLeast(0.001),
			schema.Duration("max_delay", &r.MaxDelay, "Bound that no wait exceeds.").AtLeast(0.001),
			schema.Float("backoff_factor", &r.Factor, "What the bound is multiplied with after each failure.").AtLeast(1),
			schema.Bool("retry_unprocessed", &r.Unprocessed, "Whether rows that DynamoDB gives back unprocessed are sent again. Otherwise they are rejected."),
			schema.Duration("deadline", &r.Deadline,
				"Time from the first attempt after which a row is not tried again: a throttled or unprocessed row is rejected then, a request that fails otherwise fails the run.").
				DefaultDoc("none"),
		},
		Check: func(at schema.Ranges) hcl.Diagnostics {
			if at.Has("deadline") && r.Deadline < time.Millisecond {
				return hcl.Diagnostics{diag.Error(at.Of("deadline"), "No time to try", "A deadline of %v leaves no time for an attempt. Leave it out to have none.", r.Deadline)}
			}
			return nil
		},
	}
}

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(argument, summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Of(argument), summary, detail, args...))
	}
	name, fixed := c.fixedTable()
	switch {
	case fixed && !validTable(name):
		report("table", "Not a table", "%q is no table: %s.", name, tableNames)
	case fixed && at.Has("tables"):
		report("tables", "Table named twice", "\"tables\" is for a \"table\" that uses row. Here every row goes to %q.", name)
	}
	for _, t := range c.tables {
		if !validTable(t) {
			report("tables", "Not a table", "%q is no table: %s.", t, tableNames)
		}
	}
	if v, constant := c.fixedOperation(); constant && v != operationPut && v != operationDelete {
		report("operation", "Unknown value", "\"operation\" takes \"put\" or \"delete\", not %q.", v)
	}
	switch budget, err := parseCapacity(c.writeCapacity); {
	case err != "":
		report("write_capacity", "Not a budget", "\"write_capacity\" takes a number of units per second above zero, or a percentage up to \"100%%\"; %s.", err)
	case budget.percent && !fixed:
		report("write_capacity", "Percentage of what?", "The table is only known row by row. Write a number of units per second.")
	}
	return diags
}

func (c *createTable) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if c.partitionKey == "" || at.Has("sort_key") && c.sortKey == "" {
		diags = append(diags, diag.Error(at.Block(), "Key without a name", "A key attribute has a name of 1 to 255 characters."))
	}
	if c.partitionKey != "" && c.partitionKey == c.sortKey {
		diags = append(diags, diag.Error(at.Of("sort_key"), "One attribute as both keys", "%q is the partition key already.", c.sortKey))
	}
	if at.Has("sort_type") && c.sortKey == "" {
		diags = append(diags, diag.Error(at.Of("sort_type"), "Type without a key", "\"sort_type\" is for a table with a \"sort_key\"."))
	}
	for _, argument := range []string{"read_capacity", "write_capacity"} {
		if at.Has(argument) && c.billing != dynamo.BillingProvisioned {
			diags = append(diags, diag.Error(at.Of(argument), "Capacity of an on-demand table",
				"An on-demand table has no capacity of its own. Write billing = \"provisioned\", or leave %q out.", argument))
		}
	}
	return diags
}

// fixedTable is the table when it is the same for every row.
func (c *Config) fixedTable() (string, bool) {
	v, ok := c.table.Constant()
	return v.Text(), ok
}

// fixedOperation is the operation when it is the same for every row.
func (c *Config) fixedOperation() (string, bool) {
	if c.operation == nil {
		return operationPut, true
	}
	v, ok := c.operation.Constant()
	if ok && v.Kind() != attr.String {
		return v.Kind().String(), true
	}
	return v.Text(), ok
}

// capacity is a decoded write_capacity: units, or percent of a table's.
type capacity struct {
	value   float64
	percent bool
}

func parseCapacity(text string) (c capacity, problem string) {
	if text == "" {
		return c, ""
	}
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	switch {
	case err != nil:
		return c, strconv.Quote(text) + " is neither"
	case !(value > 0) || math.IsInf(value, 0) || percent && value > 100:
		return c, text + " is out of range"
	}
	return capacity{value: value, percent: percent}, ""
}

// tablePattern is a table's name or ARN (AWS: "Naming rules and data types",
// "Amazon DynamoDB resources" of the service authorization reference).
var tablePattern = regexp.MustCompile(`^(?:arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}$`)

const tableNames = "a name has 3 to 255 letters, digits, '_', '-' or '.', and an ARN is like arn:aws:dynamodb:eu-west-1:123456789012:table/NAME"

func validTable(name string) bool { return tablePattern.MatchString(name) }
