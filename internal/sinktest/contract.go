package sinktest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// rowsEndOnce writes batches of many sizes. Ending a row twice panics in the
// receipt.
func (Suite) rowsEndOnce(t *testing.T, r *run) {
	sink := r.open(t.Context())
	total := 0
	for _, n := range []int{1, 2, 24, 25, 26, 63, 64, 65, 130} {
		r.write(t.Context(), sink, n)
		total += n
	}
	r.finish(t.Context(), sink)
	r.balanced(0)
	r.there(total)
}

func (Suite) noRows(t *testing.T, r *run) {
	sink := r.open(t.Context())
	r.finish(t.Context(), sink)
	r.balanced(0)
	r.there(0)
}

func (Suite) emptyBatches(t *testing.T, r *run) {
	sink := r.open(t.Context())
	for _, n := range []int{0, 3, 0, 0, 70, 0} {
		r.write(t.Context(), sink, n)
	}
	r.finish(t.Context(), sink)
	r.balanced(0)
	r.there(73)
}

// rejects mixes rows that can't be written with ones that can. Each ends in
// the dead letter with its content, its origin and a reason (promise 2).
func (Suite) rejects(t *testing.T, r *run) {
	sink := r.open(t.Context())
	r.write(t.Context(), sink, 70)
	r.write(t.Context(), sink, 1, 0)
	r.write(t.Context(), sink, 10, 0, 4, 9)
	r.finish(t.Context(), sink)
	r.balanced(4)
	r.there(77)
	for _, kept := range r.dead.kept {
		if len(kept.Item) == 0 || kept.Origin.Source == "" || kept.Operation == "" || kept.Code == "" || kept.Message == "" {
			t.Errorf("a rejection lacks something: %+v (item %s)", kept, kept.Item)
		}
	}
}

// deadLetterFull: a row that can't be kept anywhere stops the sink and stays
// open; it is neither written nor rejected.
func (Suite) deadLetterFull(t *testing.T, r *run) {
	r.dead.full = errFull
	sink := r.open(t.Context())
	r.write(t.Context(), sink, 70)
	b, receipt := r.batch(3, 1)
	err := sink.Write(t.Context(), b, receipt)
	b.Release()
	if err == nil {
		err = sink.Flush(t.Context(), sinks.EndOfInput)
	}
	if !errors.Is(err, errFull) {
		t.Errorf("neither Write nor Flush returned the dead letter's error: %v", err)
	}
	r.close(sink)
	if r.tally.Rejected.Load() != 0 || receipt.Open() == 0 {
		t.Errorf("the row that the dead letter refused has ended")
	}
}

// scribbler overwrites memory as it is freed, so that a sink that still reads
// a batch after Write writes nonsense.
type scribbler struct{ memory.Allocator }

func (s scribbler) Free(b []byte) {
	for i := range b {
		b[i] = 0xEE
	}
	s.Allocator.Free(b)
}

func (Suite) batchesAreNotKept(t *testing.T, r *run) {
	r.mem = memory.NewCheckedAllocator(scribbler{memory.NewGoAllocator()})
	sink := r.open(t.Context())
	for range 5 {
		r.write(t.Context(), sink, 30)
	}
	r.finish(t.Context(), sink)
	r.balanced(0)
	r.there(150)
}

// stopped: a stopped sink flushes in bounded time; a row either ended or
// stayed open, and none ends later. What it publishes at once stays unseen.
func (Suite) stopped(t *testing.T, r *run) {
	sink := r.open(t.Context())
	r.write(t.Context(), sink, 40)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sink.Flush(ctx, sinks.Stopped); err != nil {
		t.Fatalf("Flush(Stopped): %v", err)
	}
	ended := r.openRows()
	r.close(sink)
	if r.openRows() != ended {
		t.Errorf("rows ended in Close")
	}
	if _, ok := sink.(sinks.Publisher); ok {
		r.subject.Clean(t)
	}
}

// cancelled: Write and Flush return soon after ctx is done, and say so unless
// everything had ended.
func (Suite) cancelled(t *testing.T, r *run) {
	ctx, cancel := context.WithCancel(t.Context())
	sink := r.open(ctx)
	r.write(ctx, sink, 10)
	cancel()
	b, receipt := r.batch(10)
	defer b.Release()
	done := make(chan error, 1)
	go func() {
		err := sink.Write(ctx, b, receipt)
		if err == nil {
			err = sink.Flush(ctx, sinks.EndOfInput)
		}
		done <- err
	}()
	select {
	case err := <-done:
		if open := r.openRows(); err == nil && open > 0 {
			t.Errorf("cancelled with %d rows open and no error", open)
		} else if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled, and the error is another: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Write or Flush did not return after ctx was cancelled")
	}
	r.close(sink)
}

func (Suite) closedWithoutFlush(t *testing.T, r *run) {
	sink := r.open(t.Context())
	r.write(t.Context(), sink, 40)
	r.close(sink)
	open := r.openRows()
	if r.tally.In.Load() != int64(open)+r.tally.Written.Load()+r.tally.Coalesced.Load() {
		t.Errorf("of %d rows %d are open and %d written", r.tally.In.Load(), open, r.tally.Written.Load())
	}
	r.subject.Clean(t)
}

func (Suite) factsChangeNothing(t *testing.T, r *run) {
	if _, err := r.subject.Config.Facts(t.Context()); err != nil {
		t.Fatalf("Facts: %v", err)
	}
	r.subject.Clean(t)
}

var _ record.Rejecter = (*deadLetter)(nil)
