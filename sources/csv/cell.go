package csv

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// column is what the cells of one column of a file become.
type column struct {
	kind attr.Kind // String, Number or Binary, or whatever parse gives
	// parse is nil for a kind whose cells go into the batch as bytes.
	parse func(text []byte) (attr.Value, error)
}

// bind gives the named columns their types.
func (c *Config) bind(names []string) ([]attr.TableColumn, []column) {
	table, columns := make([]attr.TableColumn, len(names)), make([]column, len(names))
	for i, name := range names {
		t := schema.ColumnType{Kind: attr.String}
		for _, typed := range c.columns {
			if typed.Name == name {
				t = typed.Kind
			}
		}
		table[i], columns[i] = attr.TableColumn{Name: name}, column{kind: t.Kind}
		switch t.Kind {
		case attr.String:
			table[i].Type = record.String
		case attr.Number:
			table[i].Type = record.Number
		case attr.Binary:
			table[i].Type = record.Binary
		case attr.Bool:
			columns[i].parse = parseBool
		default:
			columns[i].parse = parser(t, c.separators[name])
		}
	}
	return table, columns
}

// parser parses cells of sets, lists, maps and whatever JSON has.
func parser(t schema.ColumnType, separator string) func([]byte) (attr.Value, error) {
	parse := parseJSON
	if separator != "" {
		parse = func(text []byte) (attr.Value, error) { return split(text, separator), nil }
	}
	return func(text []byte) (attr.Value, error) {
		v, err := parse(text)
		if err != nil {
			return v, err
		}
		return files.Convert(v, t)
	}
}

// set sets the row's cell in the i-th column, which is not of strings.
func (c *column) set(t *attr.Table, i int, text []byte) error {
	switch {
	case c.kind == attr.Number:
		// The check keeps nothing of its argument, which spares a copy of it.
		err := attr.CheckNumber(unsafe.String(unsafe.SliceData(text), len(text)))
		if err == nil {
			t.Append(i, text)
		}
		return err
	case c.parse == nil:
		data, err := files.Binary(text)
		if err == nil {
			t.Append(i, data)
		}
		return err
	}
	v, err := c.parse(text)
	if err == nil {
		t.Set(i, v)
	}
	return err
}

func parseBool(text []byte) (attr.Value, error) {
	v, err := files.Bool(text)
	return attr.BoolValue(v), err
}

func parseJSON(text []byte) (attr.Value, error) {
	v, err := attr.ParseJSON(text)
	if err != nil {
		err = fmt.Errorf("the cell does not hold JSON (%w); what stands between separators needs separators", err)
	}
	return v, err
}

// split is the list of the texts between separators; of the empty text it has
// no element.
func split(text []byte, separator string) attr.Value {
	if len(text) == 0 {
		return attr.ListValue(nil)
	}
	parts := strings.Split(string(text), separator)
	elems := make([]attr.Value, len(parts))
	for i, part := range parts {
		elems[i] = attr.StringValue(part)
	}
	return attr.ListValue(elems)
}
