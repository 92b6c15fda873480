package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
)

// Checkpoints asks a run to save where it has got to (promise 5).
type Checkpoints struct {
	// Every is how often; 0 for at the end of an interrupted run only.
	Every time.Duration
	// Save puts a state on disk. It is called from one goroutine at a time.
	Save func(*checkpoint.State) error
	// Fingerprint is what the pipeline is, for a later run to compare.
	Fingerprint map[string]string
	// Resume is the state from which the run goes on; nil from the beginning.
	Resume *checkpoint.State
	// Force goes on although the pipeline is another one: what the state knows
	// nothing of begins empty.
	Force bool
	// Notice is told, before any row moves, why the run can't be resumed, and
	// later when a checkpoint could not be saved.
	Notice func(string)
}

// checkpoints takes a run's checkpoints. A nil one takes none.
//
// The gate is what makes the positions of all sources and the barriers between
// units one moment: a source sends, and notes its position, while it holds the
// gate for reading; a barrier is sent by who holds it for writing.
type checkpoints struct {
	engine  *Engine
	options Checkpoints
	gate    sync.RWMutex
	sources []*sourceStage

	off    bool  // there can be none
	number int64 // of the last barrier; written with the gate held
	over   bool  // no barrier may be sent any more; written with the gate held

	mu      sync.Mutex
	reading int           // sources that have not left
	stopped bool          // one of those that left was stopped
	left    chan struct{} // closed when all have
	last    *barrier      // that was sent when reading was stopped
	saved   *checkpoint.State

	ended chan struct{} // closed when every stage has ended
}

func newCheckpoints(e *Engine, o Checkpoints) *checkpoints {
	c := &checkpoints{engine: e, options: o, left: make(chan struct{}), ended: make(chan struct{}), saved: o.Resume}
	if o.Resume != nil {
		c.number = o.Resume.Number
	}
	for _, s := range e.stages {
		if source, ok := s.run.(*sourceStage); ok {
			c.sources = append(c.sources, source)
		}
	}
	c.reading = len(c.sources)
	return c
}

// take notes where every source is and sends a barrier behind what it has sent.
// It is nil when none can be sent any more.
func (c *checkpoints) take(ctx context.Context) *barrier {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.over {
		return nil
	}
	return c.send(ctx)
}

// send is take with the gate held.
func (c *checkpoints) send(ctx context.Context) *barrier {
	c.number++
	for _, s := range c.sources {
		s.barriers = c.number
	}
	b := &barrier{
		number: c.number, edges: map[*edge]int64{}, waiting: map[*stage]bool{}, done: make(chan struct{}),
		state: &checkpoint.State{
			Pipeline: c.engine.plan.Name, Run: c.engine.options.Run.ID, Started: c.engine.options.Run.Start,
			Number: c.number, Fingerprint: c.options.Fingerprint,
			Sources: map[string]checkpoint.Source{}, Sinks: map[string]checkpoint.Sink{}, Nodes: map[string]checkpoint.Node{},
		},
	}
	live := map[*stage]bool{}
	for _, s := range c.sources {
		live[s.stage] = !s.ended
		b.state.Sources[s.node.Address] = s.progress()
		b.state.Nodes[s.node.Address] = ledgerOf(&s.tally)
	}
	var passed []*stage // by all that leads to them
	for _, s := range c.engine.stages {
		if s.node.Kind == plan.Source {
			continue
		}
		b.waiting[s] = true
		if !reachable(s, live) {
			passed = append(passed, s)
		}
	}
	for _, s := range passed {
		s.atEnd(b)
	}
	for _, s := range c.sources {
		if s.ended {
			continue
		}
		if err := s.emit(ctx, unit{barrier: b}); err != nil {
			b.giveUp("the run ended")
			return b
		}
	}
	return b
}

func reachable(s *stage, live map[*stage]bool) bool {
	for _, source := range s.sources {
		if live[source] {
			return true
		}
	}
	return false
}

// passing does something that a barrier must not come between.
func (c *checkpoints) passing(f func()) {
	if c == nil {
		f()
		return
	}
	c.gate.RLock()
	defer c.gate.RUnlock()
	f()
}

