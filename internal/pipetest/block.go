package pipetest

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// defaultNow is a run's start where a test does not say it.
const defaultNow = "2025-01-01T00:00:00Z"

// block is a decoded test block.
type block struct {
	name      string
	at        hcl.Range // its header
	pipeline  string
	variables hcl.Expression
	now       string
	sources   []sourceBlock
	lookups   []lookupBlock
	expects   []expectBlock
	rejects   []rejectBlock

	pipelineAt hcl.Range
	start      time.Time
}

// sourceBlock stands for a source of the pipeline.
type sourceBlock struct {
	typ, name string
	at        hcl.Range
	rows      hcl.Expression
	file      string
	fileAt    hcl.Range
}

// lookupBlock stands for the tables of a lookup.
type lookupBlock struct {
	name string
	at   hcl.Range
	rows hcl.Expression
	gets []getBlock
}

// getBlock stands for the table of one get.
type getBlock struct {
	name string
	at   hcl.Range
	rows hcl.Expression
}

// expectBlock is what has to reach a sink.
type expectBlock struct {
	typ, name    string
	at           hcl.Range
	rows         hcl.Expression
	count        int64
	counts       bool // count was written
	ordered      bool
	orders       bool // ordered was written
	only, ignore []string
}

// rejectBlock is rows that have to be rejected.
type rejectBlock struct {
	node, message, code string
	count               int64
	counts              bool
	at, nodeAt          hcl.Range
}

const doc = `Tests stand in files whose names end in ` + "`.test.hcl`" + `, beside the pipeline, which they are no part of. ` + "`dynapipe test`" + ` runs them:
the pipeline as it is, with the rows of ` + "`source`" + ` blocks in the places of its sources, the items of ` + "`lookup`" + ` blocks in the places of
tables, and sinks that write nothing and keep what reaches them. Nothing is asked for and nothing is written, so no server is needed.

What reaches a sink are rows: the clauses of an update or a transaction are not evaluated, conditions neither, and rows of one key are not coalesced.

Rows are lists of objects, written with the language's expressions: ` + "`null`" + ` leaves an attribute out and ` + "`dynamodb_null()`" + ` is NULL, numbers are exact, and
` + "`binary(\"aGk=\")`, `string_set([...])`, `number_set([...])` and `binary_set([...])`" + ` make the other types. ` + "`var.NAME`" + ` is what ` + "`variables`" + ` has.
They are compared as DynamoDB does: 1 is 1.0, sets and maps have no order, NULL and absent are different, and so are "1" and 1.

Every source needs a block, and so does every lookup. A sink without one is not looked at. A row that is rejected fails the test, unless a ` + "`reject`" + ` block expects it.
The same test gives the same rows each time: ` + "`timestamp()`" + ` is ` + "`now`" + `, and ` + "`uuid()` and `ulid()`" + ` give what they gave before as long as the pipeline stays as it is.
The environment sets no variables here.`

// Schema declares the test block. Its label is for whoever decodes it.
func (b *block) Schema() schema.Block {
	b.now = defaultNow
	return schema.Block{
		Summary: "A test of a pipeline: rows that go in, and those that have to come out.",
		Example: examples,
		Doc:     doc,
		Args: []schema.Arg{
			schema.String("pipeline", &b.pipeline, "The pipeline: a file or a folder. A relative path starts at the folder of the test's file.").
				DefaultDoc("the file of the same name, `users.hcl` for `users.test.hcl`; without one, the folder"),
			schema.Raw("variables", &b.variables, "{ name = value, ... }", "Values of the pipeline's variables. Others have their defaults.").As(schema.JSON{"type": "object"}),
			schema.String("now", &b.now, "The start of the run, which `timestamp()` gives: a time by RFC 3339."),
		},
		Blocks: []schema.Nested{
			schema.List("source", &b.sources, (*sourceBlock).schema),
			schema.List("lookup", &b.lookups, (*lookupBlock).schema),
			schema.List("expect", &b.expects, (*expectBlock).schema),
			schema.List("reject", &b.rejects, (*rejectBlock).schema),
		},
		Check: b.check,
	}
}

func (b *block) check(r schema.Ranges) hcl.Diagnostics {
	b.pipelineAt = r.Of("pipeline")
	start, err := time.Parse(time.RFC3339Nano, b.now)
	if err != nil {
		return hcl.Diagnostics{diag.Error(r.Of("now"), "Not a time", `"now" takes a time by RFC 3339, such as %q.`, defaultNow)}
	}
	b.start = start.UTC()
	return nil
}

