// Package transaction is the sink that writes rows to DynamoDB by
// TransactWriteItems: all of a row's or a group's writes, or none.
//
//	config.go  the block: its arguments and what can be wrong with them
//	facts.go   what the plan says of it
//	sink.go    batches to groups, and groups to the core
//	encode.go  a row's actions to a group's request
//	group.go   the rows of one transaction, which end together
//	held.go    what a run that goes on has to know of an open group
//
// Order, budget and retries are those of package deliver, the checks of items
// and what a cancelled transaction means those of package delivery.
package transaction

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// action is a decoded put, update, delete or condition_check block.
type action struct {
	delivery.Write
	verb string // DynamoDB's: Put
	when *expr.Expr
}

// Config is a decoded sink "transaction" block.
type Config struct {
	delivery.Settings
	groupBy        *expr.Expr
	idempotencyKey *expr.Expr
	onCondition    string
	once           delivery.Once

	puts, updates, deletes, checks []action
}

var _ sinks.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config { return &Config{} }

// actions are those that each row may have.
func (c *Config) actions() []action {
	var all []action
	for _, list := range [][]action{c.puts, c.updates, c.deletes, c.checks} {
		all = append(all, list...)
	}
	return all
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Writes rows to DynamoDB with TransactWriteItems: all writes of a row, or of a group of rows, or none.",
		Example: examples,
		Doc:     doc,
		Args: slices.Concat([]schema.Arg{
			c.ConnectionArg(),
			schema.Expr("group_by", &c.groupBy, expr.Unknown,
				"Rows of equal value that follow each other form one transaction. Up to 100 actions and 4 MB of items; a larger group is rejected whole.").
				DefaultDoc("each row is a transaction"),
			delivery.IdempotencyKeyArg(&c.idempotencyKey,
				"What identifies the transaction, from the row or the first of the group. One key is carried out once: within ten minutes, or with `marker_table` for as long as its marker is kept.").
				DefaultDoc("the run, the sink, and the origin of the row or of the first of the group"),
			delivery.ConditionFailureArg(&c.onCondition),
		}, c.once.Args("Carries no transaction out twice. With `marker_table` after any pause; without one it fails the run rather than repeat a transaction whose answer was lost when the ten minutes have passed for which DynamoDB knows its key."),
			[]schema.Arg{c.ConcurrencyArg(), c.WriteCapacityArg()}),
		Blocks: []schema.Nested{
			schema.List("put", &c.puts, declarePut),
			schema.List("update", &c.updates, declareUpdate),
			schema.List("delete", &c.deletes, declareDelete),
			schema.List("condition_check", &c.checks, declareCheck),
			delivery.RetryBlock(&c.Retry),
		},
		Check: c.check,
	}
}

const doc = `Every ` + "`put`, `update`, `delete` and `condition_check`" + ` block is an action of each row, but where its ` + "`when`" + `
is not true. The actions of a row, or with ` + "`group_by`" + ` those of all rows of the group, are carried out together or not at
all. A transaction takes twice the capacity of single writes: 2 WCU for each KB. No item may be in it twice.

A condition that does not hold cancels the whole transaction. With ` + "`on_condition_failure = \"reject\"`" + ` all its rows are in the
dead letter: the row at fault with its own reason, the others with a reference to it. Transactions that share an item go
one after the other, in the order of their rows. What DynamoDB cancels because somebody else is at one of the items is tried again.

Each transaction has a token made of ` + "`idempotency_key`" + `, by which DynamoDB recognises a repetition for ten minutes: an answer
that is lost does not make it happen twice. A repetition later than that, by a run that is resumed, is carried out again.
` + "`exactly_once = true`" + ` with a ` + "`marker_table`" + ` prevents that. ` + delivery.MarkerDoc + `

A group that is open when the run is interrupted is not sent; its rows are unsettled. They are part of a checkpoint, so that
a resumed run makes the same group of them and of those to come, with the same token.`

func tableArg(a *action) schema.Arg {
	return schema.Expr("table", &a.Table, expr.String, "The table's name or ARN. It may use `row`.").Require()
}

func keyArg(a *action) schema.Arg {
	return schema.Exprs("key", &a.Key, "The key of the item: a value for each attribute of the table's key.").
		DefaultDoc("the row's attributes of the table's key")
}

func conditionArg(a *action) schema.Arg {
	return schema.Item("condition", &a.Condition, "What must hold for the stored `item`, in DynamoDB; otherwise the transaction is cancelled.")
}

