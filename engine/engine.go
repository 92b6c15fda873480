package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

// Options are what a run needs beside its plan. Only Run must be set.
type Options struct {
	// Run is the run's id and start, the same that the plan was compiled with.
	Run *expr.Run
	// Stop asks the run, when closed, to read no more, to finish what is under
	// way and to end as interrupted (promise 9).
	Stop <-chan struct{}
	// Mem is where batches live; a record.Pool of the run's own when nil.
	Mem memory.Allocator
	// Checkpoints, when not nil, has the run save where it has got to.
	Checkpoints *Checkpoints
	// Requests, when not nil, is told of every request that a node makes to a
	// service, from several goroutines.
	Requests func(progress.Request)
	// Rejected, when not nil, is told where and why of each reject, one after the
	// other.
	Rejected func(what string)
	// Passed, when not nil, is shown each batch that leaves a node by one of its
	// outputs, which is empty for a node with a single one, in the order in which
	// they leave. It keeps nothing of the batch, and is called from several
	// goroutines, for one node by one at a time.
	Passed func(from *plan.Node, output string, b *record.Batch)
}

// Engine runs one plan, once.
type Engine struct {
	plan    *plan.Plan
	options Options
	stages  []*stage // in the order of the plan: upstream first
	edges   []*edge
	dead    *deadLetter
	// how the run can go on in another one; checkpoints is nil when it can't, or
	// is not asked to.
	how         plan.Resumption
	checkpoints *checkpoints

	cancel context.CancelCauseFunc

	mu       sync.Mutex
	started  time.Time
	ended    time.Time
	status   Status
	failure  error
	stopping atomic.Bool
}

// New builds the stages of a plan. Nothing is opened.
func New(p *plan.Plan, o Options) *Engine {
	if o.Mem == nil {
		o.Mem = record.NewPool()
	}
	e := &Engine{plan: p, options: o, status: Running, how: p.Resumption()}
	e.dead = &deadLetter{path: p.Settings.DeadLetter, run: o.Run.ID, mask: p.Secrets.Mask, limit: p.Settings.MaxRejects, told: o.Rejected, exceeded: e.tooMany, fail: e.fail}
	byNode := map[*plan.Node]*stage{}
	for _, n := range p.Nodes {
		s := &stage{node: n, meter: progress.NewMeter(n.Address, o.Requests), mem: o.Mem, batchRows: p.Settings.BatchRows, passed: o.Passed}
		e.connect(s, byNode)
		e.equip(s)
		byNode[n] = s
		e.stages = append(e.stages, s)
	}
	if o.Checkpoints != nil {
		e.checkpoints = newCheckpoints(e, *o.Checkpoints)
	}
	return e
}

// connect makes the edges into a stage, whose inputs have been built.
func (e *Engine) connect(s *stage, byNode map[*plan.Node]*stage) {
	if s.node.Kind == plan.Source {
		s.sources = []*stage{s}
	}
	reached := map[*stage]bool{}
	for _, in := range s.node.Inputs {
		from := byNode[in.From]
		link := &edge{from: from, to: s, output: in.Output, units: make(chan unit, e.plan.Settings.ChannelCapacity)}
		from.outputs = append(from.outputs, link)
		s.inputs = append(s.inputs, link)
		e.edges = append(e.edges, link)
		for _, src := range from.sources {
			if !reached[src] {
				reached[src] = true
				s.sources = append(s.sources, src)
			}
		}
	}
}

// equip gives a stage what runs it.
func (e *Engine) equip(s *stage) {
	o, set := e.options, e.plan.Settings
	limits := record.Limits{Rows: set.BatchRows, Bytes: set.BatchBytes}
	switch s.node.Kind {
	case plan.Source:
		s.run = &sourceStage{stage: s, dead: e.dead, env: sources.Env{
			Node: s.node.Address, Limits: limits, Mem: o.Mem, Run: o.Run, Meter: s.meter,
		}}
	case plan.Transform:
		workers := set.Parallelism
		if workers <= 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		s.run = &transformStage{stage: s, dead: e.dead, workers: workers, env: transforms.Env{
			Node: s.node.Address, Limits: limits, Mem: o.Mem, Run: o.Run, Meter: s.meter,
		}}
	default:
		s.run = newSinkStage(s, e.dead, sinks.Env{
			Node: s.node.Address, Limits: limits, Mem: o.Mem, Run: o.Run, Meter: s.meter,
		})
	}
}

// Run moves every row and returns the report, also when it fails. It is called
// once. When ctx is cancelled the run ends at once.
func (e *Engine) Run(ctx context.Context) (*Report, error) {
	e.begin()
	ctx, e.cancel = context.WithCancelCause(ctx)
	defer e.cancel(nil)
	err := e.resume()
	if err == nil {
		err = e.move(ctx)
		err = errors.Join(err, e.dead.close())
	}
	if many := (*TooManyRejects)(nil); errors.As(err, &many) {
		many.Rejects = e.dead.rejects() // others may have followed the one too many
	}
	e.end(err)
	return e.Report(), e.failure
}

