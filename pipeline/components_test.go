package pipeline_test

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/route"
)

// catalog is components that declare every kind of argument and move no rows.
func catalog() plan.Catalog {
	return plan.Catalog{
		Sources: []plan.SourceKind{{Type: "csv", New: func() sources.Config {
			return &lines{delimiter: ",", header: true, compression: "none", size: 64 << 10}
		}}},
		Transforms: []plan.TransformKind{
			{Type: "filter", New: func() transforms.Config { return &filter{} }},
			{Type: "map", New: func() transforms.Config { return &mapping{} }},
			{Type: "route", New: route.New},
			{Type: "validate", New: func() transforms.Config { return &rules{} }},
		},
		Sinks: []plan.SinkKind{
			{Type: "file", New: func() sinks.Config { return &file{} }},
			{Type: "batch_write", New: func() sinks.Config { return &table{operation: "put", batch: 25} }},
		},
		Connections: []plan.ConnectionKind{{Type: "dynamodb", New: func() schema.Declarer { return &connection{} }}},
	}
}

type connection struct {
	region, key string
	timeout     time.Duration
}

func (c *connection) Schema() schema.Block {
	return schema.Block{
		Summary: "How DynamoDB is reached.",
		Args: []schema.Arg{
			schema.String("region", &c.region, "The region."),
			schema.String("access_key", &c.key, "The access key.").Secret(),
			schema.Duration("timeout", &c.timeout, "How long a call may take."),
		},
	}
}

var errNoRows = errors.New("this component moves no rows")

type lines struct {
	paths       []string
	delimiter   string
	header      bool
	columns     []schema.TypedName
	skip        int
	rate        float64
	size        int64
	wait        time.Duration
	compression string
	separators  map[string]string
	filter      *schema.ItemExpr
	conn        *connection
}

func (c *lines) ReadsFiles() []string { return c.paths }

func (c *lines) Schema() schema.Block {
	return schema.Block{
		Summary: "Reads lines.",
		Args: []schema.Arg{
			schema.Strings("path", &c.paths, "The files.").Require(),
			schema.String("delimiter", &c.delimiter, "What stands between cells."),
			schema.Bool("header", &c.header, "Whether the first line names the columns."),
			schema.Types("columns", &c.columns, "The types of columns."),
			schema.Int("skip_rows", &c.skip, "How many rows are left out.").AtLeast(0),
			schema.Float("rate", &c.rate, "The most rows in a second.").Unit("rows per second").Between(0, 1000),
			schema.Bytes("buffer", &c.size, "How much is read at once.").AtLeast(1024),
			schema.Duration("wait", &c.wait, "How long to wait for a file."),
			schema.Choice("compression", &c.compression, []string{"none", "gzip", "zstd"}, "The compression."),
			schema.StringMap("separators", &c.separators, "What stands between elements, by column."),
			schema.Item("filter", &c.filter, "Which items are read."),
			schema.Ref("connection", "connection.dynamodb", &c.conn, "How DynamoDB is reached."),
		},
		Check: func(r schema.Ranges) hcl.Diagnostics {
			if r.Has("delimiter") && len(c.delimiter) != 1 {
				return hcl.Diagnostics{diag.Error(r.Of("delimiter"), "Wrong delimiter", "A delimiter is one character.")}
			}
			return nil
		},
	}
}

func (c *lines) Shape() expr.Shape {
	s := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.Null | expr.String}
	for _, col := range c.columns {
		s.Attrs[col.Name] = expr.KindsOf(col.Kind.Kind) | expr.Null
	}
	return s
}

func (c *lines) Facts(context.Context) (schema.Facts, error) {
	return schema.Facts{Files: c.paths, Order: "the order of the files"}, nil
}

func (c *lines) Open(context.Context, sources.Env) (sources.Source, error) { return nil, errNoRows }

type filter struct{ where *expr.Expr }

func (c *filter) Schema() schema.Block {
	return schema.Block{
		Summary: "Keeps rows.",
		Args:    []schema.Arg{schema.Expr("where", &c.where, expr.Bool, "Which rows are kept.").Require()},
	}
}

func (c *filter) Shape(in expr.Shape) expr.Shape { return in }

func (c *filter) Open(context.Context, transforms.Env) (transforms.Transform, error) {
	return nil, errNoRows
}

type mapping struct {
	set    []schema.NamedExpr
	rename []schema.Pair
	drop   []string
}

func (c *mapping) Schema() schema.Block {
	return schema.Block{
		Summary: "Changes rows.",
		Args: []schema.Arg{
			schema.Exprs("set", &c.set, "New values."),
			schema.Names("rename", &c.rename, "New names."),
			schema.Strings("drop", &c.drop, "Attributes that are left out."),
		},
	}
}

func (c *mapping) Shape(in expr.Shape) expr.Shape {
	out := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: in.Rest}
	for _, s := range c.set {
		out.Attrs[s.Name] = s.Expr.Kinds()
	}
	return out
}

func (c *mapping) Open(context.Context, transforms.Env) (transforms.Transform, error) {
	return nil, errNoRows
}

type rules struct{ retry *retry }

type retry struct{ attempts int }

func (c *rules) Schema() schema.Block {
	return schema.Block{
		Summary: "Checks rows.",
		Blocks: []schema.Nested{schema.Optional("retry", &c.retry, func(r *retry) schema.Block {
			r.attempts = 10
			return schema.Block{
				Summary: "How often it is tried again.",
				Args:    []schema.Arg{schema.Int("max_attempts", &r.attempts, "How often.").Between(1, 100)},
			}
		})},
	}
}

func (c *rules) Shape(in expr.Shape) expr.Shape { return in }

func (c *rules) Open(context.Context, transforms.Env) (transforms.Transform, error) {
	return nil, errNoRows
}

type file struct{ path string }

func (c *file) Schema() schema.Block {
	return schema.Block{
		Summary: "Writes a file.",
		Args:    []schema.Arg{schema.String("path", &c.path, "The file.").Require()},
	}
}

func (c *file) WritesFiles() []string { return []string{c.path} }

func (c *file) Facts(context.Context) (schema.Facts, error) {
	return schema.Facts{Files: []string{c.path}}, nil
}

func (c *file) Open(context.Context, sinks.Env) (sinks.Sink, error) { return nil, errNoRows }

type table struct {
	conn      *connection
	table     *expr.Expr
	operation string
	batch     int
}

func (c *table) Schema() schema.Block {
	return schema.Block{
		Summary: "Writes a table.",
		Args: []schema.Arg{
			schema.Ref("connection", "connection.dynamodb", &c.conn, "How DynamoDB is reached."),
			schema.Expr("table", &c.table, expr.String, "The table.").Require(),
			schema.Choice("operation", &c.operation, []string{"put", "delete"}, "What is done."),
			schema.Int("batch_size", &c.batch, "Items in a request.").Unit("items").Between(1, 25),
		},
	}
}

func (c *table) Facts(context.Context) (schema.Facts, error) {
	return schema.Facts{
		Calls:  []string{"BatchWriteItem"},
		Tables: []schema.TableUse{{Name: c.table.Source(), Use: "write", Keys: []string{"pk (S)"}}},
	}, errors.New("no table description without a server")
}

func (c *table) Open(context.Context, sinks.Env) (sinks.Sink, error) { return nil, errNoRows }
