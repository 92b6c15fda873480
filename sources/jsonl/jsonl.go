// Package jsonl reads JSON Lines: files with one JSON object a line, plain or
// items in DynamoDB JSON.
package jsonl

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/jsonio"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// Config is a decoded source "jsonl" block.
type Config struct {
	input files.Input
	json  files.JSON
}

var _ sources.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sources.Config {
	return &Config{input: files.NewInput(), json: files.NewJSON()}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Reads files with one JSON object a line.",
		Example: examples,
		Doc: "Empty lines are passed over. A line that is not one object rejects that row, with line and column, " +
			"as do a key that stands twice in an object and a number that DynamoDB can't hold; reading goes on with the next line.",
		Args: append(c.input.Args(), c.json.Args()...),
	}
}

// Shape is what is known of the rows: the attributes of columns.
func (c *Config) Shape() expr.Shape { return c.json.Shape() }

// ReadOther has another file read in place of those of the pipeline.
func (c *Config) ReadOther(path string) { c.input.Paths = []string{path} }

// Fleeting is why the files can be read only once.
func (c *Config) Fleeting() string { return c.input.Fleeting() }

// ReadsFiles is the paths.
func (c *Config) ReadsFiles() []string { return c.input.Paths }

// Facts lists the files.
func (c *Config) Facts(context.Context) (schema.Facts, error) { return c.input.Facts() }

// Open finds the files.
func (c *Config) Open(ctx context.Context, env sources.Env) (sources.Source, error) {
	b := attr.NewBuilder(env.Mem).Steady()
	return files.Open(ctx, env, &c.input, b, func(text stream.Text) files.Decoder {
		return &decoder{lines: jsonio.NewLineReader(text), json: &c.json, rows: b}
	})
}

type decoder struct {
	lines *jsonio.LineReader
	json  *files.JSON
	rows  *attr.Builder
}

// Row implements files.Decoder.
func (d *decoder) Row(ctx context.Context) (int64, error) {
	row, err := d.lines.Next(ctx)
	if err != nil {
		return 0, err
	}
	return row.Line, d.json.Add(d.rows, row)
}

// Mark implements files.Decoder.
func (d *decoder) Mark() stream.Mark { return d.lines.Mark() }

// Go implements files.Decoder.
func (d *decoder) Go(ctx context.Context, m stream.Mark) error { return d.lines.Go(ctx, m) }
