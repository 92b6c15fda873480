// Package engine runs a plan: it opens the components, connects them by
// bounded channels, moves units of rows through them, and closes a ledger.
//
//	source --edge--> transform --edge--> sink
//	   |                |                  |
//	   +--- rejects ----+------------------+--> dead letter
//
// One goroutine owns each stage (a source has one more for each partition, a
// transform works on several units at once and puts them back in order). Only
// the sender closes an edge, having said on it whether the input ended or the
// run was stopped; every send gives up when the run fails.
//
// A unit is what a source cut at one time. Each node turns a unit into exactly
// one unit, in one or more parts, possibly empty, and never merges units. So a
// union of branches of one source can put rows back in the order they were
// read, by taking a unit from each branch in turn (promise 10), and every sink
// sees every unit: the receipt that the engine opens for each part at each
// sink is all that is needed to know what is settled.
//
// Every row is counted where it comes in and where it ends, by whoever did
// that, and what is found undone after a failure is counted where it is found.
// No count is derived from the others, so that the ledger (promise 1) can fail,
// and a run whose ledger does not balance is a failed run.
//
// Now and then a barrier goes down the graph between units (barrier.go). What is
// before it is the same at every stage, so that what each says of itself as it
// passes makes one state (checkpoints.go), from which a later run goes on
// (resume.go, promise 5).
package engine
