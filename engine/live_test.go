package engine_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// stuck is a sink that takes nothing until it is let go.
type stuck struct {
	collect
	taken, release chan struct{}
}

func (s *stuck) Open(context.Context, sinks.Env) (sinks.Sink, error) { return s, nil }

func (s *stuck) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	s.taken <- struct{}{}
	<-s.release
	return s.collect.Write(ctx, b, r)
}

// TestLiveShowsBackpressure: the edge before the node that holds up the others
// is full, the one behind it empty; which nodes have ended; that a run stops.
func TestLiveShowsBackpressure(t *testing.T) {
	p := newPipe(t)
	slow := &stuck{taken: make(chan struct{}, 100), release: make(chan struct{})}
	fast := &collect{}
	source := p.source(&numbers{units: 20, rows: 2})
	p.sink(slow, p.transform(&step{apply: pass}, source))
	p.sink(fast, p.source(&numbers{units: 1, rows: 2}))
	stop := make(chan struct{})
	e := engine.New(p.plan, engine.Options{Run: &expr.Run{}, Stop: stop, Mem: p.mem})
	ended := make(chan error)
	go func() {
		_, err := e.Run(t.Context())
		ended <- err
	}()
	<-slow.taken
	var now engine.Live
	for {
		now = e.Live()
		if now.Edges[1].Waiting == 2 && now.Nodes[3].Ended && now.Nodes[4].Ended {
			break
		}
		runtime.Gosched()
	}
	want := []engine.EdgeLive{{From: 0, To: 1, Waiting: now.Edges[0].Waiting, Capacity: 2}, {From: 1, To: 2, Waiting: 2, Capacity: 2}, {From: 3, To: 4, Capacity: 2}}
	for i, w := range want {
		if now.Edges[i] != w {
			t.Errorf("edge %d: %+v, want %+v", i, now.Edges[i], w)
		}
	}
	if now.Stopping || now.Nodes[1].Ended || now.Nodes[2].Ended {
		t.Errorf("%+v", now)
	}
	if n := e.Report().Nodes[2]; n.InFlight() != 2 {
		t.Errorf("the sink has two rows, not %d: %+v", n.InFlight(), n)
	}
	close(stop)
	if !e.Live().Stopping {
		t.Error("it does not say that it stops")
	}
	close(slow.release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
