// Package file is the sink that writes rows to a file or to standard output,
// as CSV, JSON, JSON Lines or Parquet.
//
//	config.go   the block: its arguments and what can be wrong with them
//	sink.go     batches to rows written, rows that don't fit to the dead letter
//	sample.go   the first rows, held while the columns are not known
//	output.go   where the bytes go: a file that appears when whole, a pipe
package file

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/csvio"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// The formats and encodings, as a pipeline names them.
const (
	formatCSV     = "csv"
	formatJSON    = "json"
	formatJSONL   = "jsonl"
	formatParquet = "parquet"

	encodingPlain    = "plain"
	encodingDynamoDB = "dynamodb"
)

// The compressions, as a pipeline names them.
const (
	compressionNone   = "none"
	compressionGzip   = "gzip"
	compressionZstd   = "zstd"
	compressionSnappy = "snappy"
)

// standardOutput is the path that means it.
const standardOutput = "-"

// Config is a decoded sink "file" block.
type Config struct {
	path        string
	format      string
	encoding    string
	compression string
	columns     []schema.TypedName
	delimiter   string
	header      bool
	strict      bool
}

var _ sinks.Config = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config {
	return &Config{encoding: encodingPlain, delimiter: ",", header: true}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Writes rows to a CSV, JSON, JSON Lines or Parquet file, or to standard output.",
		Doc:     doc,
		Args: []schema.Arg{
			schema.String("path", &c.path, "The file to write, or `-` for standard output. Missing folders are made.").Require(),
			schema.Choice("format", &c.format, []string{formatCSV, formatJSON, formatJSONL, formatParquet},
				"What the file holds: `json` is one array with an object a line, `jsonl` an object a line.").
				DefaultDoc("by ending: .csv, .json, .jsonl or .ndjson, .parquet; jsonl for standard output"),
			schema.Choice("encoding", &c.encoding, []string{encodingPlain, encodingDynamoDB},
				"How JSON and JSON Lines spell values: `plain` JSON, or DynamoDB JSON, which holds every type, each item as {\"Item\":{...}}."),
			schema.Columns("columns", &c.columns,
				"The attributes to write, in this order; others are left out. With types, values are converted where nothing is lost, and a row with any other value is rejected.").
				DefaultDoc("every attribute; for CSV and Parquet, those of the first batch_rows rows"),
			schema.Choice("compression", &c.compression, []string{compressionNone, compressionGzip, compressionZstd, compressionSnappy},
				"How the file is compressed, or, inside a Parquet file, its pages.").
				DefaultDoc("by ending: .gz, .zst; snappy for Parquet"),
			schema.String("delimiter", &c.delimiter, "What stands between the cells of a CSV file: one ASCII character."),
			schema.Bool("header", &c.header, "Whether the first line of a CSV file names the columns."),
			schema.Bool("strict", &c.strict, "Rejects a row with a value that the format can only hold in a plainer form (a set as an array, binary as base64), in place of a counted warning."),
		},
		Check: c.check,
	}
}

const doc = `The file appears under its name only when the whole run went well; until then it stands
beside it as ` + "`.NAME.RUN.partial`" + `, and a file that is there already stays as it is. A device or a
pipe is written to directly, as standard output is.

CSV and Parquet have columns. Without ` + "`columns`" + ` they are the attributes of the first ` + "`batch_rows`" + `
rows, in order of first appearance; a later row with another attribute is rejected, because leaving
it out would lose it.

CSV follows RFC 4180 with LF line ends. An absent attribute is an empty cell, an empty string is ` + "`\"\"`" + `.
NULL becomes an empty cell, binary base64, and sets, lists and maps JSON, each with a counted warning.

In Parquet a ` + "`number`" + ` is DECIMAL(38, 18); a number that would have to be rounded rejects its row. Where the
type is not given, a column of whole numbers is INT64, and numbers too long for the decimal are text.
A ` + "`string`" + ` column, and one whose values are of several types, a set, a list or a map, is text, the latter
as JSON with a counted warning. A row group is written every 131,072 rows or 32 MB.`

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(argument, summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Of(argument), summary, detail, args...))
	}
	if c.path == "" || strings.HasSuffix(c.path, "/") {
		report("path", "Not a file", "The path %q names no file.", c.path)
		return diags
	}
	format := c.formatName()
	if format == "" {
		report("path", "Unknown format", "The ending of %q says nothing of its format. "+
			"Write format = \"csv\", \"json\", \"jsonl\" or \"parquet\", or use one of the endings .csv, .json, .jsonl, .ndjson, .parquet.", c.path)
		return diags
	}
	if ending := strings.ToLower(filepath.Ext(c.path)); c.compression == "" && (ending == ".bz2" || format == formatParquet && endingCompression(c.path) != "") {
		report("path", "Unfitting compression", "A %s file can't be written as %s. %s", format, ending, compressionHint(format))
	}
	if c.compression == compressionSnappy && format != formatParquet {
		report("compression", "Unfitting compression", "Snappy compresses the pages of a Parquet file. %s", compressionHint(format))
	}
	if c.encoding == encodingDynamoDB && format != formatJSON && format != formatJSONL {
		report("encoding", "Unfitting encoding", "DynamoDB JSON is a way to write JSON and JSON Lines, not %s.", format)
	}
	for _, only := range []string{"delimiter", "header"} {
		if at.Has(only) && format != formatCSV {
			report(only, "Unfitting argument", "%q is for CSV, and this file is %s.", only, format)
		}
	}
	if !csvio.ValidDelimiter(c.delimiter) {
		report("delimiter", "Not a delimiter", "The delimiter is one ASCII character that is not part of a number, a word or a quoted cell, such as \",\", \";\", \"|\" or \"\\t\".")
	}
	if at.Has("columns") && len(c.columns) == 0 {
		report("columns", "No columns", "\"columns\" names no column. Leave it out to write every attribute.")
	}
	return diags
}

