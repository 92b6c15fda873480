// Package sinktest is the contract of package sinks as tests. Every kind of
// sink runs the same Suite over the real thing that it writes to.
package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// Suite is one sink under test.
type Suite struct {
	// New is a fresh config for each test and, over it, the means to look at
	// what it writes to.
	New func(t *testing.T) Subject
	// Row adds the attributes of the n-th row that the sink can write. Rows
	// differ in a way that Subject.Written can tell.
	Row func(b *attr.Builder, n int)
	// Misfit adds the attributes of a row that the sink must reject.
	Misfit func(b *attr.Builder)
	// Ignore are goroutines that may outlive a sink: idle connections of a
	// shared transport.
	Ignore []goleak.Option
}

// Subject is a config and what there is to see of its work.
type Subject struct {
	Config sinks.Config
	// Written says which of the rows, by number, are there, in any order.
	Written func(t *testing.T) []int
	// Clean fails the test when a sink that was closed without having flushed
	// left something behind.
	Clean func(t *testing.T)
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *run){
		"rows end once":          s.rowsEndOnce,
		"no rows":                s.noRows,
		"empty batches":          s.emptyBatches,
		"rejects":                s.rejects,
		"dead letter full":       s.deadLetterFull,
		"batches are not kept":   s.batchesAreNotKept,
		"stopped":                s.stopped,
		"cancelled":              s.cancelled,
		"closed without a flush": s.closedWithoutFlush,
		"facts change nothing":   s.factsChangeNothing,
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, append(slices.Clone(s.Ignore), goleak.IgnoreCurrent())...)
			r := &run{Suite: s, t: t, subject: s.New(t), mem: memory.NewCheckedAllocator(memory.NewGoAllocator())}
			test(t, r)
			r.mem.AssertSize(t, 0)
		})
	}
}

// run is one test under way.
type run struct {
	Suite
	t        *testing.T
	subject  Subject
	mem      *memory.CheckedAllocator
	tally    record.Tally
	receipts []*record.Receipt
	dead     deadLetter
	next     int // number of the next row
}

// deadLetter keeps rejections; when full it refuses them.
type deadLetter struct {
	mu   sync.Mutex
	full error
	kept []record.Rejection
}

func (d *deadLetter) Reject(_ string, r record.Rejection) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full != nil {
		return d.full
	}
	d.kept = append(d.kept, r)
	return nil
}

// patience bounds what must end by itself; reaching it is a failure.
const patience = 30 * time.Second

func (r *run) open(ctx context.Context) sinks.Sink {
	r.t.Helper()
	const node = "sink.test.subject"
	sink, err := r.subject.Config.Open(ctx, sinks.Env{
		Node:   node,
		Limits: record.Limits{Rows: 64, Bytes: 1 << 20},
		Mem:    r.mem,
		Run:    &expr.Run{ID: uuid.NewString(), Start: time.Now()},
		Meter:  progress.NewMeter(node, nil),
	})
	if err != nil {
		r.t.Fatalf("Open: %v", err)
	}
	return sink
}

// batch makes a batch of n rows; the caller releases it.
func (r *run) batch(n int, misfits ...int) (*record.Batch, *record.Receipt) {
	b := attr.NewBuilder(r.mem)
	defer b.Release()
	for i := range n {
		if slices.Contains(misfits, i) {
			r.Misfit(b)
		} else {
			r.Row(b, r.next)
			r.next++
		}
		b.EndRow(record.Pos{File: -1, Seq: r.tally.In.Load() + int64(i)})
	}
	batch := b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
	r.tally.In.Add(int64(n))
	receipt := record.NewReceipt("sink.test.subject", &r.tally, batch.Origins(), &r.dead, nil)
	r.receipts = append(r.receipts, receipt)
	return batch, receipt
}

// write writes a batch of n rows.
func (r *run) write(ctx context.Context, sink sinks.Sink, n int, misfits ...int) {
	r.t.Helper()
	b, receipt := r.batch(n, misfits...)
	defer b.Release()
	if err := sink.Write(ctx, b, receipt); err != nil {
		r.t.Fatalf("Write: %v", err)
	}
}

// finish flushes, publishes and closes.
func (r *run) finish(ctx context.Context, sink sinks.Sink) {
	r.t.Helper()
	if err := sink.Flush(ctx, sinks.EndOfInput); err != nil {
		r.t.Fatalf("Flush: %v", err)
	}
	if p, ok := sink.(sinks.Publisher); ok {
		if err := p.Publish(ctx); err != nil {
			r.t.Fatalf("Publish: %v", err)
		}
	}
	r.close(sink)
}

func (r *run) close(sink sinks.Sink) {
	r.t.Helper()
	if err := sink.Close(); err != nil {
		r.t.Fatalf("Close: %v", err)
	}
}

// open rows are those that have not ended.
func (r *run) openRows() int {
	n := 0
	for _, receipt := range r.receipts {
		n += receipt.Open()
	}
	return n
}

// balanced checks promise 1 at the sink: every row ended, in one way.
func (r *run) balanced(rejected int) {
	r.t.Helper()
	if n := r.openRows(); n != 0 {
		r.t.Errorf("%d rows have not ended after Flush", n)
	}
	in, ended := r.tally.In.Load(), r.tally.Written.Load()+r.tally.Rejected.Load()+r.tally.Coalesced.Load()+r.tally.Filtered.Load()
	if in != ended {
		r.t.Errorf("%d rows came in and %d ended", in, ended)
	}
	if got := r.tally.Rejected.Load(); got != int64(rejected) {
		r.t.Errorf("%d rows rejected, want %d", got, rejected)
	}
}

// there checks that what was written is the first n rows.
func (r *run) there(n int) {
	r.t.Helper()
	got := r.subject.Written(r.t)
	slices.Sort(got)
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("rows there: %s, want 0 to %d", abridged(got), n-1)
	}
}

func abridged(rows []int) string {
	if len(rows) > 20 {
		return fmt.Sprintf("%v... (%d)", rows[:20], len(rows))
	}
	return fmt.Sprint(rows)
}

var errFull = errors.New("the dead letter is full")
