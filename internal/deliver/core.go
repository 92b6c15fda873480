package deliver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
)

// What a Config that leaves them zero gets.
const (
	// DefaultConcurrency caps the requests in flight. How many there are is
	// found by itself below it.
	DefaultConcurrency = 256
	// DefaultMaxRows and DefaultMaxBytes bound what is held. They leave room
	// for DefaultConcurrency requests of usual items, and as many rows waiting.
	DefaultMaxRows  = 8192
	DefaultMaxBytes = 64 << 20
)

// grace is how long Close lets requests in flight finish after a failure, so
// that rows which the table has are counted as written.
const grace = 2 * time.Second

var (
	errClosed = errors.New("deliver: closed")
	errDefect = errors.New("deliver: a goroutine ended in a panic")
)

// Config is how a Core works. The zero value of a field means its default,
// where there is one.
type Config struct {
	Operation   string // the call, for messages and events: BatchWriteItem
	Caps        Caps
	Concurrency int     // most requests in flight
	Budget      float64 // capacity units in any second; 0: none
	// RejectDuplicates rejects a row that comes while another of the same table
	// and key is held, waiting or in flight. The one held is not affected.
	// Which duplicates meet there depends on timing: it tells of input that
	// should have none, and is no check of all of it.
	RejectDuplicates bool
	Retry            Retry
	MaxRows          int   // rows held
	MaxBytes         int64 // memory of rows held; a single larger row is held alone
	Meter            *progress.Meter
	// Random gives the jitter, from [0, 1).
	Random func() float64
}

