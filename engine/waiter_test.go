package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// gate is a transform that lets units on when so many have come.
type gate struct {
	units int
	err   error

	mu      sync.Mutex
	waiting int
	open    chan struct{}
	most    int
	closed  int
}

func (g *gate) Schema() schema.Block           { return schema.Block{} }
func (g *gate) Shape(in expr.Shape) expr.Shape { return in }

func (g *gate) Open(context.Context, transforms.Env) (transforms.Transform, error) {
	g.open = make(chan struct{})
	return g, nil
}

func (g *gate) Units() int { return g.units }

func (g *gate) Close() error {
	g.closed++
	return nil
}

func (g *gate) Apply(ctx context.Context, in *record.Batch, out *transforms.Out) error {
	g.mu.Lock()
	g.waiting++
	g.most = max(g.most, g.waiting)
	open := g.open
	if g.waiting == g.units {
		close(g.open)
		g.open, g.waiting = make(chan struct{}), 0
	}
	g.mu.Unlock()
	select {
	case <-open:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if g.err != nil {
		return g.err
	}
	return pass(in, out, nil)
}

// A transform that waits gets as many units at once as it says, more than there
// are cores, and is closed at the end.
func TestWaitingTransform(t *testing.T) {
	boom := errors.New("boom")
	for name, fail := range map[string]error{"to the end": nil, "fails": boom} {
		t.Run(name, func(t *testing.T) {
			p, out := newPipe(t), &collect{}
			g := &gate{units: 11, err: fail}
			p.sink(out, p.transform(g, p.source(&numbers{units: 55, rows: 2})))
			_, err := p.run(context.Background(), nil)
			if !errors.Is(err, fail) || fail == nil && len(out.rows) != 110 {
				t.Errorf("%v, %d rows", err, len(out.rows))
			}
			if g.most != g.units || g.closed != 1 {
				t.Errorf("%d units at once, closed %d times", g.most, g.closed)
			}
		})
	}
}
