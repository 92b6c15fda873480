// Package lookup is the transform that enriches rows with items of DynamoDB
// tables.
//
//	config.go   the block and its get blocks, and what can be wrong with them
//	facts.go    what the plan says of it
//	open.go     clients, tables, and which gets share requests
//	ask.go      a row to the keys it asks for
//	apply.go    a batch: asked for, awaited, joined and sent on, window by window
//	store.go    keys that are being asked for, and the cache
//	join.go     items to attributes
//	batch.go    the core's requests to BatchGetItem and its answers back
//	transact.go the same of TransactGetItems
//	given.go    items that are given in place of a table's, for tests of pipelines
//
// Packing, concurrency and retries are those of package deliver. A row of the
// core is a key here, or in a transaction the keys of a row: an entry of the
// store, on which it ends.
package lookup

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// The values of mode and on_missing.
const (
	modeBatch       = "batch"
	modeTransaction = "transaction"
	missingNull     = "null"
	missingDrop     = "drop"
	missingReject   = "reject"
)

const (
	// defaultConcurrency bounds memory: the answer to a request may have 16 MB.
	defaultConcurrency = 16
	// maxUnits is how many batches are worked on at once, whatever concurrency is.
	maxUnits = 8
)

// Config is a decoded transform "lookup" block.
type Config struct {
	gets        []get
	mode        string
	onMissing   string
	cache       int
	concurrency int
	retry       *delivery.Retry
}

// get is a decoded get block.
type get struct {
	name       string
	at         hcl.Range // of the name
	connection *dynamo.Connection
	table      string
	key        []schema.NamedExpr
	projection []string
	consistent bool
	flatten    bool

	paths    []dynamo.Path // of projection
	eventual bool          // consistent_read = false was written
	given    *given        // by Give
}

var (
	_ transforms.Config    = (*Config)(nil)
	_ transforms.Explainer = (*Config)(nil)
	_ transforms.User      = (*Config)(nil)
)

// New is a Config with the defaults.
func New() transforms.Config {
	return &Config{mode: modeBatch, onMissing: missingNull, concurrency: defaultConcurrency}
}

const doc = `Each ` + "`get`" + ` block asks a table for the item with a key made of the row. The item becomes an attribute of the
block's name, a map, or with ` + "`flatten`" + ` its attributes become the row's. Rows leave in the order they come.

Equal keys of a batch are asked for once, and keys of several tables share a request. What DynamoDB gives back
unprocessed or throttles is asked for again until it is there. Two blocks that read one table with other projections or
consistency have requests of their own.

A key of which any part is null asks for nothing: the item counts as missing. One of another type than the table's
key, or an empty one, rejects the row. A row that already has the attribute ` + "`NAME`" + ` is rejected, and so is one with an
attribute that a flattened item has with another value: rename or drop it before. The same value twice is no conflict.

In a transaction all items of a row are as they were at one moment. It costs twice the read capacity.`

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Enriches rows with items of DynamoDB tables, by BatchGetItem or TransactGetItems.",
		Example: examples,
		Doc:     doc,
		Args: []schema.Arg{
			schema.Choice("mode", &c.mode, []string{modeBatch, modeTransaction},
				"How items are asked for: `batch` in requests of up to 100 keys, of any rows; `transaction` all items of a row in one TransactGetItems."),
			schema.Choice("on_missing", &c.onMissing, []string{missingNull, missingDrop, missingReject},
				"What becomes of a row when an item that it asks for is not there: `null` leaves the attribute out, `drop` filters the row, `reject` sends it to the dead letter."),
			schema.Int("cache", &c.cache, "Items that are kept for rows to come, also that there is none with a key: those used last, and no more than 64 MB of them. A kept item is not read again, however old it is.").
				AtLeast(0).Unit("items"),
			schema.Int("concurrency", &c.concurrency, "Requests in flight at most. How many there are is found by itself, by what the tables take. Up to 8 batches of rows are worked on at once, and no more than this.").
				AtLeast(1),
		},
		Blocks: []schema.Nested{
			schema.List("get", &c.gets, (*get).schema).Require(),
			delivery.RetryBlock(&c.retry),
		},
		Check: c.check,
	}
}

func (g *get) schema() schema.Block {
	return schema.Block{
		Summary: "An item to look up for each row; the label is the attribute that it becomes.",
		Labels:  []schema.Label{{Name: "attribute", Target: &g.name, At: &g.at}},
		Args: []schema.Arg{
			schema.Ref("connection", "connection.dynamodb", &g.connection, "How to reach DynamoDB.").DefaultDoc("the AWS SDK's own chain"),
			schema.String("table", &g.table, "The table's name or ARN.").Require(),
			schema.Exprs("key", &g.key, "The key of the item: the table's key attributes, each with an expression over the row.").Require(),
			schema.Strings("projection", &g.projection, "Attributes to read, as names or paths: `\"name\"`, `\"address.city\"`, `\"tags[0]\"`, "+
				"and `[\"odd.name\"]` for a name with a dot in it. It costs the same read capacity.").DefaultDoc("all"),
			schema.Bool("consistent_read", &g.consistent, "Strongly consistent reads: twice the capacity. In a transaction reads are that anyway."),
			schema.Bool("flatten", &g.flatten, "Gives the row the item's attributes, in place of one attribute with the item."),
		},
		Check: g.check,
	}
}

