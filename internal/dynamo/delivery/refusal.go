package delivery

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// The codes of rows that are not sent.
const (
	CodeMissingKey = "MissingKey"
	CodeWrongType  = "WrongKeyType"
	CodeEmptyKey   = "EmptyKey"
	CodeTooLong    = "KeyTooLong"
	CodeTooLarge   = "ItemTooLarge"
	CodeTable      = "InvalidTable"
	CodeOperation  = "InvalidOperation"
	CodeExpression = "ExpressionError"
)

// Refusal is why a row is not sent: the code and message of its rejection. The
// zero Refusal is none.
type Refusal struct{ Code, Message string }

// Refused reports that there is one.
func (r Refusal) Refused() bool { return r.Code != "" }

// Refuse is a Refusal.
func Refuse(code, format string, args ...any) Refusal {
	return Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Failed is the refusal of a row on which an expression failed. The message
// says where the expression stands.
func Failed(err error) Refusal {
	var why *expr.Error
	if errors.As(err, &why) && why.Range.Filename != "" {
		return Refusal{CodeExpression, why.Range.String() + ": " + why.Message}
	}
	return Refusal{CodeExpression, err.Error()}
}

// Rejection is a refused row of a batch for the dead letter.
func (r Refusal) Rejection(b *record.Batch, row int, operation string) record.Rejection {
	return record.Rejection{Item: attr.AppendRow(nil, b, row), Operation: operation, Code: r.Code, Message: r.Message}
}

// Shorten cuts a value for a message.
func Shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
