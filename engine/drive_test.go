package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The components in this file drive the engine by its contracts: their rows are
// real batches, and what they do with them is set by each test.

// numbers is a source of rows {"n": "<partition>-<number>", "seq": number, "list":
// [0, 1]}, where the list has number % 4 elements.
type numbers struct {
	partitions, units, rows int
	badEvery                int   // every so many units brings a reject
	endless                 bool  // never ends by itself
	fail                    error // after the units
	panics                  bool
	openErr                 error
	waits                   chan struct{} // closed when the source waits for input that never comes
	closed                  bool
}

func (n *numbers) Schema() schema.Block                        { return schema.Block{} }
func (n *numbers) Shape() expr.Shape                           { return expr.Shape{} }
func (n *numbers) Facts(context.Context) (schema.Facts, error) { return schema.Facts{}, nil }
func (n *numbers) Close() error                                { n.closed = true; return nil }

func (n *numbers) Open(_ context.Context, env sources.Env) (sources.Source, error) {
	if n.openErr != nil {
		return nil, n.openErr
	}
	return &openNumbers{numbers: n, env: env}, nil
}

type openNumbers struct {
	*numbers
	env sources.Env
}

func (o *openNumbers) Partitions() []sources.Partition {
	parts := make([]sources.Partition, max(o.partitions, 1))
	for i := range parts {
		parts[i] = &numberPartition{open: o, place: &record.Place{Source: o.env.Node, Segment: i}}
	}
	o.goOn(parts)
	return parts
}

type numberPartition struct {
	open  *openNumbers
	place *record.Place
	unit  int
	seq   int64
}

func (p *numberPartition) Next(ctx context.Context) (sources.Chunk, error) {
	if ctx.Err() != nil {
		return sources.Chunk{}, context.Cause(ctx)
	}
	if p.open.panics {
		panic("ouch")
	}
	if p.unit == p.open.units && !p.open.endless {
		switch {
		case p.open.fail != nil:
			return sources.Chunk{}, p.open.fail
		case p.open.waits != nil:
			close(p.open.waits)
			<-ctx.Done()
			return sources.Chunk{}, context.Cause(ctx)
		}
		return sources.Chunk{}, io.EOF
	}
	p.unit++
	var chunk sources.Chunk
	if p.open.badEvery > 0 && p.unit%p.open.badEvery == 0 {
		chunk.Rejects = []record.Rejection{{
			Origin: record.Origin{Source: p.place.Source, Segment: p.place.Segment, Seq: p.seq},
			Raw:    []byte("bad"), Operation: "read", Code: "Bad", Message: "not a row",
		}}
	}
	if p.open.rows > 0 {
		b := attr.NewBuilder(p.open.env.Mem)
		defer b.Release()
		for range p.open.rows {
			b.Set("n", attr.StringValue(fmt.Sprintf("%s/%d-%d", p.place.Source, p.place.Segment, p.seq)))
			b.Set("seq", numberOf(p.seq))
			b.Set("list", attr.ListValue(elements(p.seq)))
			b.EndRow(record.Pos{File: -1, Seq: p.seq})
			p.seq++
		}
		chunk.Batch = b.Batch(p.place)
	}
	return chunk, nil
}

func numberOf(n int64) attr.Value {
	v, err := attr.NumberValue(strconv.FormatInt(n, 10))
	if err != nil {
		panic(err)
	}
	return v
}

func elements(seq int64) (list []attr.Value) {
	for i := range seq % 4 {
		list = append(list, numberOf(i))
	}
	return list
}

// delay is a transform that holds the last units back.
type delay struct{ units int }

func (d delay) Schema() schema.Block           { return schema.Block{} }
func (d delay) Shape(in expr.Shape) expr.Shape { return in }

func (d delay) Open(context.Context, transforms.Env) (transforms.Transform, error) {
	return &openDelay{delay: d}, nil
}

type openDelay struct {
	delay
	outs []*transforms.Out
	in   []*record.Batch
}

func (d *openDelay) Sequential() {}

