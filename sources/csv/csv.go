// Package csv reads CSV files (RFC 4180).
//
//	csv.go      the block, its arguments and checks
//	decoder.go  one file: its header, its records to rows
//	cell.go     the text of a cell to a value
package csv

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// Config is a decoded source "csv" block.
type Config struct {
	input       files.Input
	delimiter   string
	header      bool
	columnNames []string
	columns     []schema.TypedName
	separators  map[string]string
	nullValues  []string
	comment     string
	skipRows    int
	trim        bool
}

var _ sources.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sources.Config {
	c := &Config{input: files.NewInput(), delimiter: ",", header: true, nullValues: []string{""}}
	c.input.Encoding = string(stream.UTF8)
	return c
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Reads CSV files, as RFC 4180 describes them.",
		Example: examples,
		Doc: "Line ends inside quotes are kept as they are; lines end in LF or CRLF; empty lines are passed over, " +
			"so that in a file of one column an empty value must be written `\"\"`. Every file has its own header, by which its cells get their names: files of different columns may be read together. " +
			"A row with too many or too few cells, a quote out of place or text that is not of the column's type rejects that row, with its line. " +
			"A header name that is empty or stands twice fails the run.",
		Args: append(c.input.Args(),
			schema.String("delimiter", &c.delimiter, "The character between cells; `\"\\t\"` is a tab."),
			schema.Bool("header", &c.header, "Whether the first row of each file names the columns. Without it `column_names` does."),
			schema.Strings("column_names", &c.columnNames, "The names of the columns, for files without a header."),
			schema.Types("columns", &c.columns, "Columns that are not text, with their types. Numbers keep their spelling; a bool is `true` or `false`, in capitals or not; `binary` is base64; "+
				"sets, lists, maps and `any` are JSON in the cell, or split by `separators`. Other columns are `string`."),
			schema.StringMap("separators", &c.separators, "For columns that are sets or lists, what stands between the elements in a cell: `{ tags = \"|\" }`. Without it the cell holds JSON."),
			schema.Strings("null_values", &c.nullValues, "Cells without quotes that stand for no value: the row does not get the attribute. A quoted `\"\"` is the empty string."),
			schema.String("comment", &c.comment, "Lines that begin with this are passed over."),
			schema.Int("skip_rows", &c.skipRows, "How many lines to pass over at the beginning of each file, before the header.").AtLeast(0).Unit("lines"),
			schema.Bool("trim", &c.trim, "Whether to drop spaces and tabs around cells. What is inside quotes stays."),
			schema.Choice("encoding", &c.input.Encoding, stream.Encodings(), "The files' character encoding. A byte order mark is passed over; a row that is not valid UTF-8 is rejected."),
		),
		Check: c.check,
	}
}

func (c *Config) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(name, summary, format string, args ...any) {
		diags = append(diags, diag.Error(r.Of(name), summary, format, args...))
	}
	if utf8.RuneCountInString(c.delimiter) != 1 || strings.ContainsAny(c.delimiter, "\"\r\n") {
		report("delimiter", "Not a delimiter", "A delimiter is one character, and neither a quote nor a line end.")
	}
	if strings.ContainsAny(c.comment, "\"\r\n") || c.comment != "" && strings.HasPrefix(c.comment, c.delimiter) {
		report("comment", "Not a comment sign", "A comment begins neither with a quote nor with the delimiter, and holds no line end.")
	}
	switch {
	case c.header && len(c.columnNames) > 0:
		report("column_names", "Column names twice", "The header names the columns. For files without one write header = false; to pass over it skip_rows = 1 as well.")
	case !c.header && len(c.columnNames) == 0:
		report("header", "No column names", "Without a header column_names says how the columns are called: column_names = [\"id\", \"name\"].")
	}
	if !c.header {
		if err := checkNames(c.columnNames, 0); err != nil {
			report("column_names", "Wrong column names", "%s.", err)
		} else if err := c.checkColumns(c.columnNames); err != nil {
			report("columns", "Unknown column", "%s.", err)
		}
	}
	for name, separator := range c.separators {
		if !c.splits(name) {
			report("separators", "Not a set or list", "A separator splits a column that columns makes a set or a list, which %q is not.", name)
		} else if separator == "" {
			report("separators", "Empty separator", "The separator of %q is empty.", name)
		}
	}
	return diags
}

// splits reports a column that is a set or a list.
func (c *Config) splits(name string) bool {
	i := slices.IndexFunc(c.columns, func(t schema.TypedName) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	switch c.columns[i].Kind.Kind {
	case attr.StringSet, attr.NumberSet, attr.BinarySet, attr.List:
		return true
	}
	return false
}

// Shape is the columns as far as they are known, all others being text.
func (c *Config) Shape() expr.Shape {
	shape := expr.Shape{Attrs: map[string]expr.Kinds{}, Rest: expr.String | expr.Null}
	if !c.header {
		shape.Rest = expr.Null
		for _, name := range c.columnNames {
			shape.Attrs[name] = expr.String | expr.Null
		}
	}
	for _, col := range c.columns {
		shape.Attrs[col.Name] = files.Kinds(col.Kind)
	}
	return shape
}

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
	t := attr.NewTable(env.Mem, env.Limits.Rows)
	return files.Open(ctx, env, &c.input, t, func(text stream.Text) files.Decoder { return newDecoder(c, t, text) })
}
