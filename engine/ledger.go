package engine

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/record"
)

// balance checks the ledger of every node and every edge (promise 1).
func (e *Engine) balance() error {
	for _, s := range e.stages {
		if came, went := sums(&s.tally); came != went {
			return &LedgerError{Where: s.node.Address, Sums: fmt.Sprintf("%d rows came in, %d are accounted for", came, went)}
		}
	}
	for _, link := range e.edges {
		if sent, received := link.sent.Load(), link.received.Load(); sent != received {
			return &LedgerError{
				Where: link.from.node.Address + " to " + link.to.node.Address,
				Sums:  fmt.Sprintf("%d rows were sent, %d received", sent, received),
			}
		}
	}
	return nil
}

// settled checks that a run that went well left nothing behind, at any node.
func (e *Engine) settled() error {
	for _, s := range e.stages {
		if n := s.tally.Unsettled.Load(); n > 0 {
			return &LedgerError{Where: s.node.Address, Sums: fmt.Sprintf("%d rows were left unsettled", n)}
		}
	}
	return nil
}

// sums is the two sides of a node's ledger.
func sums(t *record.Tally) (came, went int64) {
	came = t.In.Load() + t.Read.Load() + t.Made.Load()
	went = t.Out.Load() + t.Written.Load() + t.Filtered.Load() + t.Coalesced.Load() +
		t.Rejected.Load() + t.Unsettled.Load()
	return came, went
}

// unsettled is how many rows have not ended, over all nodes.
func (e *Engine) unsettled() (rows int64) {
	for _, s := range e.stages {
		rows += s.tally.Unsettled.Load()
	}
	return rows
}
