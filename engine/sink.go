package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// sinkStage hands batches to a sink, each with a receipt, and keeps the
// receipts that are still open.
type sinkStage struct {
	*stage
	env   sinks.Env
	dead  *deadLetter
	sink  sinks.Sink
	saves bool // checkpoints are taken
	// passed is, in a run that reads again what an earlier one had settled, the
	// last row of each source's partitions that this sink has had.
	passed map[string][]checkpoint.Partition
	held   []checkpoint.Row // that the sink held back in the earlier run
	had    int64            // how many rows come again

	in        int64 // rows given to the sink
	published bool
	final     *checkpoint.Sink // after the last row

	mu       sync.Mutex
	receipts map[*record.Receipt]struct{}
	spans    []*span       // between barriers, oldest first; the last one goes on
	before   record.Counts // how rows ended, up to the oldest span
}

// span is the rows that came to a sink between two barriers.
type span struct {
	open   int // receipts
	counts record.Counts
	// The barrier that ended it, what the sink was like there, and how many rows
	// it had been given; nil in the span that goes on.
	barrier *barrier
	at      checkpoint.Sink
	in      int64
}

func newSinkStage(s *stage, dead *deadLetter, env sinks.Env) *sinkStage {
	return &sinkStage{stage: s, dead: dead, env: env, receipts: map[*record.Receipt]struct{}{}, spans: []*span{{}}}
}

func (s *sinkStage) open(ctx context.Context) (err error) {
	s.sink, err = s.node.Sink.Open(ctx, s.env)
	return err
}

func (s *sinkStage) move(ctx, _ context.Context) (bool, error) {
	if err := s.writeHeld(ctx); err != nil {
		return false, err
	}
	stopped, err := newUnion(s.stage).each(ctx, func(u unit) error {
		if u.barrier != nil {
			return s.cut(ctx, u.barrier)
		}
		defer u.release()
		return s.take(ctx, u)
	})
	if err != nil {
		return stopped, err
	}
	how := sinks.EndOfInput
	if stopped {
		how = sinks.Stopped
	}
	if s.had != 0 && !stopped {
		return false, fmt.Errorf("%d rows that had been written did not come again: the input is not what it was. Start from the beginning, without --resume", s.had)
	}
	if err := s.sink.Flush(ctx, how); err != nil || stopped || !s.saves {
		return stopped, err
	}
	state, err := s.state(ctx)
	if errors.Is(err, sinks.ErrNotNow) {
		return false, nil
	}
	s.final = &checkpoint.Sink{State: state}
	return false, err
}

// take gives the sink the rows of a unit that it has not had.
func (s *sinkStage) take(ctx context.Context, u unit) error {
	if u.rows() == 0 {
		return nil
	}
	batch, skipped := s.unseen(u)
	defer batch.Release()
	s.tally.In.Add(-skipped)
	s.had -= skipped
	if batch.Rows() == 0 {
		return nil
	}
	return s.write(ctx, batch)
}

func (s *sinkStage) write(ctx context.Context, b *record.Batch) error {
	s.in += int64(b.Rows())
	s.mu.Lock()
	now := s.spans[len(s.spans)-1]
	r := record.NewReceipt(s.node.Address, &s.tally, b.Origins(), s.dead.behind(s.barriers), func(r *record.Receipt) { s.settled(r, now) })
	s.receipts[r] = struct{}{}
	now.open++
	s.mu.Unlock()
	return s.sink.Write(ctx, b, r)
}

// settled counts a receipt whose rows have ended.
func (s *sinkStage) settled(r *record.Receipt, of *span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.receipts, r)
	of.open--
	of.counts = of.counts.Plus(r.Counts())
	s.complete()
}

// complete tells the barriers before which every row has ended. mu is held.
func (s *sinkStage) complete() {
	for s.spans[0].barrier != nil && s.spans[0].open == 0 {
		done := s.spans[0]
		s.spans = s.spans[1:]
		s.before = s.before.Plus(done.counts)
		done.barrier.sink(s.stage, ledger(done.in, s.before), done.at)
	}
}

// ledger is a sink's part of a checkpoint: the rows that came and how they ended.
func ledger(in int64, c record.Counts) checkpoint.Node {
	return checkpoint.Node{In: in, Written: c.Written, Filtered: c.Filtered, Coalesced: c.Coalesced, Rejected: c.Rejected}
}

// cut is where a barrier passes. The sink's own state is saved; rows that it
// holds back until others come count as rows after the barrier.
func (s *sinkStage) cut(ctx context.Context, b *barrier) error {
	s.barriers = b.number
	held, rows := s.holds()
	state, err := s.state(ctx)
	if errors.Is(err, sinks.ErrNotNow) {
		b.giveUp(s.node.Address + ": " + err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	next := &span{}
	s.mu.Lock()
	now := s.spans[len(s.spans)-1]
	now.open++ // so that it is not complete before it is cut
	s.mu.Unlock()
	for _, h := range held {
		later := h.receipt.Split(h.rows, s.dead.behind(s.barriers), func(r *record.Receipt) { s.settled(r, next) })
		s.mu.Lock()
		s.receipts[later] = struct{}{}
		next.open++
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now.open--
	now.barrier, now.at, now.in = b, checkpoint.Sink{State: state, Held: rows}, s.in-int64(len(rows))
	s.spans = append(s.spans, next)
	s.complete()
	return nil
}

func (s *sinkStage) state(ctx context.Context) (json.RawMessage, error) {
	c, ok := s.sink.(sinks.Checkpointer)
	if !ok {
		return nil, nil
	}
	return c.Checkpoint(ctx)
}

// conclude tells a barrier what the stage is like after its last row.
func (s *sinkStage) conclude(b *barrier) {
	if s.final == nil {
		b.giveUp("the run was stopped")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.before
	for _, of := range s.spans {
		counts = counts.Plus(of.counts)
	}
	b.sink(s.stage, ledger(s.in, counts), *s.final)
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

// keep leaves what has been written where it is, for a run that goes on.
func (s *sinkStage) keep() {
	if c, ok := s.sink.(sinks.Checkpointer); ok {
		c.Keep()
	}
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
