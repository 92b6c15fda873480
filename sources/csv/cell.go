package csv

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sources/internal/files"
)

// column is one column of a file.
type column struct {
	name string
	// set sets the row's attribute from the text of a cell.
	set func(b *attr.Builder, name string, text []byte) error
}

// bind gives the named columns their types.
func (c *Config) bind(names []string) []column {
	columns := make([]column, len(names))
	for i, name := range names {
		columns[i] = column{name: name, set: setString}
		for _, t := range c.columns {
			if t.Name == name {
				columns[i].set = setter(t.Kind, c.separators[name])
			}
		}
	}
	return columns
}

func setter(t schema.ColumnType, separator string) func(*attr.Builder, string, []byte) error {
	switch t.Kind {
	case attr.String:
		return setString
	case attr.Number:
		return setNumber
	case attr.Bool:
		return setBool
	case attr.Binary:
		return setBinary
	}
	parse := parseJSON
	if separator != "" {
		parse = func(text []byte) (attr.Value, error) { return split(text, separator), nil }
	}
	return func(b *attr.Builder, name string, text []byte) error {
		v, err := parse(text)
		if err != nil {
			return err
		}
		if v, err = files.Convert(v, t); err != nil {
			return err
		}
		b.Set(name, v)
		return nil
	}
}

func parseJSON(text []byte) (attr.Value, error) {
	v, err := attr.ParseJSON(text)
	if err != nil {
		err = fmt.Errorf("the cell does not hold JSON (%w); what stands between separators needs separators", err)
	}
	return v, err
}

func setString(b *attr.Builder, name string, text []byte) error {
	b.StringBytes(name, text)
	return nil
}

func setNumber(b *attr.Builder, name string, text []byte) error {
	// The check keeps nothing of its argument, which spares a copy of it.
	if err := attr.CheckNumber(unsafe.String(unsafe.SliceData(text), len(text))); err != nil {
		return err
	}
	b.NumberBytes(name, text)
	return nil
}

func setBool(b *attr.Builder, name string, text []byte) error {
	v, err := files.Bool(text)
	if err == nil {
		b.Bool(name, v)
	}
	return err
}

func setBinary(b *attr.Builder, name string, text []byte) error {
	data, err := files.Binary(text)
	if err == nil {
		b.Binary(name, data)
	}
	return err
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
