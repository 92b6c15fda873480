package cli

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/inspect"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	kind, format              choice
	rows                      int64
	delimiter, pointer, index string
	table                     string
}

func newInspectOptions() inspectOptions {
	return inspectOptions{
		kind:   choice{words: []string{"csv", "json", "jsonl", "dynamodb"}},
		format: choice{words: []string{"plain", "dynamodb"}},
	}
}

func (a *app) inspectCommand() *cobra.Command {
	o := newInspectOptions()
	c := &cobra.Command{
		Use:   "inspect SOURCE",
		Short: "Look at a file or a table: what its rows are like, and a source block that reads them",
		Long: `Inspect reads a sample of rows, exactly as a run would, and shows their attributes:
types, how often each is there, sizes by AWS's rule, how many different values,
and which attributes, or pairs of them, could be a table's key. It ends with a
source block, in which columns has the types that all of the text in the sample
could have: a number only where nothing is lost by it, so a ZIP code stays text.

SOURCE is a file, a pattern of files, or dynamodb:TABLE. What files hold is seen
by their ending: .csv, .tsv, .json, .jsonl or .ndjson, and .gz, .zst or .bz2 behind
it. A table is read with the region and credentials of the AWS SDK's own chain,
AWS_ENDPOINT_URL_DYNAMODB included.

With --table it also describes the table that the rows are meant for: whether they
have its keys, and how many write units an import takes.`,
		Example: `  dynapipe inspect users.csv
  dynapipe inspect 'exports/*.json.gz' --format dynamodb --rows 0
  dynapipe inspect orders.json --pointer /data/orders --table orders
  dynapipe inspect dynamodb:users --output json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return refuse("Which source?", "%s takes one source, and there are %d arguments: a file, a pattern in quotes, or dynamodb:TABLE.", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.inspect(c.Context(), args[0], &o) },
	}
	o.addReading(a, c)
	c.Flags().StringVar(&o.table, "table", "", "a `table` that the rows are meant for: its name or ARN")
	a.addOutput(c, "the report as text, or as one JSON document")
	return c
}

// addReading adds the flags that say how a source is read.
func (o *inspectOptions) addReading(a *app, c *cobra.Command) {
	f := c.Flags()
	f.Var(&o.kind, "type", "what the source is, where its ending does not say")
	f.Int64Var(&o.rows, "rows", 10_000, "how many rows to look at, from the beginning; 0 for all")
	f.StringVar(&o.delimiter, "delimiter", "", "the `character` between cells of CSV; \\t is a tab (default a comma, for .tsv a tab)")
	f.Var(&o.format, "format", "JSON and JSONL: plain, or items in DynamoDB JSON")
	f.StringVar(&o.pointer, "pointer", "", "JSON: a JSON `pointer` to the array of rows, as /features")
	f.StringVar(&o.index, "index", "", "dynamodb: a secondary `index` to read in place of the table")
	a.complete(c, "type", o.kind.words...)
	a.complete(c, "format", o.format.words...)
}

// inspection is what inspect found.
type inspection struct {
	Source sourceView `json:"source" doc:"What was read."`
	*inspect.Report
	Total    totalView     `json:"total" doc:"How many rows there are."`
	Rejected rejectedView  `json:"rejected" doc:"Rows of the sample that a run would reject."`
	Block    string        `json:"block" doc:"A source block that reads it, as text."`
	Notes    []string      `json:"notes" doc:"What else there is to know."`
	Import   *inspect.Cost `json:"import,omitempty" doc:"What an import into the table of --table takes."`
	Error    string        `json:"error,omitempty" doc:"What ended the reading before its time."`

	tableKey []inspect.KeyPart // of the table that was read
}

type sourceView struct {
	Type  string   `json:"type" doc:"The type of the source, as csv."`
	Files []string `json:"files,omitempty" doc:"The files."`
	Bytes int64    `json:"bytes,omitempty" doc:"Their bytes, as stored."`
	Table string   `json:"table,omitempty" doc:"The table."`
	Index string   `json:"index,omitempty" doc:"Its index."`
	Keys  []string `json:"keys,omitempty" doc:"The key of the table or index."`
}

// totalView is how many rows there are.
type totalView struct {
	Rows     int64  `json:"rows" doc:"How many; 0 when that is not known."`
	Estimate bool   `json:"estimate" doc:"It is an estimate."`
	By       string `json:"by" doc:"By what it was found."`
}

// rejectedView is the rows of the sample that a run would reject.
type rejectedView struct {
	Rows  int64    `json:"rows" doc:"How many."`
	First []string `json:"first" doc:"Where and why, the first of them."`
	After int64    `json:"behind_the_sample,omitempty" doc:"How many more there were among rows read behind the sample."`
}

func (a *app) inspect(ctx context.Context, arg string, o *inspectOptions) error {
	target, err := o.source(arg)
	if err != nil {
		return err
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	found, err := a.look(ctx, target, o)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	a.answer(found)
	if !a.asksJSON() {
		var out bytes.Buffer
		found.writeText(&out)
		if _, err = a.Stdout.Write(out.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case found.Error == "":
		return nil
	case a.asksJSON():
		return &ended{engine.Failed}
	}
	return errors.New(found.Error)
}

// look samples the source. What CSV has as text is read again with the types
// that it could have: so sizes and keys are those of an import, and the block
// has been tried.
func (a *app) look(ctx context.Context, t *target, o *inspectOptions) (*inspection, error) {
	var cost *inspect.Import
	if o.table != "" {
		table, err := describe(ctx, o.table)
		if err != nil {
			return nil, err
		}
		cost = inspect.NewImport(table)
	}
	text := t.block.Type == "csv"
	s := &sampling{app: a, target: t, rows: o.rows, survey: inspect.NewSurvey(text), cost: cost}
	columns := map[string]string{}
	if text {
		first := &sampling{app: a, target: t, rows: o.rows, survey: s.survey, brief: true}
		if err := first.read(ctx); err != nil {
			return nil, err
		}
		for _, x := range first.survey.Report().Attributes {
			if x.Column != "" && inspect.Spellable(x.Name) {
				columns[x.Name] = x.Column
				t.block.Columns = append(t.block.Columns, inspect.Column{Name: x.Name, Type: x.Column})
			}
		}
		s.survey = inspect.NewSurvey(false)
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	found := s.found(ctx)
	for i := range found.Attributes {
		x := &found.Attributes[i]
		x.Column = columns[x.Name]
	}
	if cost != nil {
		found.Import = cost.Cost(found.Total.Rows)
	}
	return found, nil
}

// describe asks for a table with the SDK's own chain.
func describe(ctx context.Context, table string) (*dynamo.Table, error) {
	client, err := (*dynamo.Connection)(nil).Client(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Describe(ctx, table)
}

// target is what is inspected.
type target struct {
	block inspect.Block
	view  sourceView
}

func stringArg(name, value string) inspect.Arg {
	return inspect.Arg{Name: name, Value: cty.StringVal(value)}
}