func (g *get) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	g.eventual = r.Has("consistent_read") && !g.consistent
	if g.name == "" {
		diags = append(diags, diag.Error(g.at, "Not a name", "The label is the attribute that the item becomes, and an attribute's name can't be empty."))
	}
	if !delivery.ValidTable(g.table) {
		diags = append(diags, diag.Error(r.Of("table"), "Not a table", "%q is no table: %s.", g.table, delivery.TableNames))
	}
	var more hcl.Diagnostics
	if g.paths, more = dynamo.ParseProjection(g.projection, r.Of("projection")); r.Has("projection") {
		diags = append(diags, more...)
	}
	return append(diags, g.checkKey(r)...)
}

const keyKinds = expr.String | expr.Number | expr.Binary

// checkKey finds what is wrong with the key whatever the table's is.
func (g *get) checkKey(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if n := len(g.key); n == 0 || n > 2 {
		diags = append(diags, diag.Error(r.Of("key"), "Not a key", "A table's key has one or two attributes: key = { pk = row.id }."))
	}
	for _, k := range g.key {
		if v, constant := k.Expr.Constant(); constant && v.IsNull() {
			diags = append(diags, diag.Error(k.Expr.Range(), "Key is null", "A key that is null for every row asks for nothing."))
		} else if kinds := k.Expr.Kinds(); kinds.Never(keyKinds) {
			diags = append(diags, diag.Error(k.Expr.Range(), "Wrong type of key",
				"A key attribute is a string, a number or binary, and this expression gives %s.", kinds))
		} else if constant && v.Kind() != attr.Number && v.Text() == "" {
			diags = append(diags, diag.Error(k.Expr.Range(), "Empty key", "A key attribute can't be empty."))
		}
	}
	return diags
}

// check finds what no get block can alone.
func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, g := range c.gets {
		if seen[g.name] {
			diags = append(diags, diag.Error(g.at, "Name used twice",
				"There is more than one get %q in this block, and a row has one attribute of that name.", g.name))
		}
		seen[g.name] = true
		if c.cache > 0 && g.consistent {
			diags = append(diags, diag.Warning(r.Of("cache"), "Consistent reads that are kept",
				"get %q asks for what is there now, and an item that the cache keeps is not read again.", g.name))
		}
	}
	if c.mode == modeTransaction {
		diags = append(diags, c.checkTransaction(r)...)
	}
	return diags
}

// checkTransaction finds what can't be combined with a transaction.
func (c *Config) checkTransaction(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if c.cache > 0 {
		diags = append(diags, diag.Error(r.Of("cache"), "Cache of a transaction",
			"A transaction reads all items of a row at one moment, and a kept item is of another. Leave cache out, or write mode = %q.", modeBatch))
	}
	if most := deliver.TransactGetCaps().Items; len(c.gets) > most {
		diags = append(diags, diag.Error(r.Of("get"), "Too many items for a transaction",
			"A row would ask for %d items, and a transaction has %d at most. Write mode = %q, or a second lookup.", len(c.gets), most, modeBatch))
	}
	for _, g := range c.gets {
		if g.eventual {
			diags = append(diags, diag.Error(g.at, "Eventually consistent read in a transaction",
				"get %q has consistent_read = false, and reads in a transaction are consistent. Leave consistent_read out, or write mode = %q.", g.name, modeBatch))
		}
		if g.connection != c.gets[0].connection {
			diags = append(diags, diag.Error(g.at, "Transaction over two connections",
				"get %q has another connection than get %q, and a transaction is one request. Write mode = %q, or a second lookup.", g.name, c.gets[0].name, modeBatch))
		}
	}
	return diags
}

// Uses is what comes after uses, what the keys are made of, and what rejects a
// row that has it: the attributes that the items would set.
func (c *Config) Uses(out expr.Use) expr.Use {
	for _, g := range c.gets {
		if g.flatten && len(g.paths) == 0 {
			return expr.Everything() // an item may have any attribute
		}
		if !g.flatten {
			out = out.With(g.name)
		} else {
			for _, p := range g.paths {
				out = out.With(p[0].Name)
			}
		}
		for _, k := range g.key {
			out = out.Reading(k.Expr)
		}
	}
	return out
}

// Shape is that of the rows that come, with the items.
func (c *Config) Shape(in expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: in.Rest}
	for name, kinds := range in.Attrs {
		out.Attrs[name] = kinds
	}
	for _, g := range c.gets {
		switch {
		case !g.flatten:
			out.Attrs[g.name] = expr.Map | expr.Null
		case len(g.paths) == 0:
			for name := range out.Attrs {
				mayBring(out, name)
			}
			out.Rest = 0
		default:
			for _, p := range g.paths {
				mayBring(out, p[0].Name)
			}
		}
	}
	return out
}

// mayBring says that an item may have an attribute that the row has not.
func mayBring(s expr.Shape, name string) {
	if s.Attr(name).Nullable() {
		s.Attrs[name] = expr.Unknown
	}
}
