package files

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/jsonio"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// The values of the format argument.
const (
	Plain    = "plain"
	DynamoDB = "dynamodb"
)

// JSON is how the text of a JSON row becomes attributes.
type JSON struct {
	Format  string
	Columns []schema.TypedName
}

// NewJSON has the defaults.
func NewJSON() JSON { return JSON{Format: Plain} }

// Args declares the arguments.
func (j *JSON) Args() []schema.Arg {
	return []schema.Arg{
		schema.Choice("format", &j.Format, []string{Plain, DynamoDB},
			"`plain` JSON, or `dynamodb` for items in DynamoDB JSON, bare or wrapped as `{\"Item\": {...}}`, as an export to S3 has them."),
		schema.Types("columns", &j.Columns,
			"Attributes to convert, with their types: text to `number`, `bool` or `binary` (base64), a list to a set, a number to `string`. "+
				"Others stay as JSON has them. A value that can't be converted rejects the row."),
	}
}

// Shape is what is known of the rows: the converted attributes.
func (j *JSON) Shape() expr.Shape {
	shape := expr.Shape{Attrs: make(map[string]expr.Kinds, len(j.Columns))}
	for _, c := range j.Columns {
		shape.Attrs[c.Name] = Kinds(c.Kind)
	}
	return shape
}

// Add sets a row's attributes on b. Every error is a *Reject.
func (j *JSON) Add(b *attr.Builder, row jsonio.Row) error {
	var err error
	switch {
	case j.Format == Plain && len(j.Columns) == 0:
		err = b.AddObject(row.Text)
	case j.Format == Plain:
		err = j.convert(b, row.Text, attr.ParseJSON, 0)
	default:
		err = j.addItem(b, row.Text)
	}
	if err == nil {
		return nil
	}
	var reject *Reject
	if errors.As(err, &reject) {
		reject.Raw = row.Text
		return reject
	}
	return Malformed(row, err)
}

// Malformed is the Reject of a row that an error is about.
func Malformed(row jsonio.Row, err error) *Reject {
	message := err.Error()
	var syntax *attr.SyntaxError
	if errors.As(err, &syntax) {
		line, column := row.At(syntax.Offset)
		message = fmt.Sprintf("line %d, column %d: %s", line, column, syntax.Message)
	}
	return &Reject{Code: CodeMalformed, Message: message, Raw: row.Text}
}

// addItem adds an item, wrapped or not. {"Item": ...} may also be a bare item
// with one attribute of that name; the two are never both legal, for where one
// has a type descriptor the other has the name of an attribute.
func (j *JSON) addItem(b *attr.Builder, text []byte) error {
	inner, offset, wrapped := unwrap(text)
	if !wrapped {
		return j.addBare(b, text)
	}
	err := j.addBare(b, inner)
	if err == nil {
		return nil
	}
	b.Drop()
	if j.addBare(b, text) == nil {
		return nil
	}
	return shift(err, offset)
}

func (j *JSON) addBare(b *attr.Builder, text []byte) error {
	if len(j.Columns) == 0 {
		return b.AddItem(text)
	}
	const before = `{"M":`
	item := make([]byte, 0, len(before)+len(text)+1)
	item = append(append(append(item, before...), text...), '}')
	return j.convert(b, item, attr.ParseDynamoJSON, -len(before))
}

// unwrap is what stands in {"Item": ...}, and at which byte of the text.
func unwrap(text []byte) (inner []byte, offset int, ok bool) {
	rest := text
	for _, token := range []string{"{", `"Item"`, ":"} {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if rest, ok = bytes.CutPrefix(rest, []byte(token)); !ok {
			return nil, 0, false
		}
	}
	offset = len(text) - len(rest)
	inner, ok = bytes.CutSuffix(bytes.TrimRight(rest, " \t\r\n"), []byte{'}'})
	return inner, offset, ok
}

// shift moves the place that a syntax error names.
func shift(err error, by int) error {
	var syntax *attr.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	return &attr.SyntaxError{Offset: max(syntax.Offset+by, 0), Message: syntax.Message}
}

// convert adds a row of which some attributes have a type of their own.
func (j *JSON) convert(b *attr.Builder, text []byte, parse func([]byte) (attr.Value, error), offset int) error {
	row, err := parse(text)
	if err != nil {
		return shift(err, offset)
	}
	if row.Kind() != attr.Map {
		return &attr.SyntaxError{Message: fmt.Sprintf("a row must be an object, this is a %s", row.Kind())}
	}
	for _, f := range row.Fields() {
		v := f.Value
		for i := range j.Columns {
			if j.Columns[i].Name != f.Name {
				continue
			}
			if v, err = Convert(v, j.Columns[i].Kind); err != nil {
				return &Reject{Code: CodeWrongType, Message: fmt.Sprintf("attribute %q: %v", f.Name, err)}
			}
		}
		b.Set(f.Name, v)
	}
	return nil
}