func compressionHint(format string) string {
	if format == formatParquet {
		return "Parquet compresses its own pages: end the path in .parquet, and choose with compression = \"snappy\", \"zstd\", \"gzip\" or \"none\"."
	}
	return "End the path in .gz or .zst, or write compression = \"gzip\" or \"zstd\"."
}

// formatName is the format that was asked for, or that the ending stands for;
// empty when it stands for none.
func (c *Config) formatName() string {
	if c.format != "" {
		return c.format
	}
	if c.toStandardOutput() {
		return formatJSONL
	}
	name := strings.ToLower(c.path)
	for _, ending := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, ending)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return formatCSV
	case ".json":
		return formatJSON
	case ".jsonl", ".ndjson":
		return formatJSONL
	case ".parquet":
		return formatParquet
	}
	return ""
}

func endingCompression(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz":
		return compressionGzip
	case ".zst":
		return compressionZstd
	}
	return ""
}

// compressionName is how the file's bytes, or a Parquet file's pages, are
// compressed; empty for the format's default.
func (c *Config) compressionName() string {
	if c.compression != "" {
		return c.compression
	}
	return endingCompression(c.path)
}

func (c *Config) toStandardOutput() bool {
	return c.path == standardOutput || c.path == "/dev/stdout"
}

// layout is the file's columns as far as the block says. learn is true when
// the first rows have to say the rest.
func (c *Config) layout() (l layout.Layout, learn bool) {
	for _, t := range c.columns {
		l.Columns = append(l.Columns, layout.Column{Name: t.Name, Type: typeOf(t.Kind)})
	}
	format := c.formatName()
	l.Fixed = len(l.Columns) > 0
	untyped := slices.ContainsFunc(l.Columns, func(col layout.Column) bool { return col.Type.Kind == attr.Absent })
	return l, !l.Fixed && (format == formatCSV || format == formatParquet) || untyped && format == formatParquet
}

func typeOf(t schema.ColumnType) layout.Type {
	out := layout.Type{Kind: t.Kind}
	if t.Elem != nil {
		elem := typeOf(*t.Elem)
		out.Elem = &elem
	}
	for _, f := range t.Fields {
		out.Fields = append(out.Fields, layout.Column{Name: f.Name, Type: typeOf(f.Kind)})
	}
	return out
}

// WritesFiles is the file that nothing else may write in the same run. A device
// or a pipe is nobody's own.
func (c *Config) WritesFiles() []string {
	if !c.toStandardOutput() && special(c.path) {
		return nil
	}
	return []string{c.name()}
}

// name is the path, spelled in one way.
func (c *Config) name() string {
	if c.toStandardOutput() {
		return standardOutput
	}
	return filepath.Clean(c.path)
}

// Uses is the columns, when they are given: the others are left out.
func (c *Config) Uses() expr.Use {
	if len(c.columns) == 0 {
		return expr.Everything()
	}
	use := expr.UseOf()
	for _, column := range c.columns {
		use = use.With(column.Name)
	}
	return use
}

// Facts says which file the sink writes.
func (c *Config) Facts(context.Context) (schema.Facts, error) {
	f := schema.Facts{
		Files:     []string{c.name()},
		Order:     "rows in the order they come in",
		Guarantee: "rows are there as soon as they are written, also when the run fails later",
	}
	if !c.toStandardOutput() && !special(c.path) {
		f.Guarantee = "the file appears, or is replaced, whole and at the end of a run that went well"
	}
	if _, learn := c.layout(); learn {
		f.Notes = append(f.Notes, fmt.Sprintf("the columns of this %s file are learned from its first rows", c.formatName()))
	}
	return f, nil
}
