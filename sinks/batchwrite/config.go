// Package batchwrite is the sink that puts rows into DynamoDB tables, or
// deletes items by them, with BatchWriteItem; with a condition, with PutItem and
// DeleteItem.
//
//	config.go   the block: its arguments and what can be wrong with them
//	facts.go    what the plan says of it
//	open.go     client, tables and the delivering core
//	encode.go   a row to its part of a request
//	sink.go     batches to the core
//	wire.go     the core's requests to BatchWriteItem and its answers back
//	usual.go    answers that were seen before
//
// Packing, order, budget and retries are those of package deliver, tables and
// the checks of rows those of package delivery.
package batchwrite

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
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
	delivery.Settings
	table       *expr.Expr
	tables      []string
	operation   *expr.Expr
	batchSize   int
	duplicates  string
	maxDeletes  int64
	createTable *delivery.CreateTable

	condition   *schema.ItemExpr
	onCondition string
	writes      *dynamo.WriteProgram // of the condition; nil without one
}

var _ sinks.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config {
	return &Config{batchSize: deliver.BatchWriteCaps().Items, duplicates: duplicatesLast, maxDeletes: noLimit}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Puts rows into DynamoDB tables, or deletes items by them, with BatchWriteItem.",
		Example: examples,
		Doc:     doc,
		Args: []schema.Arg{
			c.ConnectionArg(),
			schema.Expr("table", &c.table, expr.String,
				"The table's name or ARN. It may use `row`: then rows go to the tables that they name, several of them in one request.").Require().RowByRow(),
			schema.Strings("tables", &c.tables,
				"The tables that rows go to when `table` uses `row`, for the plan; with `create_table` they are created at the start."),
			schema.Expr("operation", &c.operation, expr.String,
				"`\"put\"`, or `\"delete\"` to delete the item with the row's key. It may use `row`.").DefaultDoc(`"put"`).RowByRow(),
			schema.Int("batch_size", &c.batchSize, "Rows in a request at most.").Between(1, float64(deliver.BatchWriteCaps().Items)),
			c.ConcurrencyArg(),
			c.WriteCapacityArg(),
			schema.Choice("duplicates", &c.duplicates, []string{duplicatesLast, duplicatesError},
				"What becomes of rows of one key that are in flight together: `last` sends only the last of those that wait; `error` rejects a row that comes while another one of its key is held."),
			schema.Int64("max_deletes", &c.maxDeletes, "Rows that may delete, in a run and its resumptions together. A run that would delete more fails before it does.").
				DefaultDoc("no limit").AtLeast(0),
			schema.Item("condition", &c.condition,
				"What must hold for the stored `item`, in DynamoDB, for the row to be written: `!exists(item.pk) || item.updated_at < row.updated_at`. Then each row is a PutItem or DeleteItem of its own, and none is left out for a later one of its key."),
			delivery.ConditionFailureArg(&c.onCondition),
		},
		Blocks: []schema.Nested{
			delivery.CreateTableBlock(&c.createTable),
			delivery.RetryBlock(&c.Retry),
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

With ` + "`condition`" + ` every row is a request of its own, which DynamoDB carries out only when the condition holds for the
item as it is stored at that moment; rows of one key are tried one after the other. An attempt whose answer was lost is
repeated. Should the condition fail then, the stored item is compared with the row: when they are equal it was that
attempt that wrote it, and the row counts as written.

What DynamoDB gives back unprocessed or throttles is sent again until the table takes it. A request that
DynamoDB calls invalid is divided until the row at fault is found, which is rejected.`

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(argument, summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Of(argument), summary, detail, args...))
	}
	name, fixed := c.fixedTable()
	switch {
	case fixed && !delivery.ValidTable(name):
		report("table", "Not a table", "%q is no table: %s.", name, delivery.TableNames)
	case fixed && at.Has("tables"):
		report("tables", "Table named twice", "\"tables\" is for a \"table\" that uses row. Here every row goes to %q.", name)
	}
	for _, t := range c.tables {
		if !delivery.ValidTable(t) {
			report("tables", "Not a table", "%q is no table: %s.", t, delivery.TableNames)
		}
	}
	if v, constant := c.fixedOperation(); constant && v != operationPut && v != operationDelete {
		report("operation", "Unknown value", "\"operation\" takes \"put\" or \"delete\", not %q.", v)
	}
	diags = append(diags, c.CheckBudget(at, fixed)...)
	return append(diags, c.checkCondition(at)...)
}

// checkCondition compiles the condition and finds what does not go with it.
func (c *Config) checkCondition(at schema.Ranges) hcl.Diagnostics {
	if c.condition == nil {
		if at.Has("on_condition_failure") {
			return hcl.Diagnostics{diag.Error(at.Of("on_condition_failure"), "No condition to fail", "\"on_condition_failure\" is for a sink with a \"condition\".")}
		}
		return nil
	}
	writes, diags := dynamo.CompileWrite(c.condition, dynamo.Clauses{})
	if diags.HasErrors() {
		return diags
	}
	if writes.Conditional() {
		c.writes = writes
	}
	for _, argument := range []string{"batch_size", "duplicates"} {
		if at.Has(argument) {
			diags = append(diags, diag.Error(at.Of(argument), "Not with a condition",
				"With a \"condition\" each row is a request of its own and every row is sent, so %q has no meaning. Leave one of them out.", argument))
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
