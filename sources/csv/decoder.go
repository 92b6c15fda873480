package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/format/csvio"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// decoder reads the rows of one file.
type decoder struct {
	config  *Config
	records *csvio.Reader
	rows    *attr.Table
	table   []attr.TableColumn // nil until the file's beginning has been read
	columns []column
	defined bool     // rows has the file's columns
	empty   bool     // an empty cell stands for no value
	nulls   [][]byte // the other texts that do
}

func newDecoder(c *Config, t *attr.Table, text stream.Text) *decoder {
	d := &decoder{config: c, rows: t, records: csvio.NewReader(text, csvio.ReaderOptions{
		Delimiter: c.delimiter, Comment: c.comment, Trim: c.trim,
	})}
	for _, null := range c.nullValues {
		if null == "" {
			d.empty = true
		} else {
			d.nulls = append(d.nulls, []byte(null))
		}
	}
	return d
}

// Row implements files.Decoder.
func (d *decoder) Row(ctx context.Context) (int64, error) {
	if !d.defined {
		if err := d.begin(ctx); err != nil {
			return 0, err
		}
	}
	if err := d.records.Next(ctx); err != nil {
		return d.records.Line(), d.malformed(err)
	}
	line := d.records.Line()
	if n := d.records.Len(); n != len(d.columns) {
		return line, d.reject(files.CodeMalformed, d.miscounted(n))
	}
	for i := range d.columns {
		text, quoted := d.records.Cell(i)
		if !quoted && (len(text) == 0 && d.empty || d.isNull(text)) {
			d.rows.Skip(i)
			continue
		}
		c := &d.columns[i]
		if c.kind == attr.String {
			d.rows.Append(i, text)
		} else if err := c.set(d.rows, i, text); err != nil {
			return line, d.reject(files.CodeWrongType, fmt.Sprintf("column %q: %v", d.table[i].Name, err))
		}
	}
	return line, nil
}

// Mark implements files.Decoder.
func (d *decoder) Mark() stream.Mark { return d.records.Mark() }

// Go implements files.Decoder. The columns' names are at the file's beginning.
func (d *decoder) Go(ctx context.Context, m stream.Mark) error {
	if err := d.head(ctx); err != nil {
		return err
	}
	return d.records.Go(ctx, m)
}

func (d *decoder) miscounted(cells int) string {
	named := "the header"
	if !d.config.header {
		named = "column_names"
	}
	message := fmt.Sprintf("the row has %d cells, %s %d", cells, named, len(d.columns))
	if cells == 1 { // and there are more columns
		message = fmt.Sprintf("the row has 1 cell, %s %d", named, len(d.columns))
		message += fmt.Sprintf("; is %q the delimiter of this file?", d.config.delimiter)
	}
	return message
}

func (d *decoder) reject(code, message string) *files.Reject {
	return &files.Reject{Code: code, Message: message, Raw: d.records.Raw()}
}

// malformed makes a fault of one record a reject.
func (d *decoder) malformed(err error) error {
	var fault *stream.RowError
	if errors.As(err, &fault) {
		return d.reject(files.CodeMalformed, fault.Error())
	}
	return err
}

// isNull reports a text, not the empty one, that stands for no value.
func (d *decoder) isNull(text []byte) bool {
	for _, null := range d.nulls {
		if bytes.Equal(text, null) {
			return true
		}
	}
	return false
}

// begin gives the table the file's columns. Rows of a file with others must
// have left it.
func (d *decoder) begin(ctx context.Context) error {
	if d.table == nil {
		if err := d.head(ctx); err != nil {
			return err
		}
	}
	if !d.rows.Has(d.table) {
		if d.rows.Rows() > 0 {
			return files.ErrCut
		}
		d.rows.Define(d.table)
	}
	d.defined = true
	return nil
}

// head passes over the lines that are no rows and finds the columns' names.
func (d *decoder) head(ctx context.Context) error {
	c := d.config
	if err := d.records.SkipLines(ctx, c.skipRows); err != nil {
		return err
	}
	names := c.columnNames
	if c.header {
		err := d.records.Next(ctx)
		if err != nil {
			var fault *stream.RowError
			if errors.As(err, &fault) {
				return fmt.Errorf("the header can't be read: %w", fault)
			}
			return err
		}
		names = make([]string, d.records.Len())
		for i := range names {
			text, _ := d.records.Cell(i)
			names[i] = string(text)
		}
		if err := checkNames(names, d.records.Line()); err != nil {
			return err
		}
		if err := c.checkColumns(names); err != nil {
			return err
		}
	}
	d.table, d.columns = c.bind(names)
	return nil
}

// checkNames finds what columns can't be called. line is that of the header,
// 0 when the names are not from one.
func checkNames(names []string, line int64) error {
	where := ""
	if line > 0 {
		where = fmt.Sprintf("the header, line %d: ", line)
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		first, twice := seen[name]
		switch {
		case name == "":
			return fmt.Errorf("%scolumn %d has no name%s", where, i+1, unnamed(line))
		case strings.ContainsRune(name, '\r') && line > 0:
			return fmt.Errorf("%sthere is a carriage return in it without a line feed: lines must end in LF or CRLF, convert the file (as with: tr '\\r' '\\n')", where)
		case twice:
			return fmt.Errorf("%sthe name %q stands twice, for columns %d and %d: rename one of them%s", where, name, first+1, i+1, unnamed(line))
		}
		seen[name] = i
	}
	return nil
}

// unnamed is what to do about a header that does not do.
func unnamed(line int64) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf("; or name the columns yourself: header = false, skip_rows = %d and column_names", line)
}

// checkColumns finds a typed column that is not among the names.
func (c *Config) checkColumns(names []string) error {
	has := make(map[string]bool, len(names))
	for _, name := range names {
		has[name] = true
	}
	for _, t := range c.columns {
		if !has[t.Name] {
			return fmt.Errorf("columns gives a type to %q, and there is no such column.%s It has %s",
				t.Name, diag.DidYouMean(t.Name, names), strings.Join(names, ", "))
		}
	}
	return nil
}
