package engine

import (
	"sync"

	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/record"
)

// barrier is a mark between units at which a checkpoint is taken. Every stage
// but the sources says what it was like when the barrier passed, or, when no
// source that still reads leads to it, when it had ended.
type barrier struct {
	number int64

	mu      sync.Mutex
	state   *checkpoint.State
	edges   map[*edge]int64 // rows before it
	waiting map[*stage]bool // stages that have not said
	reason  string          // why there will be no checkpoint here
	ended   bool
	done    chan struct{} // closed when complete or given up
}

// passes notes how many rows went over an edge before the barrier.
func (b *barrier) passes(e *edge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edges[e] = e.sent.Load()
}

// node takes a transform's part.
func (b *barrier) node(s *stage, n checkpoint.Node) { b.say(s, n, nil) }

// sink takes a sink's part, when the rows before the barrier have ended there.
func (b *barrier) sink(s *stage, n checkpoint.Node, of checkpoint.Sink) { b.say(s, n, &of) }

func (b *barrier) say(s *stage, n checkpoint.Node, sink *checkpoint.Sink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Nodes[s.node.Address] = n
	if sink != nil {
		b.state.Sinks[s.node.Address] = *sink
	}
	if delete(b.waiting, s); len(b.waiting) == 0 {
		b.end()
	}
}

// giveUp ends the barrier without a checkpoint.
func (b *barrier) giveUp(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reason == "" {
		b.reason = reason
	}
	b.end()
}

func (b *barrier) end() {
	if !b.ended {
		b.ended = true
		close(b.done)
	}
}

// whole is the state at the barrier; nil when it was given up. It is called
// when done is closed.
func (b *barrier) whole(edges []*edge) *checkpoint.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reason != "" {
		return nil
	}
	for _, e := range edges {
		rows, passed := b.edges[e]
		if !passed { // its sender had ended
			rows = e.sent.Load()
		}
		b.state.Edges = append(b.state.Edges, checkpoint.Edge{From: e.from.node.Address, Output: e.output, To: e.to.node.Address, Rows: rows})
	}
	for _, n := range b.state.Nodes {
		b.state.Rejects += n.Rejected
	}
	return b.state
}

// ledgerOf is a tally as a checkpoint keeps it.
func ledgerOf(t *record.Tally) checkpoint.Node {
	return checkpoint.Node{
		In: t.In.Load(), Read: t.Read.Load(), Made: t.Made.Load(), Out: t.Out.Load(), Written: t.Written.Load(),
		Filtered: t.Filtered.Load(), Coalesced: t.Coalesced.Load(), Rejected: t.Rejected.Load(),
	}
}

// carry begins a tally with what a checkpoint has.
func carry(t *record.Tally, n checkpoint.Node) {
	t.In.Store(n.In)
	t.Read.Store(n.Read)
	t.Made.Store(n.Made)
	t.Out.Store(n.Out)
	t.Written.Store(n.Written)
	t.Filtered.Store(n.Filtered)
	t.Coalesced.Store(n.Coalesced)
	t.Rejected.Store(n.Rejected)
}
