package batchwrite

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
)

// The codes of rows that are not sent.
const (
	codeMissingKey = "MissingKey"
	codeWrongType  = "WrongKeyType"
	codeEmptyKey   = "EmptyKey"
	codeTooLong    = "KeyTooLong"
	codeTooLarge   = "ItemTooLarge"
	codeTable      = "InvalidTable"
	codeOperation  = "InvalidOperation"
	codeExpression = "ExpressionError"
)

// maxItem is the largest item (AWS: "Constraints in Amazon DynamoDB").
const maxItem = 400 << 10

// refusal is why a row is not sent: the code and message of its rejection. The
// zero refusal is none.
type refusal struct{ code, message string }

func (r refusal) refused() bool { return r.code != "" }

func refusef(code, format string, args ...any) refusal {
	return refusal{code: code, message: fmt.Sprintf(format, args...)}
}

// attribute is where a batch has an attribute, so that rows need not search.
type attribute struct {
	name   string
	column record.Column
	there  bool
}

func locate(b *record.Batch, name string) attribute {
	c, ok := b.Lookup(name)
	return attribute{name: name, column: c, there: ok}
}

func (a *attribute) value(b *record.Batch, row int) attr.Value {
	switch {
	case a.there && !a.column.Absent(row):
		return attr.At(a.column, row)
	case b.HasOverflow():
		return attr.Get(b, a.name, row)
	}
	return attr.Value{}
}

// checkKey checks a value of the table's key.
func (t *target) checkKey(k *keyAttribute, v attr.Value) refusal {
	switch {
	case v.Kind() == attr.Absent:
		return refusef(codeMissingKey, "the row has no attribute %q, the %s of table %s", k.Name, k.role, t.name)
	case v.Kind() != k.Kind:
		return refusef(codeWrongType, "attribute %q is the %s of table %s and must be %s, but the row has %s%s",
			k.Name, k.role, t.name, article(k.Kind), article(v.Kind()), conversion(k.Key, v.Kind()))
	case k.Kind == attr.Number:
		return refusal{}
	case v.Text() == "":
		return refusef(codeEmptyKey, "attribute %q is the %s of table %s and is empty", k.Name, k.role, t.name)
	case len(v.Text()) > k.max:
		return refusef(codeTooLong, "attribute %q is the %s of table %s and has %d bytes, more than the %d that one may have",
			k.Name, k.role, t.name, len(v.Text()), k.max)
	}
	return refusal{}
}

// checkIndex checks a value that is part of an index's key. A row without it
// is not in the index, which is fine; DynamoDB refuses one with a wrong value.
func (t *target) checkIndex(x *indexAttribute, v attr.Value) refusal {
	switch {
	case v.Kind() == attr.Absent:
		return refusal{}
	case v.Kind() != x.Kind:
		return refusef(codeWrongType, "attribute %q is a key of index %s of table %s and must be %s or absent, but the row has %s%s",
			x.Name, x.index, t.name, article(x.Kind), article(v.Kind()), conversion(x.Key, v.Kind()))
	case x.Kind != attr.Number && v.Text() == "":
		return refusef(codeEmptyKey, "attribute %q is a key of index %s of table %s and is empty: leave it out, or give it a value",
			x.Name, x.index, t.name)
	}
	return refusal{}
}

// article is a kind for a message: a string (S).
func article(k attr.Kind) string {
	if k == attr.Null {
		return "NULL"
	}
	return fmt.Sprintf("a %s (%s)", k, k.Descriptor())
}

// conversion is the hint for text that should be a number, and the reverse.
func conversion(k dynamo.Key, got attr.Kind) string {
	convert := ""
	switch {
	case k.Kind == attr.Number && got == attr.String:
		convert = "tonumber"
	case k.Kind == attr.String && got == attr.Number:
		convert = "tostring"
	default:
		return ""
	}
	return fmt.Sprintf(": convert it in a map transform, set = { %s = %s(row[%q]) }, or declare its type in the source's columns",
		k.Name, convert, k.Name)
}