func (e *Engine) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.started = time.Now()
}

// move opens, runs and closes the stages.
func (e *Engine) move(ctx context.Context) (err error) {
	opened := 0
	defer func() {
		err = errors.Join(err, e.close(opened, err))
		if !errors.As(err, new(*LedgerError)) { // publish has found one, and it says the same
			err = errors.Join(err, e.balance())
		}
	}()
	if e.checkpoints.allWasDone() {
		return e.publishAgain(ctx, &opened)
	}
	// Upstream first: a sink may create a table, and should not when its
	// source can't be read.
	for _, s := range e.stages {
		if err := s.run.open(ctx); err != nil {
			return e.cause(ctx, s.failed(err))
		}
		opened++
	}
	if err := e.ready(); err != nil {
		return err
	}
	if err := e.work(ctx); err != nil {
		return e.cause(ctx, err)
	}
	if e.stopping.Load() {
		return e.checkpoints.finish()
	}
	return e.publish(ctx)
}

// ready makes sure, when every component is open, that rows can move.
func (e *Engine) ready() error {
	if err := e.dead.open(); err != nil {
		return err
	}
	for _, s := range e.stages {
		if source, ok := s.run.(*sourceStage); ok {
			if err := source.ready(); err != nil {
				return err
			}
		}
	}
	return e.checkpoints.begin()
}

// work runs every stage to its end, and then counts what was left between them.
func (e *Engine) work(ctx context.Context) error {
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if e.options.Stop != nil {
		done := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			select {
			case <-e.options.Stop:
				stop(errStopped)
			case <-done:
			}
		})
		defer watch.Wait()
		defer close(done)
	}
	// The pool has no limit: stages wait for each other.
	working, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	p := pool.New().WithContext(working).WithCancelOnError().WithFirstError()
	for _, s := range e.stages {
		p.Go(func(ctx context.Context) error {
			err := s.work(ctx, reading)
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	var taking sync.WaitGroup
	if e.checkpoints.on() {
		taking.Go(func() { e.checkpoints.run(working) })
	}
	err := p.Wait()
	e.checkpoints.end()
	taking.Wait()
	for _, link := range e.edges {
		link.drain()
	}
	for _, s := range e.stages {
		if s.stopped && err == nil {
			e.stopping.Store(true)
		}
	}
	return err
}

// publish lets results appear: only of a run that went well as a whole.
func (e *Engine) publish(ctx context.Context) error {
	if e.tooManyAtEnd() {
		return e.dead.tooMany()
	}
	if err := errors.Join(e.balance(), e.settled()); err != nil {
		return err
	}
	if err := e.checkpoints.allDone(ctx); err != nil {
		return err
	}
	for _, s := range e.stages {
		if sink, ok := s.run.(*sinkStage); ok {
			if err := sink.publish(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes the stages that were opened, upstream first. What a saved state
// counts on stays when the run did not come to its end.
func (e *Engine) close(opened int, failure error) error {
	unfinished := failure != nil || e.stopping.Load()
	var errs []error
	for _, s := range e.stages[:opened] {
		if s.skipped {
			continue
		}
		if sink, ok := s.run.(*sinkStage); ok && unfinished && e.checkpoints.kept() != nil {
			sink.keep()
		}
		if err := s.run.close(); err != nil {
			errs = append(errs, s.failed(fmt.Errorf("close: %w", err)))
		}
	}
	return errors.Join(errs...)
}

// fail ends the run at once with an error.
func (e *Engine) fail(err error) { e.cancel(err) }

// cause is the reason why the run failed: why it was cancelled, when it was,
// rather than what that led to.
func (e *Engine) cause(ctx context.Context, err error) error {
	reason := context.Cause(ctx)
	switch {
	case reason == nil:
		return err
	case errors.Is(reason, context.Canceled), errors.Is(reason, context.DeadlineExceeded):
		return ErrAborted
	default:
		return reason
	}
}

// tooMany reports, at a reject, whether the run has had more than it may.
func (e *Engine) tooMany(rejects int64) bool {
	limit := e.plan.Settings.MaxRejects
	if !limit.IsPercent {
		return rejects > limit.Count
	}
	read := e.read()
	return read >= percentFrom && float64(rejects)*100 > limit.Percent*float64(read)
}

// tooManyAtEnd is the same when all is read, however little that is.
func (e *Engine) tooManyAtEnd() bool {
	limit, rejects := e.plan.Settings.MaxRejects, e.dead.rejects()
	if !limit.IsPercent {
		return rejects > limit.Count
	}
	return float64(rejects)*100 > limit.Percent*float64(e.read())
}

func (e *Engine) read() (rows int64) {
	for _, s := range e.stages {
		rows += s.tally.Read.Load()
	}
	return rows
}
