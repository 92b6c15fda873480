package transforms

import (
	"errors"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Codes of the rows that transforms reject.
const (
	CodeExpression = "ExpressionError" // an expression failed on the row
	CodeRename     = "RenameConflict"  // two attributes would have one name
	CodeRule       = "RuleBroken"      // a validate rule does not hold
	CodeElements   = "NotAList"        // explode finds neither a list nor a set
)

// Reject is the rejection of a row of a batch. Operation is the argument or
// block that refused it.
func Reject(b *record.Batch, row int, operation, code, message string) record.Rejection {
	return record.Rejection{
		Origin:    b.Origins().At(row),
		Item:      attr.AppendRow(nil, b, row),
		Operation: operation,
		Code:      code,
		Message:   message,
	}
}

// RejectExpression is the rejection of a row on which an expression failed. The
// message says where the expression stands.
func RejectExpression(b *record.Batch, row int, operation string, err error) record.Rejection {
	message := err.Error()
	var failed *expr.Error
	if errors.As(err, &failed) && failed.Range.Filename != "" {
		message = failed.Range.String() + ": " + message
	}
	return Reject(b, row, operation, CodeExpression, message)
}