func rowsArg(target *hcl.Expression, text string) schema.Arg {
	return schema.Raw("rows", target, "[{ name = value, ... }, ...]", text).As(schema.JSON{})
}

func (s *sourceBlock) schema() schema.Block {
	return schema.Block{
		Summary: "What a source of the pipeline gives in this test.",
		Doc: "Rows are given as the source would give them, so of CSV a value is a string unless the source's `columns` say otherwise. " +
			"They have no `meta.file` and no `meta.line`: where these matter, or the reading itself, write `file`.",
		Labels: []schema.Label{{Name: "type", Target: &s.typ, At: &s.at}, {Name: "name", Target: &s.name}},
		Args: []schema.Arg{
			rowsArg(&s.rows, "The rows, in order; `[]` for none."),
			schema.String("file", &s.file, "A file that the source reads as it would its own, with its arguments. A relative path starts at the folder of the test's file. For sources of files."),
		},
		Check: func(r schema.Ranges) hcl.Diagnostics {
			s.fileAt = r.Of("file")
			return oneOf(r, "source", "rows", "file")
		},
	}
}

// oneOf reports that not one of two arguments was written.
func oneOf(r schema.Ranges, what, a, b string) hcl.Diagnostics {
	if r.Has(a) != r.Has(b) {
		return nil
	}
	return hcl.Diagnostics{diag.Error(r.Block(), "One of two", "This %s needs %q or %q, and not both.", what, a, b)}
}

func (l *lookupBlock) schema() schema.Block {
	return schema.Block{
		Summary: "The items that a lookup of the pipeline finds, by the keys that it asks for.",
		Labels:  []schema.Label{{Name: "name", Target: &l.name, At: &l.at}},
		Args: []schema.Arg{
			rowsArg(&l.rows, "The items of the table, each with its key; `[]` for none. For a lookup that reads one table."),
		},
		Blocks: []schema.Nested{schema.List("get", &l.gets, (*getBlock).schema)},
		Check:  func(r schema.Ranges) hcl.Diagnostics { return oneOf(r, "lookup", "rows", "get") },
	}
}

func (g *getBlock) schema() schema.Block {
	return schema.Block{
		Summary: "The items that one get block of the lookup finds.",
		Labels:  []schema.Label{{Name: "attribute", Target: &g.name, At: &g.at}},
		Args:    []schema.Arg{rowsArg(&g.rows, "The items of the table, each with its key.").Require()},
	}
}

func (e *expectBlock) schema() schema.Block {
	return schema.Block{
		Summary: "What has to reach a sink of the pipeline.",
		Labels:  []schema.Label{{Name: "type", Target: &e.typ, At: &e.at}, {Name: "name", Target: &e.name}},
		Args: []schema.Arg{
			rowsArg(&e.rows, "The rows: all of them, each with all of its attributes; `[]` for none."),
			schema.Int64("count", &e.count, "How many rows there have to be.").DefaultDoc("not looked at").AtLeast(0),
			schema.Bool("ordered", &e.ordered, "Whether the rows have to come in this order.").
				DefaultDoc("true where the sink's rows come from one source; rows of several sources come in no order of their own"),
			schema.Strings("only", &e.only, "The attributes that are compared.").DefaultDoc("all"),
			schema.Strings("ignore", &e.ignore, "Attributes that are not compared."),
		},
		Check: func(r schema.Ranges) hcl.Diagnostics {
			e.counts, e.orders = r.Has("count"), r.Has("ordered")
			if e.rows == nil && !e.counts {
				return hcl.Diagnostics{diag.Error(r.Block(), "Nothing expected", `This block needs "rows", "count", or both.`)}
			}
			return nil
		},
	}
}

func (x *rejectBlock) schema() schema.Block {
	return schema.Block{
		Summary: "Rows that have to be rejected. All that is written here has to be so.",
		Args: []schema.Arg{
			schema.String("node", &x.node, "The address of the node that rejects them: `\"transform.map.items\"`.").DefaultDoc("any"),
			schema.String("message", &x.message, "A part of the reason.").DefaultDoc("any"),
			schema.String("code", &x.code, "The code, as the dead letter has it: `ExpressionError`.").DefaultDoc("any"),
			schema.Int64("count", &x.count, "How many such rows there have to be.").DefaultDoc("one or more").AtLeast(0),
		},
		Check: func(r schema.Ranges) hcl.Diagnostics {
			x.at, x.nodeAt, x.counts = r.Block(), r.Of("node"), r.Has("count")
			return nil
		},
	}
}

// Docs is the documentation of the blocks of a file of tests.
func Docs() []schema.Docs {
	return []schema.Docs{{Header: `test "NAME"`, Block: (&block{}).Schema()}}
}
