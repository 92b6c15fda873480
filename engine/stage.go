package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/sourcegraph/conc/panics"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
)

// stage is a node of the plan while it runs.
type stage struct {
	node    *plan.Node
	inputs  []*edge
	outputs []*edge
	sources []*stage // the sources whose rows reach this stage
	tally   record.Tally
	meter   *progress.Meter
	run     stageRunner
	stopped bool // it left input behind; known when it has ended
	skipped bool // it had nothing left to do and was not opened

	mem       memory.Allocator
	batchRows int
	passed    func(*plan.Node, string, *record.Batch) // nil: nobody looks

	// sending is held while a unit goes out, so that every edge carries the
	// same units in the same order.
	sending sync.Mutex

	// barriers is how many have passed, those of the run before included: the
	// rows that end now do so behind that one.
	barriers int64
	ends     sync.Mutex
	ended    bool       // the stage did its work
	awaiting []*barrier // that no source brings here any more
}

// stageRunner is what a stage does. A source, a transform and a sink differ.
type stageRunner interface {
	// open readies the component, before any row moves.
	open(ctx context.Context) error
	// move takes rows from the stage's inputs, or from outside, to its
	// outputs, or to the outside, until there are no more or ctx is done. When
	// reading is done it takes no more from outside. It reports whether input
	// was left because of that.
	move(ctx, reading context.Context) (stopped bool, err error)
	// conclude tells a barrier what the stage is like, when it has ended.
	conclude(b *barrier)
	// close frees the component. It is called once if open succeeded, when
	// every stage has ended.
	close() error
}

// work moves the stage's rows and then closes its outputs, whatever happens.
func (s *stage) work(ctx, reading context.Context) error {
	s.stopped = true
	err := error(nil)
	defer func() {
		for _, e := range s.outputs {
			e.close(s.stopped || err != nil)
		}
	}()
	err = s.guard(func() (err error) {
		s.stopped, err = s.run.move(ctx, reading)
		return err
	})
	if err != nil {
		return s.failed(err)
	}
	s.ends.Lock()
	defer s.ends.Unlock()
	s.ended = true
	for _, b := range s.awaiting {
		s.run.conclude(b)
	}
	return nil
}

// atEnd tells a barrier that doesn't pass here what the stage is like when it
// has ended: everything that it does is before the barrier.
func (s *stage) atEnd(b *barrier) {
	s.ends.Lock()
	defer s.ends.Unlock()
	if s.ended {
		s.run.conclude(b)
		return
	}
	s.awaiting = append(s.awaiting, b)
}

// guard turns a panic into an error: a defect ends the run like any failure,
// with everything closed and counted, and not the process.
func (s *stage) guard(f func() error) (err error) {
	var catcher panics.Catcher
	catcher.Try(func() { err = f() })
	p := catcher.Recovered()
	if p == nil {
		return err
	}
	for {
		// A pool passes on a panic wrapped in what it recovered.
		inner, ok := p.Value.(*panics.Recovered)
		if !ok {
			return &Defect{Node: s.node.Address, Value: p.Value, Stack: p.Stack}
		}
		p = inner
	}
}

// failed says which node an error comes from, unless it is one that the whole
// run is ending with.
func (s *stage) failed(err error) error {
	if isRunEnd(err) {
		return err
	}
	return fmt.Errorf("%s: %w", s.node.Address, err)
}

// emit sends a unit with no named output on every edge.
func (s *stage) emit(ctx context.Context, u unit) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.emitTo(ctx, u, s.outputs)
}

// emitTo sends u on each of the edges, which share its batch, and takes u over.
// The rows are out when every edge has them; else they are unsettled here, even
// when some edge has its copy.
func (s *stage) emitTo(ctx context.Context, u unit, edges []*edge) error {
	defer u.release()
	rows := u.rows()
	if s.passed != nil && u.batch != nil && len(edges) > 0 {
		s.passed(s.node, edges[0].output, u.batch)
	}
	for _, e := range edges {
		if u.batch != nil {
			u.batch.Retain()
		}
		if err := e.send(ctx, u); err != nil {
			u.release()
			s.tally.Unsettled.Add(rows)
			return err
		}
	}
	s.tally.Out.Add(rows)
	return nil
}

// reject sends rows that did not get past this stage to the dead letter.
func (s *stage) reject(dead *deadLetter, rejects []record.Rejection) error {
	if len(rejects) == 0 {
		return nil
	}
	behind := dead.behind(s.barriers)
	for i, r := range rejects {
		if err := behind.Reject(s.node.Address, r); err != nil {
			s.tally.Unsettled.Add(int64(len(rejects) - i))
			return err
		}
		s.tally.Rejected.Add(1)
	}
	return nil
}
