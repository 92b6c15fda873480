// Package dynamodb reads a table or an index: by a Scan in parallel segments,
// or by a Query when there is a key condition.
//
//	config.go     the block and its checks; what the plan says of it
//	open.go       what only the table can tell: keys, indexes, segments
//	narrow.go     which attributes are asked for
//	request.go    the body of the requests, made once
//	partition.go  pages to chunks
//	position.go   how far it has been read, and going on there
//	identity.go   which table that was, and whether it still is
//	fetch.go      one page, tried until it is there
//	budget.go     read capacity: the window and the size of a page
//	cost.go       what a page of so many items may take
//	sample.go     a few pages in place of all, for a plan
//
// Throttling slows a read and never ends it. A page is asked for again at the
// same place, so no item comes twice or not at all within one run of a table
// that nobody writes to.
package dynamodb

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
)

// maxSegments is a Scan's limit (AWS API reference, Scan, TotalSegments).
const maxSegments = 1000000

// Config is a decoded source "dynamodb" block.
type Config struct {
	connection   *dynamo.Connection
	table        string
	index        string
	filter       *schema.ItemExpr
	keyCondition *schema.ItemExpr
	projection   []string
	segments     int
	consistent   bool
	readCapacity float64
	pageSize     int
	limit        int64
	descending   bool
	skipExpired  bool
	everything   bool

	// What check made of them.
	where *dynamo.ItemProgram
	key   *dynamo.ItemProgram
	paths []dynamo.Path
	// use is what anything downstream uses, once that is known.
	use expr.Use
	// sample is how many items are read of a sample; 0 for all.
	sample int64
}

var _ sources.Config = (*Config)(nil)

// New is an empty block.
func New() sources.Config { return &Config{use: expr.Everything()} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Reads the items of a DynamoDB table or index.",
		Example: examples,
		Doc: "A Scan in parallel segments, or with `key_condition` a Query, whose items come in the order of the sort key. " +
			"`filter` runs in DynamoDB, by its rules: what it drops is not counted as read, but costs read capacity.\n\n" +
			"A table that is written to while it is read gives no snapshot: an item may come as it was or as it became. " +
			"A resumed run goes on in each segment behind the last item that its checkpoint covers. For that the keys are read too where `projection` does not name them; they are in no row.\n\n" +
			"Only the attributes that something downstream can use are asked for, and the table's keys; `plan` says which. That changes nothing but what a " +
			"rejected row holds in the dead letter: just those attributes. `all_attributes` reads them all. An index is read as it is.",
		Args: []schema.Arg{
			schema.Ref("connection", "connection.dynamodb", &c.connection, "How to reach DynamoDB.").
				DefaultDoc("the AWS SDK's own chain"),
			schema.String("table", &c.table, "The table's name or ARN.").Require(),
			schema.String("index", &c.index, "A secondary index to read in place of the table."),
			schema.Item("filter", &c.filter, "Condition over `item` that DynamoDB evaluates: a FilterExpression."),
			schema.Strings("projection", &c.projection, "Attributes to read, as names or paths: `\"name\"`, `\"address.city\"`, `\"tags[0]\"`, "+
				"and `[\"odd.name\"]` for a name with a dot in it. It costs the same read capacity.").DefaultDoc("all"),
			schema.Int("segments", &c.segments, "Parallel segments of the Scan.").Between(1, maxSegments).
				DefaultDoc("by the table's size: one for each 100 MB, up to four for each core"),
			schema.Bool("consistent_read", &c.consistent, "Strongly consistent reads: twice the capacity, and not with a global index."),
			schema.Float("read_capacity", &c.readCapacity, "Budget of read capacity units in any second, over all segments. "+
				"A single page larger than it goes alone.").AtLeast(1).Unit("RCU per second").DefaultDoc("none"),
			schema.Int("page_size", &c.pageSize, "Items that one request reads at most, before the filter.").AtLeast(1).
				DefaultDoc("what fits into 1 MB"),
			schema.Int64("limit", &c.limit, "Items to read at most, over all segments, after the filter.").AtLeast(1).DefaultDoc("all"),
			schema.Item("key_condition", &c.keyCondition, "Reads by a Query: `item.pk == \"USER#1\"`, perhaps `&&` one test of the sort key: "+
				"`==`, `<`, `<=`, `>`, `>=`, `between(item.sk, a, b)` or `begins_with(item.sk, s)`."),
			schema.Bool("descending", &c.descending, "Reads a Query from the greatest sort key down."),
			schema.Bool("skip_expired", &c.skipExpired, "Leaves out items past the table's time to live, which DynamoDB deletes only after "+
				"some days. It does so by a filter in DynamoDB, and they are not counted as read."),
			schema.Bool("all_attributes", &c.everything, "Reads also the attributes that nothing in the pipeline uses, so that rows in the dead letter have them."),
		},
		Check: c.check,
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if c.filter != nil {
		p, more := dynamo.CompileItem(c.filter.Expr, c.filter.Scope, dynamo.Filter)
		c.where, diags = p, append(diags, more...)
	}
	if c.keyCondition != nil {
		p, more := dynamo.CompileItem(c.keyCondition.Expr, c.keyCondition.Scope, dynamo.KeyCondition)
		c.key, diags = p, append(diags, more...)
	}
	if c.keyCondition == nil && c.descending {
		diags = append(diags, diag.Error(r.Of("descending"), "Scan has no order", "descending is for a Query: it needs key_condition."))
	}
	if c.keyCondition != nil && r.Has("segments") && c.segments > 1 {
		diags = append(diags, diag.Error(r.Of("segments"), "Query has no segments", "segments is for a Scan: a Query reads one partition key in order."))
	}
	if c.table == "" {
		diags = append(diags, diag.Error(r.Of("table"), "Missing table", "table is the table's name or ARN, and is empty."))
	}
	return append(diags, c.checkProjection(r)...)
}

func (c *Config) checkProjection(r schema.Ranges) hcl.Diagnostics {
	if !r.Has("projection") {
		return nil
	}
	var diags hcl.Diagnostics
	c.paths, diags = dynamo.ParseProjection(c.projection, r.Of("projection"))
	return diags
}

// Shape is the names of a projection, when there is one: everything else about
// the items only the table knows.
func (c *Config) Shape() expr.Shape {
	if len(c.paths) == 0 {
		return expr.Shape{}
	}
	s := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.Null}
	for _, p := range c.paths {
		s.Attrs[p[0].Name] = expr.Unknown
	}
	return s
}

func (c *Config) operation() string {
	if c.key != nil {
		return "Query"
	}
	return "Scan"
}
