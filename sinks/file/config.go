// Package file is the sink that writes rows to a file or to standard output,
// as CSV, JSON, JSON Lines, Parquet or Arrow.
//
//	config.go   the block: its arguments and what can be wrong with them
//	sink.go     batches to rows written, rows that don't fit to the dead letter
//	sample.go   the first rows, held while the columns are not known
//	split.go    several files: one per value of the path, or one after the other
//	path.go     the path of a row, which stays below its folder
//	copy.go     the same files elsewhere, and how to read them
//	rehearse.go the same work with nothing kept
//	output.go   where the bytes go: a file that appears when whole, a pipe
//	checkpoint.go  files made such that a later run can go on with them
//	state.go    what that run has to know
//	resume.go   files gone on with, published, or removed
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
	formatArrow   = "arrow"

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
	where       schema.Template
	path        string // where it is fixed, or with * for what comes from the row
	format      string
	encoding    string
	compression string
	columns     []schema.TypedName
	delimiter   string
	header      bool
	strict      bool
	maxRows     int64
	maxBytes    int64
	maxOpen     int
	elsewhere   string // a folder in place of that of the path's constant part
}

var _ sinks.Discarder = (*Config)(nil)

// New is a Config with the defaults.
func New() sinks.Config {
	return &Config{encoding: encodingPlain, delimiter: ",", header: true, maxOpen: 64}
}

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Writes rows to CSV, JSON, JSON Lines, Parquet or Arrow files, or to standard output.",
		Example: examples,
		Doc:     doc,
		Args: []schema.Arg{
			schema.Text("path", &c.where, "The file to write, or `-` for standard output. Missing folders are made. A path that uses `row` stands for one file per value, below the folder of its constant part.").Require(),
			schema.Choice("format", &c.format, []string{formatCSV, formatJSON, formatJSONL, formatParquet, formatArrow},
				"What the file holds: `json` is one array with an object a line, `jsonl` an object a line.").
				DefaultDoc("by ending: .csv, .json, .jsonl or .ndjson, .parquet, .arrow; jsonl for standard output"),
			schema.Choice("encoding", &c.encoding, []string{encodingPlain, encodingDynamoDB},
				"How JSON and JSON Lines spell values: `plain` JSON, or DynamoDB JSON, which holds every type, each item as {\"Item\":{...}}."),
			schema.Columns("columns", &c.columns,
				"The attributes to write, in this order; others are left out. With types, values are converted where nothing is lost, and a row with any other value is rejected.").
				DefaultDoc("every attribute; for CSV, Parquet and Arrow, those of the first batch_rows rows"),
			schema.Choice("compression", &c.compression, []string{compressionNone, compressionGzip, compressionZstd, compressionSnappy},
				"How the file is compressed, or, inside a Parquet file, its pages, inside an Arrow file, its buffers (`zstd` or `none`).").
				DefaultDoc("by ending: .gz, .zst; snappy for Parquet; none for Arrow"),
			schema.String("delimiter", &c.delimiter, "What stands between the cells of a CSV file: one ASCII character."),
			schema.Bool("header", &c.header, "Whether the first line of a CSV file names the columns."),
			schema.Bool("strict", &c.strict, "Rejects a row with a value that the format can only hold in a plainer form (a set as an array, binary as base64), in place of a counted warning."),
			schema.Int64("max_rows", &c.maxRows, "How many rows a file has at most; then the next one begins. 0 is no limit.").Unit("rows").AtLeast(0),
			schema.Bytes("max_bytes", &c.maxBytes, "How large a file grows, about: the next one begins after the row with which it is. 0 is no limit.").AtLeast(0),
			schema.Int("max_open", &c.maxOpen, "How many files of a path that uses `row` are open at once.").Unit("files").Between(1, 10000),
		},
		Check: c.check,
	}
}

const doc = `The file appears under its name only when the whole run went well; until then it stands
beside it as ` + "`.NAME.RUN.partial`" + `, and a file that is there already stays as it is. A device or a
pipe is written to directly, as standard output is.

A run that ends unfinished leaves such files as far as its last checkpoint counts on them, and ` + "`run --resume`" + ` goes on with
them: the file is then what an uninterrupted run would have written. Compressed files get a gzip member or zstd frame more for
each checkpoint, Arrow files a record batch. What has gone to a device, a pipe or standard output can't be taken
back: rows after the checkpoint come again there, and as Parquet or Arrow no checkpoint is taken.

A path that uses ` + "`row`" + ` is made for each row: ` + "`\"out/${row.country}/${row.kind}.jsonl\"`" + `. No value leads out of the folder
of its constant part, here ` + "`out/`" + `: a row whose path has an empty part, ` + "`.`, `..`" + ` or a backslash, or leads through a symbolic link
out of the folder, is rejected, and so is one with nothing for a part of it. When more than ` + "`max_open`" + ` files would be
open, the one used longest ago is closed; CSV and JSON Lines are continued when more rows come, in the other formats
that fails the run. Each file has columns of its own.

With ` + "`max_rows` or `max_bytes`" + ` files are numbered, ` + "`users-00001.jsonl.gz`" + ` and on, and have the columns of the first one.

CSV, Parquet and Arrow have columns. Without ` + "`columns`" + ` they are the attributes of the first ` + "`batch_rows`" + `
rows, in order of first appearance; a later row with another attribute is rejected, because leaving
it out would lose it.

CSV follows RFC 4180 with LF line ends. An absent attribute is an empty cell, an empty string is ` + "`\"\"`" + `.
NULL becomes an empty cell, binary base64, and sets, lists and maps JSON, each with a counted warning.

In Parquet a ` + "`number`" + ` is DECIMAL(38, 18); a number that would have to be rounded rejects its row. Where the
type is not given, a column of whole numbers is INT64, and numbers too long for the decimal are text.
A ` + "`string`" + ` column, and one whose values are of several types, a set, a list or a map, is text, the latter
as JSON with a counted warning. A row group is written every 65,536 rows or 16 MB.

An Arrow file (IPC, Feather version 2) has the same types: int64, decimal128(38, 18), bool, binary and utf8. A record
batch is written every 65,536 rows or 16 MB.`

