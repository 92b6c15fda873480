package layout

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// The codes of a Misfit, as the dead letter shows them.
const (
	CodeUnknownColumn = "UnknownColumn" // an attribute that is not among the learned columns
	CodeWrongType     = "WrongType"     // a value that the column's type can't hold
	CodeTypeLost      = "TypeLost"      // a value that the format can't hold, refused by strict
)

// Misfit is why a row can't be written to a file. It concerns the row alone.
type Misfit struct {
	Code    string
	Message string
}

func (m *Misfit) Error() string { return m.Message }

func misfit(code, format string, args ...any) error {
	return &Misfit{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WrongType is the Misfit of a value that its column can't hold.
func WrongType(format string, args ...any) error { return misfit(CodeWrongType, format, args...) }

// Losses decides what happens to a value that a format can only hold in a
// plainer form (promise 3). It belongs to one writer.
type Losses struct {
	// Format names the format in messages: CSV, JSON, Parquet. The writer
	// sets it.
	Format string
	// Strict refuses the row.
	Strict bool
	// Warn, which may be nil, is told of each value written in a plainer form:
	// the attribute's name and what is lost.
	Warn func(attribute, message string)

	said map[loss]string // messages, made once for all rows
}

type loss struct {
	attribute string
	kind      attr.Kind
}

// Lose reports one value about to be written in its plainest form; the error,
// a *Misfit, refuses the row.
func (l *Losses) Lose(attribute string, kind attr.Kind) error {
	key := loss{attribute, kind}
	message, known := l.said[key]
	if !known {
		if l.said == nil {
			l.said = map[loss]string{}
		}
		message = l.describe(attribute, kind)
		l.said[key] = message
	}
	if l.Strict {
		return misfit(CodeTypeLost, "%s; strict = true refuses the row", message)
	}
	if l.Warn != nil {
		l.Warn(attribute, message)
	}
	return nil
}

func (l *Losses) describe(attribute string, kind attr.Kind) string {
	switch kind {
	case attr.Null:
		return fmt.Sprintf("attribute %q is NULL, which %s can't tell from an absent one", attribute, l.Format)
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		return fmt.Sprintf("attribute %q is a %s, which %s can only hold as a JSON array", attribute, kind, l.Format)
	case attr.Binary:
		return fmt.Sprintf("attribute %q is binary, which %s can only hold as base64 text", attribute, l.Format)
	case attr.List, attr.Map:
		return fmt.Sprintf("attribute %q is a %s, whose types %s can only hold as plain JSON", attribute, kind, l.Format)
	}
	return fmt.Sprintf("attribute %q is a %s, which its %s column can only hold as text", attribute, kind, l.Format)
}
