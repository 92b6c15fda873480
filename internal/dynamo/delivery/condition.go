package delivery

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// The values of on_condition_failure.
const (
	FailureRejects = "reject"
	FailureSkips   = "skip"
	FailureFails   = "fail"
)

// ConditionFailureArg declares on_condition_failure, whose target is its default.
func ConditionFailureArg(target *string) schema.Arg {
	*target = FailureRejects
	return schema.Choice("on_condition_failure", target, []string{FailureRejects, FailureSkips, FailureFails},
		"What becomes of a row whose condition does not hold: `reject` puts it into the dead letter; `skip` leaves it out, and it counts as filtered; `fail` fails the run.")
}

const codeConditionFailed = "ConditionalCheckFailedException"

// unmet is what the core is told of a row whose condition does not hold.
func unmet(onFailure string, row *deliver.Row, code, message string, err error) (deliver.Answer, error) {
	switch onFailure {
	case FailureSkips:
		return deliver.Answer{Skipped: []int{0}}, nil
	case FailureFails:
		return deliver.Answer{}, &deliver.Fault{
			Class: deliver.Permanent, Code: code, Message: message, Answered: true,
			Err: fmt.Errorf("the row at %s: %s (on_condition_failure = \"fail\"): %w", row.Receipt.Origin(row.Index), message, err),
		}
	}
	return deliver.Answer{}, &deliver.Fault{Class: deliver.Poison, Code: code, Message: message, Answered: true, Err: err}
}