// giveUp is called by a source that failed: there is no barrier any more.
func (c *checkpoints) giveUp() {
	if c == nil {
		return
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	c.over = true
}

// leave is called by a source that reads no more. One that was stopped waits
// for the others, so that the last barrier follows what all have sent.
func (c *checkpoints) leave(ctx context.Context, s *sourceStage, stopped bool) error {
	if c == nil {
		return nil
	}
	c.gate.Lock()
	s.ended = !stopped
	c.mu.Lock()
	c.reading--
	c.stopped = c.stopped || stopped
	last, any := c.reading == 0, c.stopped
	c.mu.Unlock()
	if last {
		if any && !c.over {
			c.last = c.send(ctx)
		}
		c.over = true
		close(c.left)
	}
	c.gate.Unlock()
	if !stopped {
		return nil
	}
	select {
	case <-c.left:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin looks, when the sources are open, whether there can be checkpoints.
func (c *checkpoints) begin() error {
	if c == nil {
		return nil
	}
	reason := c.engine.how.Never
	if reason == "" {
		reason = c.identify()
	}
	if reason != "" {
		if c.options.Resume != nil {
			return fmt.Errorf("the run can't go on: %s", reason)
		}
		c.options.Notice("this run can't be resumed: " + reason)
		c.off = true
		return nil
	}
	for _, s := range c.engine.stages {
		switch run := s.run.(type) {
		case *sourceStage:
			run.checkpoints = c
		case *sinkStage:
			run.saves = true
		}
	}
	return nil
}

// allWasDone reports that the run before had nothing left to do but to put
// results in their places.
func (c *checkpoints) allWasDone() bool {
	return c != nil && c.options.Resume != nil && c.options.Resume.Done
}

// on reports that checkpoints are taken.
func (c *checkpoints) on() bool { return c != nil && !c.off }

// end ends run, when every stage has ended.
func (c *checkpoints) end() {
	if c != nil {
		close(c.ended)
	}
}

// run takes checkpoints while sources read. One is begun when the one before
// is complete.
func (c *checkpoints) run(ctx context.Context) {
	if c.options.Every <= 0 {
		return
	}
	timer := time.NewTimer(c.options.Every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.left:
			return
		case <-timer.C:
		}
		b := c.take(ctx)
		if b == nil {
			return
		}
		select {
		case <-b.done:
		case <-c.ended:
			return // a later one takes its place
		case <-ctx.Done():
			return
		}
		if err := c.save(b.whole(c.engine.edges)); err != nil {
			c.options.Notice(err.Error() + ". The run goes on without this checkpoint")
		}
		timer.Reset(c.options.Every)
	}
}

// finish saves the state of a run that was stopped, when what was under way has
// ended.
func (c *checkpoints) finish() error {
	if !c.on() || c.last == nil {
		return nil
	}
	select {
	case <-c.last.done:
		return c.save(c.last.whole(c.engine.edges))
	default:
		// Something is held that only rows to come would let go. The state before
		// is good.
		return nil
	}
}

// allDone saves, before results are put in their places, that nothing is left
// to do but that.
func (c *checkpoints) allDone(ctx context.Context) error {
	if !c.on() || c.allWasDone() || !c.engine.publishes() {
		return nil
	}
	c.gate.Lock()
	b := c.send(ctx)
	c.gate.Unlock()
	<-b.done // every stage has ended
	state := b.whole(c.engine.edges)
	if state == nil {
		return nil
	}
	state.Done = true
	return c.save(state)
}

// save puts the dead letter on disk, whose lines the state counts on, and then
// the state.
func (c *checkpoints) save(state *checkpoint.State) error {
	if state == nil {
		return nil
	}
	if err := c.engine.dead.sync(); err != nil {
		return err
	}
	_, state.FirstReject = c.engine.dead.rejected()
	if err := c.options.Save(state); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = state
	return nil
}

// kept is the state that a later run can go on from; nil when there is none.
func (c *checkpoints) kept() *checkpoint.State {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved
}

// identify asks each source what it reads, and says why a run can't be resumed
// when one can't tell.
func (c *checkpoints) identify() (reason string) {
	for _, s := range c.sources {
		source, ok := s.source.(sources.Resumable)
		if !ok {
			return s.node.Address + " can't go on from where it was"
		}
		identity, err := source.Identity()
		if err != nil {
			return fmt.Sprintf("%s: %v", s.node.Address, err)
		}
		s.identity = identity
	}
	for _, s := range c.engine.stages {
		sink, ok := s.run.(*sinkStage)
		if !ok {
			continue
		}
		_, publishes := sink.sink.(sinks.Publisher)
		if _, saves := sink.sink.(sinks.Checkpointer); publishes && !saves {
			return s.node.Address + " can't go on with what it has written"
		}
	}
	return ""
}

// nothing is the position of a partition from which nothing has been read.
var nothing = json.RawMessage("null")

// publishes reports that some sink puts its result in its place at the end.
func (e *Engine) publishes() bool {
	return slices.ContainsFunc(e.stages, func(s *stage) bool {
		sink, ok := s.run.(*sinkStage)
		if !ok {
			return false
		}
		_, publishes := sink.sink.(sinks.Publisher)
		return publishes
	})
}