// check finds what no single argument can.
func (c *Config) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(argument, summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Of(argument), summary, detail, args...))
	}
	c.path = pattern(c.where)
	if c.path == "" || strings.HasSuffix(c.path, "/") {
		report("path", "Not a file", "The path %q names no file.", c.path)
		return diags
	}
	format := c.formatName()
	if format == "" {
		report("path", "Unknown format", "The ending of %q says nothing of its format. "+
			"Write format = \"csv\", \"json\", \"jsonl\", \"parquet\" or \"arrow\", or use one of the endings .csv, .json, .jsonl, .ndjson, .parquet, .arrow.", c.path)
		return diags
	}
	if ending := strings.ToLower(filepath.Ext(c.path)); c.compression == "" && (ending == ".bz2" || c.columnar() && endingCompression(c.path) != "") {
		report("path", "Unfitting compression", "A %s file can't be written as %s. %s", format, ending, compressionHint(format))
	}
	if c.compression == compressionSnappy && !c.columnar() {
		report("compression", "Unfitting compression", "Snappy compresses the pages of a Parquet file. %s", compressionHint(format))
	}
	if format == formatArrow && (c.compression == compressionGzip || c.compression == compressionSnappy) {
		report("compression", "Unfitting compression", "The buffers of an Arrow file are compressed by zstd or not at all. %s", compressionHint(format))
	}
	for _, limit := range []string{"max_rows", "max_bytes"} {
		if at.Has(limit) && c.toStandardOutput() {
			report(limit, "Unfitting argument", "%q is for files, and this is standard output.", limit)
		}
	}
	if at.Has("max_open") && c.where.Parts == nil {
		report("max_open", "Unfitting argument", "%q is for a path that uses row, and this one is the same for every row.", "max_open")
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
	if format == formatArrow {
		return "End the path in .arrow, and choose with compression = \"zstd\" or \"none\"."
	}
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
	case ".arrow":
		return formatArrow
	}
	return ""
}

// columnar reports a format that has typed columns and compresses them itself.
func (c *Config) columnar() bool {
	format := c.formatName()
	return format == formatParquet || format == formatArrow
}

// continues reports a format whose file can be closed and written on later.
func (c *Config) continues() bool {
	format := c.formatName()
	return format == formatCSV || format == formatJSONL
}

// splits reports that there may be several files.
func (c *Config) splits() bool {
	return c.where.Parts != nil || c.rotates()
}

// rotates reports that files follow one another as each is full.
func (c *Config) rotates() bool { return c.maxRows > 0 || c.maxBytes > 0 }

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
	return l, !l.Fixed && (format == formatCSV || c.columnar()) || untyped && c.columnar()
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

// WritesFiles is the file, the first one of several in turn, that nothing else may
// write in the same run. A device or a pipe is nobody's own.
func (c *Config) WritesFiles() []string {
	if c.where.Parts != nil || !c.toStandardOutput() && special(c.path) {
		return nil // a file per value is known when the value is
	}
	if c.rotates() {
		return []string{numbered(c.name(), 1)}
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
		Delivery:  schema.AtLeastOnce,
		Guarantee: "at least once: rows are there as soon as they are written, also when the run fails later, and a run that is started again writes them again",
	}
	if !c.toStandardOutput() && !special(c.path) {
		f.Delivery = schema.ExactlyOnce
		f.Guarantee = "exactly once: the file appears, or is replaced, whole and at the end of a run that went well"
	}
	if c.where.Parts != nil {
		folder, _ := base(c.where)
		f.Files = []string{c.where.Source}
		f.Notes = append(f.Notes, fmt.Sprintf("one file per value, below %q, at most %d open at once", cleanFolder(folder), c.maxOpen))
	}
	if c.rotates() {
		f.Notes = append(f.Notes, fmt.Sprintf("files are numbered, as %s", numbered(c.path, 1)))
	}
	if _, learn := c.layout(); learn {
		f.Notes = append(f.Notes, fmt.Sprintf("the columns of this %s file are learned from its first rows", c.formatName()))
	}
	return f, nil
}