func (c Config) withDefaults() Config {
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.MaxRows == 0 {
		c.MaxRows = DefaultMaxRows
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Retry == (Retry{}) {
		c.Retry = DefaultRetry()
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return c
}

// Core delivers rows. Its methods may be called from several goroutines; the
// order of rows of one key is that of the calls of Submit.
type Core struct {
	sender Sender
	meter  *progress.Meter
	call   string
	cancel context.CancelCauseFunc
	tasks  conc.WaitGroup
	kick   chan struct{} // the machine may have something to do
	work   chan attempt  // for a goroutine that waits for some

	mu      sync.Mutex
	machine *machine
	changed chan struct{} // closed when rows were released or the machine failed
	waiters int           // for changed
}

// New starts a core. ctx bounds its requests: when it is done they are
// cancelled and their rows stay open.
func New(ctx context.Context, cfg Config, s Sender) *Core {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	c := &Core{
		sender: s, meter: cfg.Meter, call: cfg.Operation, cancel: cancel,
		kick: make(chan struct{}, 1), work: make(chan attempt), machine: newMachine(cfg), changed: make(chan struct{}),
	}
	c.meter.Watch(c.load)
	c.tasks.Go(func() { c.run(ctx) })
	return c
}

// Submit takes rows, in their order. It blocks while the core holds all it may
// (promise 6), and returns early only with an error: ctx's, or why the core
// failed. Rows that it did not take and rows that have not ended then stay
// open on their receipts.
func (c *Core) Submit(ctx context.Context, rows []Row) error {
	defer c.nudge()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.submitting++ // as long as more rows come, those that are there may wait for them
	defer func() { c.machine.submitting-- }()
	now := time.Now()
	for i := range rows {
		row := &rows[i]
		if i%turn == turn-1 { // others have a turn
			c.mu.Unlock()
			c.nudge()
			c.mu.Lock()
			now = time.Now()
		}
		if !c.machine.hasRoom(row) {
			if err := c.awaitRoom(ctx, row); err != nil {
				return err
			}
			now = time.Now()
		}
		if c.machine.failure != nil {
			return c.machine.failure
		}
		if held := c.machine.admit(row, now); held != nil {
			if err := c.rejectDuplicate(row, held.Receipt.Origin(held.Index)); err != nil {
				return err
			}
		}
	}
	return nil
}

// turn is how many rows are taken before others may have the lock.
const turn = 256

// awaitRoom waits until there is room for a row, and for some more: it costs
// less to take rows many at a time.
func (c *Core) awaitRoom(ctx context.Context, row *Row) error {
	c.machine.waiting++
	defer func() { c.machine.waiting-- }()
	for c.machine.failure == nil && !(c.machine.hasRoom(row) && c.machine.hasSpace()) {
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rejectDuplicate ends a row that came while its twin is held, the lock released.
func (c *Core) rejectDuplicate(row *Row, twin record.Origin) error {
	c.mu.Unlock()
	err := rejectDuplicate(row, twin)
	c.mu.Lock()
	if err != nil {
		c.machine.fail(err)
		c.broadcast()
	}
	return err
}

func rejectDuplicate(row *Row, twin record.Origin) error {
	return row.Receipt.Reject(row.Index, record.Rejection{
		Operation: row.Operation.String(), Code: codeDuplicate,
		Message: fmt.Sprintf("the row at %s has the same key and is being written (duplicates = \"error\")", twin),
	})
}

// Flush returns when every row taken has ended, or with the reason why that
// can't be.
func (c *Core) Flush(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.flushing++
	defer func() { c.machine.flushing-- }()
	for c.machine.failure == nil && c.machine.heldRows > 0 {
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
	return c.machine.failure
}

// Await returns when done is closed, which a caller does when all the rows that
// it is interested in have ended, or with the reason why that can't be. Rows
// that don't fill a request are then sent without waiting for more, as with
// Flush, unless more are being submitted.
func (c *Core) Await(ctx context.Context, done <-chan struct{}) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.flushing++
	defer func() { c.machine.flushing-- }()
	for {
		select {
		case <-done:
			return nil
		default:
		}
		if c.machine.failure != nil {
			return c.machine.failure
		}
		if err := c.waitOr(ctx, done); err != nil {
			return err
		}
	}
}

// wait waits, the lock released, until something has changed. When ctx is done
// nothing more is sent; what is in flight may still be answered.
func (c *Core) wait(ctx context.Context) error { return c.waitOr(ctx, nil) }

// waitOr is wait, and ends also when done is closed.
func (c *Core) waitOr(ctx context.Context, done <-chan struct{}) error {
	changed := c.changed
	c.waiters++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.waiters--
	}()
	c.nudge()
	select {
	case <-changed:
		return nil
	case <-done:
		return nil
	case <-ctx.Done():
		c.fail(context.Cause(ctx))
		return context.Cause(ctx)
	}
}

// Close ends the core. Rows that have not ended stay open; after a failure,
// requests in flight are given a moment to be answered. No row ends afterwards.
func (c *Core) Close() {
	c.fail(errClosed)
	c.drain()
	c.cancel(errClosed)
	c.tasks.Wait()
}

// drain waits until no request is in flight, for a moment at most.
func (c *Core) drain() {
	patience := time.NewTimer(grace)
	defer patience.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters++
	for c.machine.inFlight > 0 {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
			c.mu.Lock()
		case <-patience.C:
			c.mu.Lock()
			return
		}
	}
}

// run asks the machine what to do until ctx is done.
func (c *Core) run(ctx context.Context) {
	defer c.surface()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Stop()
		if wake := c.dispatch(ctx); !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-c.kick:
		case <-timer.C:
		case <-ctx.Done():
			c.fail(context.Cause(ctx))
			return
		}
	}
}

// dispatch sends what may be sent now and says when to look again.
func (c *Core) dispatch(ctx context.Context) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for sent := 0; ; sent++ {
		r, wake := c.machine.next(time.Now())
		if r == nil {
			if sent > 0 {
				c.makeWay()
			}
			return wake
		}
		a := attempt{request: r}
		if !c.machine.heard {
			a.limit = c.machine.firstSent.Add(reach)
		}
		select {
		case c.work <- a:
		default:
			c.tasks.Go(func() { c.sendAll(ctx, a) })
		}
	}
}

// attempt is a request to be sent. limit is when an endpoint that never answered
// has had its time; zero: it has answered.
type attempt struct {
	*request
	limit time.Time
}

// sendAll makes one attempt after another: a goroutine that has sent a request
// has the stack that it takes.
func (c *Core) sendAll(ctx context.Context, a attempt) {
	defer c.surface()
	for {
		c.send(ctx, a.request, a.limit)
		select {
		case a = <-c.work:
		case <-ctx.Done():
			return
		}
	}
}

