package file

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Reading is how a source reads what the sink writes: its type, its arguments,
// and the types of its columns.
type Reading struct {
	Type    string
	Args    map[string]cty.Value
	Columns []ReadColumn
}

// ReadColumn is a column and its type as a pipeline spells it.
type ReadColumn struct{ Name, Type string }

// Unreadable is why what was written can't be read back; empty when it can.
func (c *Config) Unreadable() string {
	switch format := c.formatName(); {
	case c.toStandardOutput():
		return "what was written to standard output is gone"
	case c.where.Parts == nil && special(c.path):
		return "what was written to a device or a pipe is gone"
	case format != formatCSV && format != formatJSON && format != formatJSONL:
		return fmt.Sprintf("there is no source that reads %s files", format)
	case format == formatCSV && !c.header && len(c.columns) == 0:
		return "without a header, and without columns, the file does not say which cell is what"
	case c.where.Parts == nil && strings.ContainsAny(c.path, "*?["):
		return "its path would be read as a pattern"
	}
	return ""
}

// Elsewhere is a sink that writes the same files below another folder.
func (c *Config) Elsewhere(folder string) *Config {
	out := *c
	if c.where.Parts == nil {
		out.path = filepath.Join(folder, filepath.Base(c.path))
	} else {
		out.elsewhere = folder + "/"
	}
	return &out
}

// Folder is the one below which the sink's files are.
func (c *Config) Folder() string {
	if c.where.Parts == nil {
		return filepath.Dir(c.path)
	}
	folder, _ := base(c.where)
	return cleanFolder(folder)
}

// Names is the path, for people.
func (c *Config) Names() string {
	if c.where.Parts == nil {
		return c.path
	}
	return strings.Trim(c.where.Source, `"`)
}

// Reading is how its files are read.
func (c *Config) Reading() Reading {
	r := Reading{Type: c.formatName(), Args: map[string]cty.Value{}}
	if c.compression != "" {
		r.Args["compression"] = cty.StringVal(c.compression)
	}
	if c.encoding == encodingDynamoDB {
		r.Args["format"] = cty.StringVal(encodingDynamoDB)
	}
	if r.Type != formatCSV {
		return r
	}
	r.Args["delimiter"] = cty.StringVal(c.delimiter)
	var names []cty.Value
	for _, column := range c.columns {
		names = append(names, cty.StringVal(column.Name))
		if column.Kind.Kind != attr.Absent && column.Kind.Kind != attr.String {
			r.Columns = append(r.Columns, ReadColumn{column.Name, column.Kind.String()})
		}
	}
	if !c.header {
		r.Args["header"] = cty.False
		r.Args["column_names"] = cty.ListVal(names)
	}
	return r
}
