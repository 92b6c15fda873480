package engine

import (
	"context"
	"errors"
	"fmt"
)

// errStopped is why a run that was asked to stop reads no more.
var errStopped = errors.New("the run was stopped")

// ErrAborted is the failure of a run whose context was cancelled: it ended at
// once, with what was under way unsettled.
var ErrAborted = errors.New("the run was ended at once, before what was under way had been settled")

// Defect is a fault of dynapipe itself that ended the run.
type Defect struct {
	Node  string
	Value any
	Stack []byte // for a log, not for a message
}

func (d *Defect) Error() string {
	return fmt.Sprintf("%s: a defect in dynapipe ended the run (%v). Please report it", d.Node, d.Value)
}

// LedgerError is the failure of a run whose rows do not add up (promise 1).
type LedgerError struct {
	Where string
	Sums  string
}

func (e *LedgerError) Error() string {
	return fmt.Sprintf("the ledger of %s does not balance: %s. Rows may be missing: treat the run as failed, and please report it",
		e.Where, e.Sums)
}

// isRunEnd reports an error that the whole run ends with, and not one node.
func isRunEnd(err error) bool {
	var many *TooManyRejects
	var defect *Defect
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrAborted) || errors.As(err, &many) || errors.As(err, &defect)
}