// send makes one attempt and ends the rows that it decided.
func (c *Core) send(ctx context.Context, r *request, limit time.Time) {
	attempt, cancel := ctx, func() {}
	if !limit.IsZero() {
		attempt, cancel = context.WithDeadline(ctx, limit)
	}
	started := time.Now()
	answer, err := c.sender.Send(attempt, &r.Request)
	now := time.Now()
	if err != nil && attempt.Err() != nil {
		err = &Fault{Class: Retryable, Err: err} // cut short, whatever the sender made of it
	}
	cancel()
	c.report(r, answer, err, now.Sub(started))

	c.settle(r, c.conclude(ctx, r, answer, err, now), now)
}

// conclude takes in how an attempt went and says which rows end by it.
func (c *Core) conclude(ctx context.Context, r *request, a Answer, err error, now time.Time) []ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && ctx.Err() != nil {
		c.machine.abandoned(r, context.Cause(ctx), now)
		c.nudge()
		return nil
	}
	later := c.machine.later.next()
	ends := c.machine.answered(r, a, err, now)
	if !c.machine.awaits() || !c.machine.later.next().Equal(later) {
		c.nudge()
	}
	return ends
}

// settle ends rows on their receipts and makes room for others.
func (c *Core) settle(r *request, ends []ending, now time.Time) {
	done := ends[:0]
	var failure error
	for len(ends) > 0 {
		if n := r.endAlike(ends); n > 0 {
			done = append(done, ends[:n]...)
			ends = ends[n:]
			continue
		}
		end := ends[0]
		ends = ends[1:]
		row := &end.entry.Row
		if err := row.Receipt.Reject(row.Index, *end.why); err != nil {
			failure = err
			continue
		}
		done = append(done, end)
	}
	c.release(r, done, failure, now)
}

// endAlike ends the first rows, as far as they end alike on one receipt, and
// returns how many they are: none when the first is rejected. Most rows of a
// request are of one batch and were all written.
func (r *request) endAlike(ends []ending) int {
	receipt, outcome := ends[0].entry.Receipt, ends[0].outcome
	if outcome == record.Rejected {
		return 0
	}
	r.alike = r.alike[:0]
	for i := range ends {
		row := &ends[i].entry.Row
		if ends[i].outcome != outcome || row.Receipt != receipt {
			break
		}
		r.alike = append(r.alike, row.Index)
	}
	receipt.EndEach(r.alike, outcome)
	return len(r.alike)
}

// release makes room, and takes in why rows could not end.
func (c *Core) release(r *request, ended []ending, failure error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(ended) > 0 {
		c.machine.release(ended, now)
	}
	if r.over {
		c.machine.recycle(r)
	}
	if failure != nil {
		c.machine.fail(failure)
	}
	if c.machine.failure != nil || c.waiters > c.machine.waiting {
		c.broadcast()
	} else {
		c.makeWay()
	}
}

// makeWay wakes those that wait for room, if there is some.
func (c *Core) makeWay() {
	if c.machine.waiting > 0 && c.machine.hasSpace() {
		c.broadcast()
	}
}

// report tells the meter of an attempt.
func (c *Core) report(r *request, a Answer, err error, took time.Duration) {
	event := progress.Request{
		Number: r.Number, Operation: c.call, Items: len(r.Rows), Bytes: r.Bytes,
		Attempt: r.Attempt, Duration: took, Unprocessed: len(a.Unprocessed),
	}
	for _, used := range a.Consumed {
		event.Units += used.Units
		c.meter.Capacity(used.Table, used.Index, used.Units)
	}
	if err != nil {
		event.Err = err.Error()
		var fault *Fault
		if errors.As(err, &fault) && fault.Class == Throttled {
			event.Throttled, event.Reason = true, fault.Code
			if len(fault.Reasons) > 0 {
				event.Reason, event.Resource = fault.Reasons[0].Reason, fault.Reasons[0].Resource
			}
			warnOf(c.meter, fault.Reasons)
		}
	}
	c.meter.Requested(event)
}

// surface, deferred, keeps a panic from leaving Submit and Flush waiting. The
// panic itself goes on in Close.
func (c *Core) surface() {
	if caught := recover(); caught != nil {
		c.fail(errDefect)
		panic(caught)
	}
}

func (c *Core) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.fail(err)
	c.broadcast()
}

// broadcast wakes all that wait for a change. The lock is held.
func (c *Core) broadcast() {
	if c.waiters == 0 {
		return
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// nudge has run look at the machine.
func (c *Core) nudge() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}
