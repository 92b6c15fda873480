// Package json reads JSON documents: the elements of an array, one object, or
// objects one after the other, or what a JSON Pointer names in the document.
package json

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/jsonio"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// Config is a decoded source "json" block.
type Config struct {
	input   files.Input
	json    files.JSON
	pointer string
}

var _ sources.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sources.Config {
	return &Config{input: files.NewInput(), json: files.NewJSON()}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	pointer := schema.String("pointer", &c.pointer,
		"A JSON Pointer (RFC 6901) to the array of rows, or to an object that is the only row: `/features`, `/data/items`. "+
			"In a name a slash is written `~1` and a tilde `~0`. Without it the whole document is an array of objects, one object, or objects one after the other.")
	return schema.Block{
		Summary: "Reads the objects of a JSON document.",
		Example: examples,
		Doc: "The document is streamed: only one row of it is in memory. An element that is no object rejects that row, with line and column, as do a key that stands " +
			"twice in an object and a number that DynamoDB can't hold. Text that is not JSON fails the run at its line and column, for there the rows can't be told apart; the rows before it have been sent on.",
		Args:  append(c.input.Args(), append([]schema.Arg{pointer}, c.json.Args()...)...),
		Check: c.check,
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	if _, err := jsonio.ParsePointer(c.pointer); err != nil {
		return hcl.Diagnostics{diag.Error(r.Of("pointer"), "Not a JSON Pointer", "%s.", err)}
	}
	return nil
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
	pointer, err := jsonio.ParsePointer(c.pointer)
	if err != nil {
		return nil, err
	}
	b := attr.NewBuilder(env.Mem).Steady()
	return files.Open(ctx, env, &c.input, b, func(text stream.Text) files.Decoder {
		return &decoder{document: jsonio.NewDocumentReader(text, pointer), json: &c.json, rows: b}
	})
}

type decoder struct {
	document *jsonio.DocumentReader
	json     *files.JSON
	rows     *attr.Builder
}

// Row implements files.Decoder. What is wrong with a row rejects it as long as
// its text is JSON; the end of a row that is not can't be trusted.
func (d *decoder) Row(ctx context.Context) (int64, error) {
	row, err := d.document.Next(ctx)
	if err == nil {
		if err = d.json.Add(d.rows, row); err == nil {
			return row.Line, nil
		}
	} else {
		var fault *stream.RowError
		if !errors.As(err, &fault) {
			return 0, err
		}
		err = files.Malformed(row, fault)
	}
	if broken := row.Broken(); broken != nil {
		d.document.Unread()
		return 0, broken
	}
	return row.Line, err
}

// Mark implements files.Decoder.
func (d *decoder) Mark() stream.Mark { return d.document.Mark() }

// Go implements files.Decoder.
func (d *decoder) Go(ctx context.Context, m stream.Mark) error { return d.document.Go(ctx, m) }
