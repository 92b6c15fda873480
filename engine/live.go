package engine

import "github.com/dynapipe/dynapipe/internal/progress"

// Live is what goes on in a run at one moment, which no report of it has. Nodes
// and edges are those of the report, in its order.
type Live struct {
	Stopping bool // it reads no more (promise 9)
	Nodes    []NodeLive
	Edges    []EdgeLive
}

// NodeLive is what a node is at.
type NodeLive struct {
	progress.Load      // requests and capacity
	Ended         bool // it has done its work
}

// EdgeLive is what waits between two nodes, given by their places among the
// nodes. An edge that is full holds up the one before it.
type EdgeLive struct {
	From, To          int
	Waiting, Capacity int // units
}

// Live is the run now. It may be called at any time. The path of the rows knows
// nothing of it: what waits is asked of the channels.
func (e *Engine) Live() Live {
	var now Live
	select {
	case <-e.options.Stop:
		now.Stopping = true
	default: // also where nothing can ask it to stop
	}
	places := make(map[*stage]int, len(e.stages))
	for i, s := range e.stages {
		places[s] = i
		now.Nodes = append(now.Nodes, NodeLive{Load: s.meter.Load(), Ended: s.hasEnded()})
	}
	for _, link := range e.edges {
		now.Edges = append(now.Edges, EdgeLive{
			From: places[link.from], To: places[link.to], Waiting: len(link.units), Capacity: cap(link.units),
		})
	}
	return now
}

func (s *stage) hasEnded() bool {
	s.ends.Lock()
	defer s.ends.Unlock()
	return s.ended
}

// InFlight is how many rows a node has that have neither ended nor gone on: what
// its ledger (promise 1) lacks while the run goes on.
func (n *NodeReport) InFlight() int64 {
	return max(n.In+n.Read+n.Made-n.Out-n.Written-n.WouldWrite-n.Filtered-n.Coalesced-n.Rejected, 0)
}
