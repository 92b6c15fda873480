// Package update is the sink that changes items of a DynamoDB table by
// UpdateItem, one request for each row.
//
//	config.go  the block: its arguments and what can be wrong with them
//	facts.go   what the plan says of it
//	sink.go    client, table, and batches to the core
//	encode.go  a row to the body of its request
//	once.go    the body of a transaction, for exactly_once
//
// Order, budget and retries are those of package deliver, the checks of keys
// those of package delivery, and the expressions those of package dynamo.
package update

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// Config is a decoded sink "update" block.
type Config struct {
	delivery.Settings
	delivery.Write
	onCondition string
	once        delivery.Once
	key         *expr.Expr // idempotency_key
	writes      *dynamo.WriteProgram
}

var _ sinks.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Changes items of a DynamoDB table with UpdateItem, one request for each row.",
		Example: examples,
		Doc:     doc,
		Args: slices.Concat([]schema.Arg{
			c.ConnectionArg(),
			schema.Expr("table", &c.Table, expr.String, "The table's name or ARN. It may use `row`.").Require(),
			schema.Exprs("key", &c.Key, "The key of the item: a value for each attribute of the table's key.").
				DefaultDoc("the row's attributes of the table's key"),
			schema.Items("set", &c.Clauses.Set,
				"What attributes become. A name is a top-level attribute, `\"a.b[0]\"` a path. A value is of the row, or `item.x`, `if_not_exists(item.x, v)`, `list_append(a, b)`, or two such with one `+` or `-`. A value that is null for a row leaves the attribute alone.").
				DefaultDoc("the row's attributes but those of the key, when there is no other clause"),
			schema.Items("add", &c.Clauses.Add, "Numbers to add to attributes, and sets to add to sets. What is not there counts as 0, or as an empty set."),
			schema.Strings("remove", &c.Clauses.Remove, "Attributes and paths to remove."),
			schema.Items("delete", &c.Clauses.Delete, "Sets whose elements are taken out of the sets that are stored."),
			schema.Item("condition", &c.Condition,
				"What must hold for the stored `item`, in DynamoDB, for the row to be written. Without one an item that is not there is made."),
			delivery.ConditionFailureArg(&c.onCondition),
		}, c.once.Args("Sends each update as a transaction, so that it is not carried out twice: by its token within ten minutes, with `marker_table` after any pause. It takes twice the capacity, and 2 WCU for a marker."),
			[]schema.Arg{
				delivery.IdempotencyKeyArg(&c.key, "With `exactly_once`, what identifies the update, from the row. One key is carried out once, also by another run.").
					DefaultDoc("the run, the sink, and the row's origin"),
				c.ConcurrencyArg(), c.WriteCapacityArg(),
			}),
		Blocks: []schema.Nested{delivery.RetryBlock(&c.Retry)},
		Check:  c.check,
	}
}

const doc = `Each row changes one item, and every row is sent: rows of one key go one after the other, in the order they came.
An item that is not there is made, with its key and what the update sets; ` + "`condition = exists(item.pk)`" + ` prevents that.

The right sides of ` + "`set`, `add` and `delete`" + ` are computed from the row, but for what reads ` + "`item`" + `, which
DynamoDB computes from the item as it is stored at that moment: ` + "`set = { visits = if_not_exists(item.visits, 0) + 1 }`" + `.

An answer can be lost after the update was carried out. Then the row is sent again. That leaves the same item when the
update gives attributes values of the row's; ` + "`add`" + ` and arithmetic on ` + "`item`" + ` would happen twice, so they are at least
once. ` + "`exactly_once = true`" + ` sends each update as a transaction, with a token made of the run, the sink
and the row's origin, by which DynamoDB recognises a repetition for ten minutes. A repetition later than that, by a run that is
resumed, is carried out again, but with a ` + "`marker_table`. " + delivery.MarkerDoc

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	name, fixed := c.FixedTable()
	if fixed && !delivery.ValidTable(name) {
		diags = append(diags, diag.Error(at.Of("table"), "Not a table", "%q is no table: %s.", name, delivery.TableNames))
	}
	if c.Condition == nil && at.Has("on_condition_failure") {
		diags = append(diags, diag.Error(at.Of("on_condition_failure"), "No condition to fail", "\"on_condition_failure\" is for a sink with a \"condition\"."))
	}
	if at.Has("idempotency_key") && !c.once.On {
		diags = append(diags, diag.Error(at.Of("idempotency_key"), "Not without exactly_once", "\"idempotency_key\" is for exactly_once = true: else updates have no token."))
	}
	diags = append(diags, c.once.Check(at)...)
	diags = append(diags, c.CheckBudget(at, fixed)...)
	c.Clauses.RemoveAt = at.Of("remove")
	c.Clauses.Others = !at.Has("set") && !at.Has("add") && !at.Has("remove") && !at.Has("delete")
	writes, more := dynamo.CompileWrite(c.Condition, c.Clauses)
	c.writes = writes
	return append(diags, more...)
}