func (d *openDelay) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	out.Hold()
	in.Retain()
	d.outs, d.in = append(d.outs, out), append(d.in, in)
	d.letGo(d.units)
	return nil
}

func (d *openDelay) letGo(all int) {
	for len(d.outs) > all {
		d.outs[0].Emit(d.in[0])
		d.outs[0].Complete()
		d.outs, d.in = d.outs[1:], d.in[1:]
	}
}

func (d *openDelay) Flush(context.Context, *transforms.Out) error {
	d.letGo(0)
	return nil
}

func (d *openDelay) Drop() int64 {
	for _, b := range d.in {
		b.Release()
	}
	d.in = nil
	return 0
}

// step is a transform that does what a function says.
type step struct {
	apply      func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error
	flush      func(out *transforms.Out, mem memory.Allocator) error
	drop       func() int64 // of one that flushes
	sequential bool
}

func (s *step) Schema() schema.Block           { return schema.Block{} }
func (s *step) Shape(in expr.Shape) expr.Shape { return in }

func (s *step) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	open := openStep{step: s, mem: env.Mem}
	switch {
	case s.flush != nil:
		return flushingStep{sequentialStep{open}}, nil
	case s.sequential:
		return sequentialStep{open}, nil
	}
	return open, nil
}

type openStep struct {
	*step
	mem memory.Allocator
}

func (s openStep) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	return s.apply(in, out, s.mem)
}

type sequentialStep struct{ openStep }

func (sequentialStep) Sequential() {}

type flushingStep struct{ sequentialStep }

func (s flushingStep) Drop() int64 { return s.drop() }

func (s flushingStep) Flush(_ context.Context, out *transforms.Out) error {
	return s.flush(out, s.mem)
}

// pass sends every row on.
func pass(in *record.Batch, out *transforms.Out, _ memory.Allocator) error {
	in.Retain()
	out.Emit(in)
	return nil
}

// keepIf filters by row number within the partition.
func keepIf(keep func(seq int64) bool) func(*record.Batch, *transforms.Out, memory.Allocator) error {
	return func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
		var rows []int
		for row := range in.Rows() {
			if keep(in.Origins().Pos[row].Seq) {
				rows = append(rows, row)
			} else {
				out.Filtered++
			}
		}
		out.Emit(transforms.Keep(mem, in, rows))
		return nil
	}
}

// collect is a sink that keeps the rows it is given.
type collect struct {
	late     bool // ends rows from another goroutine
	panics   bool
	forget   bool // never ends the first row of a batch
	lose     bool // lets nobody know that it has not
	rejectIf func(n string) bool
	writeErr error
	flushErr error
	openErr  error

	mu     sync.Mutex
	rows   []string
	how    sinks.Ending
	closed int
	ending sync.WaitGroup
}

func (c *collect) Schema() schema.Block                        { return schema.Block{} }
func (c *collect) Facts(context.Context) (schema.Facts, error) { return schema.Facts{}, nil }

func (c *collect) Open(context.Context, sinks.Env) (sinks.Sink, error) {
	if c.openErr != nil {
		return nil, c.openErr
	}
	return c, nil
}

func (c *collect) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	if c.panics {
		panic("ouch")
	}
	if c.writeErr != nil {
		return c.writeErr
	}
	column, _ := b.Lookup("n")
	names := make([]string, b.Rows())
	for row := range names {
		names[row] = string([]byte(column.Text(row)))
		if e := attr.Get(b, "e", row); !e.IsNull() {
			names[row] += "+" + e.Text()
		}
	}
	end := func() {
		for row, name := range names {
			if c.lose && row == 0 {
				r.Split([]int{0}, nil, nil)
			}
			if (c.forget || c.lose) && row == 0 {
				continue
			}
			if c.rejectIf != nil && c.rejectIf(name) {
				if r.Reject(row, record.Rejection{Operation: "collect", Code: "No", Message: "not wanted"}) != nil {
					return
				}
				continue
			}
			c.mu.Lock()
			c.rows = append(c.rows, name)
			c.mu.Unlock()
			r.End(row, record.Written)
		}
	}
	if c.late {
		c.ending.Go(end)
	} else {
		end()
	}
	return nil
}