func whenArg(a *action) schema.Arg {
	return schema.Condition("when", &a.when, "Whether the row has this action.").DefaultDoc("every row has it")
}

func declarePut(a *action) schema.Block {
	a.verb, a.Put = "Put", true
	return schema.Block{
		Summary: "Puts an item.",
		Args: []schema.Arg{
			tableArg(a),
			schema.Object("item", &a.Fields, &a.Whole, "The item: `{ name = expression }`, where a null leaves the attribute out, or an expression that gives a map.").
				DefaultDoc("the row"),
			conditionArg(a), whenArg(a),
		},
		Check: a.check,
	}
}

func declareUpdate(a *action) schema.Block {
	a.verb = "Update"
	return schema.Block{
		Summary: "Changes an item, or makes it.",
		Args: []schema.Arg{
			tableArg(a), keyArg(a),
			schema.Items("set", &a.Clauses.Set, "What attributes become, as in the sink `update`.").
				DefaultDoc("the row's attributes but those of the key, when there is no other clause"),
			schema.Items("add", &a.Clauses.Add, "Numbers to add to attributes, and sets to add to sets."),
			schema.Strings("remove", &a.Clauses.Remove, "Attributes and paths to remove."),
			schema.Items("delete", &a.Clauses.Delete, "Sets whose elements are taken out of the sets that are stored."),
			conditionArg(a), whenArg(a),
		},
		Check: func(at schema.Ranges) hcl.Diagnostics {
			a.Clauses.RemoveAt = at.Of("remove")
			a.Clauses.Others = !at.Has("set") && !at.Has("add") && !at.Has("remove") && !at.Has("delete")
			return a.check(at)
		},
	}
}

func declareDelete(a *action) schema.Block {
	a.verb = "Delete"
	return schema.Block{
		Summary: "Deletes an item.",
		Args:    []schema.Arg{tableArg(a), keyArg(a), conditionArg(a), whenArg(a)},
		Check:   a.check,
	}
}

func declareCheck(a *action) schema.Block {
	a.verb = "ConditionCheck"
	return schema.Block{
		Summary: "Writes nothing, and cancels the transaction when the condition does not hold.",
		Args:    []schema.Arg{tableArg(a), keyArg(a), conditionArg(a).Require(), whenArg(a)},
		Check: func(at schema.Ranges) hcl.Diagnostics {
			diags := a.check(at)
			if p, _ := dynamo.CompileWrite(a.Condition, a.Clauses); !diags.HasErrors() && !p.Conditional() {
				diags = append(diags, diag.Error(at.Of("condition"), "Nothing to check", "This condition holds whatever is stored."))
			}
			return diags
		},
	}
}

// check compiles the action's expressions.
func (a *action) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if name, fixed := a.FixedTable(); fixed && !delivery.ValidTable(name) {
		diags = append(diags, diag.Error(at.Of("table"), "Not a table", "%q is no table: %s.", name, delivery.TableNames))
	}
	_, more := dynamo.CompileWrite(a.Condition, a.Clauses)
	return append(diags, more...)
}

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	all := c.actions()
	if len(all) == 0 {
		diags = append(diags, diag.Error(at.Block(), "Nothing to do", "A transaction has at least one put, update, delete or condition_check block."))
	}
	if most := deliver.TransactWriteCaps().Items; len(all) > most || c.once.Marked() && len(all) == most {
		diags = append(diags, diag.Error(at.Block(), "Too many actions", "A transaction has up to %d actions, of which its marker is one, if it has one, and here are %d blocks.", most, len(all)))
	}
	conditional := false
	for _, a := range all {
		conditional = conditional || a.Condition != nil
	}
	if at.Has("on_condition_failure") && !conditional {
		diags = append(diags, diag.Error(at.Of("on_condition_failure"), "No condition to fail", "\"on_condition_failure\" is for a sink with a \"condition\" in one of its blocks."))
	}
	tables, fixed := c.tables()
	diags = append(diags, c.once.Check(at)...)
	return append(diags, c.CheckBudget(at, fixed && len(tables) == 1)...)
}

// tables are those that are the same for every row; all reports that there are
// no others.
func (c *Config) tables() (names []string, all bool) {
	seen := map[string]bool{}
	all = true
	for _, a := range c.actions() {
		name, fixed := a.FixedTable()
		if all = all && fixed; fixed && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, all
}
