package engine

import (
	"context"
	"sync"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// sinkStage hands batches to a sink, each with a receipt, and keeps the
// receipts that are still open.
type sinkStage struct {
	*stage
	env  sinks.Env
	dead record.Rejecter
	sink sinks.Sink

	mu        sync.Mutex
	receipts  map[*record.Receipt]struct{}
	published bool
}

func (s *sinkStage) open(ctx context.Context) (err error) {
	s.sink, err = s.node.Sink.Open(ctx, s.env)
	return err
}

func (s *sinkStage) move(ctx, _ context.Context) (bool, error) {
	stopped, err := newUnion(s.stage).each(ctx, func(u unit) error {
		defer u.release()
		if u.rows() == 0 {
			return nil
		}
		r := record.NewReceipt(s.node.Address, &s.tally, u.batch.Origins(), s.dead, s.settled)
		s.mu.Lock()
		s.receipts[r] = struct{}{}
		s.mu.Unlock()
		return s.sink.Write(ctx, u.batch, r)
	})
	if err != nil {
		return stopped, err
	}
	how := sinks.EndOfInput
	if stopped {
		how = sinks.Stopped
	}
	return stopped, s.sink.Flush(ctx, how)
}

func (s *sinkStage) settled(r *record.Receipt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.receipts, r)
}

// publish makes the sink's result appear, when it is of the kind that does so
// at the end.
func (s *sinkStage) publish(ctx context.Context) error {
	p, ok := s.sink.(sinks.Publisher)
	if !ok {
		return nil
	}
	if err := p.Publish(ctx); err != nil {
		return s.failed(err)
	}
	s.published = true
	return nil
}

// close closes the sink, after which no row ends at it, and counts what has
// not: the rows on open receipts, and the rows of what was never published.
func (s *sinkStage) close() error {
	err := s.sink.Close()
	if _, ok := s.sink.(sinks.Publisher); ok && !s.published {
		s.tally.Unsettled.Add(s.tally.Written.Swap(0))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.receipts {
		s.tally.Unsettled.Add(int64(r.Open()))
	}
	return err
}