func (c *collect) Flush(_ context.Context, how sinks.Ending) error {
	c.how = how
	c.ending.Wait()
	return c.flushErr
}

func (c *collect) Close() error {
	c.ending.Wait()
	c.closed++
	return nil
}

// publishing is a collect whose rows appear at the end.
type publishing struct {
	collect
	published  bool
	publishErr error
}

func (p *publishing) Open(context.Context, sinks.Env) (sinks.Sink, error) { return p, nil }

func (p *publishing) Publish(context.Context) error {
	if p.publishErr != nil {
		return p.publishErr
	}
	p.published = true
	return nil
}

// pipe builds plans.
type pipe struct {
	t    *testing.T
	plan *plan.Plan
	mem  *memory.CheckedAllocator
	// passed is Options.Passed.
	passed func(*plan.Node, string, *record.Batch)
}

func newPipe(t *testing.T) *pipe {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return &pipe{t: t, mem: mem, plan: &plan.Plan{Name: "test", Settings: plan.Settings{
		DeadLetter: filepath.Join(t.TempDir(), "test.rejects.jsonl"),
		BatchRows:  16, BatchBytes: 1 << 20, ChannelCapacity: 2, Parallelism: 3,
	}}}
}

func (p *pipe) add(n *plan.Node, from ...*plan.Node) *plan.Node {
	n.Name = fmt.Sprintf("n%d", len(p.plan.Nodes))
	n.Type = "test"
	n.Address = n.Kind.String() + ".test." + n.Name
	for _, f := range from {
		n.Inputs = append(n.Inputs, plan.Input{From: f})
	}
	p.plan.Nodes = append(p.plan.Nodes, n)
	return n
}

func (p *pipe) source(s sources.Config) *plan.Node {
	return p.add(&plan.Node{Kind: plan.Source, Source: s})
}

func (p *pipe) transform(t transforms.Config, from ...*plan.Node) *plan.Node {
	return p.add(&plan.Node{Kind: plan.Transform, Transform: t}, from...)
}

func (p *pipe) sink(s sinks.Config, from ...*plan.Node) *plan.Node {
	return p.add(&plan.Node{Kind: plan.Sink, Sink: s}, from...)
}

// run runs the plan and checks what holds of every run: the ledger balances,
// and unsettled rows are only in one that did not end well.
func (p *pipe) run(ctx context.Context, stop <-chan struct{}) (*engine.Report, error) {
	p.t.Helper()
	e := engine.New(p.plan, engine.Options{Run: &expr.Run{ID: "run-1", Start: time.Unix(0, 0)}, Stop: stop, Mem: p.mem, Passed: p.passed})
	r, err := e.Run(ctx)
	for _, n := range r.Nodes {
		came := n.In + n.Read + n.Made
		went := n.Out + n.Written + n.Filtered + n.Coalesced + n.Rejected + n.Unsettled
		if came != went {
			p.t.Errorf("ledger of %s: %d came, %d went: %+v", n.Node, came, went, n)
		}
	}
	for _, link := range r.Edges {
		if link.Sent != link.Received {
			p.t.Errorf("edge %s to %s: sent %d, received %d", link.From, link.To, link.Sent, link.Received)
		}
	}
	if ok := r.Status == engine.Done || r.Status == engine.DoneWithRejects; ok && r.Unsettled > 0 {
		p.t.Errorf("%d rows unsettled in a run that is %s", r.Unsettled, r.Status)
	}
	var ledger *engine.LedgerError
	if errors.As(err, &ledger) && r.Status != engine.Failed {
		p.t.Errorf("a run with %v is %s", err, r.Status)
	}
	return r, err
}

func (p *pipe) mustRun() *engine.Report {
	p.t.Helper()
	r, err := p.run(context.Background(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}
