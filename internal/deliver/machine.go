package deliver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

const (
	// linger is how long rows that don't fill a request wait for more.
	linger = 50 * time.Millisecond
	// reach is how long an endpoint that never answered is tried.
	reach = 15 * time.Second
	// breath is how long nothing at all is sent, at most, to a table that takes
	// nothing: less than the second in which its capacity comes back.
	breath = 500 * time.Millisecond
	// stall is how long nothing may move before that is worth a warning.
	stall = time.Minute
)

// The codes of rejections that are not the service's.
const (
	codeUnprocessed = "Unprocessed"
	codeDuplicate   = "DuplicateKey"
)

// machine is the core's state and rules. It is told what happened and when,
// and says what to do. It is used under the Core's lock.
type machine struct {
	cfg    Config
	slots  map[slotKey]*slot
	fresh  queue      // slots whose rows have not been sent
	again  queue      // slots whose rows came back, and have waited
	due    []*request // to be sent as soon as limit and budget allow
	later  agenda
	limit  limiter
	budget window
	costs  estimator

	inFlight  int
	heldRows  int
	heldBytes int64
	number    int64
	waiting   int // callers of Submit that wait for room
	flushing  int // callers of Flush

	heard     bool // the service has answered something
	firstSent time.Time
	moved     time.Time // when a row last ended, or the warning was given
	complaint string    // what the service last said to hold rows up
	failure   error
}

// request is a Request and its slots, whose newest rows in flight it holds.
type request struct {
	Request
	slots  []*slot
	units  float64
	errors int // Retryable ones
	sent   time.Time
}

// ending is a row that ends, and how.
type ending struct {
	entry   *entry
	outcome record.Outcome
	why     record.Rejection
}

func newMachine(cfg Config) *machine {
	start := startLimit
	if cfg.Budget > 0 {
		start = 1 // the first answer says how good the estimates are
	}
	return &machine{
		cfg: cfg, slots: map[slotKey]*slot{}, limit: newLimiter(cfg.Concurrency, start),
		budget: window{limit: cfg.Budget}, costs: estimator{},
	}
}

// hasRoom reports that the row may be held (promise 6). When nothing is held
// there is room for any row.
func (m *machine) hasRoom(row *Row) bool {
	return m.heldRows == 0 || m.heldRows < m.cfg.MaxRows && m.heldBytes+row.footprint() <= m.cfg.MaxBytes
}

// admit takes a row. With duplicates rejected it returns the row of the same
// key that is held instead.
func (m *machine) admit(row *Row, now time.Time) (held *entry) {
	key := slotKey{row.Table, row.Key}
	s := m.slots[key]
	var e *entry
	switch {
	case s == nil:
		s = &slot{slotKey: key, since: now}
		e = &s.own
		m.slots[key] = s
		m.fresh.push(s)
	case m.cfg.RejectDuplicates && !s.waiting.empty():
		return s.waiting.newest
	case m.cfg.RejectDuplicates:
		return s.flight.newest
	default:
		e = &entry{}
	}
	if m.heldRows == 0 {
		m.moved = now
	}
	e.Row = *row
	s.waiting.push(e)
	m.heldRows++
	m.heldBytes += e.footprint()
	return nil
}

// release forgets rows that have ended on their receipts.
func (m *machine) release(ended []ending, now time.Time) {
	for _, end := range ended {
		m.heldRows--
		m.heldBytes -= end.entry.footprint()
		end.entry.Row = Row{}
	}
	m.moved = now
}

// next is the request to send now. Without one, wake is when to ask again if
// nothing happens before; zero: not until something happens.
func (m *machine) next(now time.Time) (r *request, wake time.Time) {
	if m.failure != nil {
		return nil, time.Time{}
	}
	m.ripen(now)
	wake = sooner(m.later.next(), m.watch(now))
	switch {
	case m.inFlight >= m.limit.allowed():
		return nil, wake
	case now.Before(m.limit.resumes):
		return nil, sooner(wake, m.limit.resumes)
	}
	if len(m.due) == 0 {
		if at, packed := m.pack(now); !packed {
			return nil, sooner(wake, at)
		}
	}
	r = m.due[0]
	r.units = m.units(r.slots)
	if at, ok := m.budget.fits(r.units, now); !ok {
		return nil, sooner(wake, at)
	}
	m.due = slices.Delete(m.due, 0, 1)
	m.start(r, now)
	return r, wake
}

// ripen moves what has waited long enough to where it is sent from.
func (m *machine) ripen(now time.Time) {
	for {
		d, ok := m.later.take(now)
		if !ok {
			return
		}
		if d.request != nil {
			m.due = append(m.due, d.request)
		}
		for _, s := range d.slots {
			s.since = d.due
			m.again.push(s)
		}
	}
}

// watch warns when nothing has moved for long, and says when to look again.
func (m *machine) watch(now time.Time) time.Time {
	if m.heldRows == 0 {
		return time.Time{}
	}
	if now.Sub(m.moved) >= stall {
		m.moved = now
		m.cfg.Meter.Warn("stalled", fmt.Sprintf("%s: no row was written for %v while %d wait; %s",
			m.cfg.Operation, stall, m.heldRows, m.complaint))
	}
	return m.moved.Add(stall)
}

// pack makes a request of the slots at the head of the queues. One that could
// hold more waits a moment for more, until at.
func (m *machine) pack(now time.Time) (at time.Time, packed bool) {
	room, at, ok := m.budget.room(now)
	if !ok {
		return at, false
	}
	l := newLoad(m.cfg.Caps, room)
	again := m.fill(&l, &m.again)
	fresh := 0
	if again == m.again.len() {
		fresh = m.fill(&l, &m.fresh)
	}
	if again+fresh == 0 {
		return time.Time{}, false
	}
	whole := again < m.again.len() || fresh < m.fresh.len() || l.full()
	if !whole && m.waiting == 0 && m.flushing == 0 {
		if at := m.oldest().Add(linger); at.After(now) {
			return at, false
		}
	}
	slots := make([]*slot, 0, again+fresh)
	slots = append(slots, m.again.slots[m.again.head:m.again.head+again]...)
	slots = append(slots, m.fresh.slots[m.fresh.head:m.fresh.head+fresh]...)
	m.again.drop(again)
	m.fresh.drop(fresh)
	for _, s := range slots {
		s.flight, s.waiting = s.waiting, chain{}
	}
	if len(l.tables) > 1 {
		slices.SortStableFunc(slots, func(a, b *slot) int { return strings.Compare(a.table, b.table) })
	}
	m.due = append(m.due, m.request(slots, l.bytes))
	return time.Time{}, true
}

// fill loads slots from the head of a queue and says how many fit.
func (m *machine) fill(l *load, q *queue) int {
	for n := range q.len() {
		s := q.at(n)
		row := &s.waiting.newest.Row
		if !l.add(s.table, len(row.Body), row.Units*m.costs.factor(s.table)) {
			return n
		}
	}
	return q.len()
}

// oldest is since when the first slot to be sent has waited.
func (m *machine) oldest() time.Time {
	var at time.Time
	for _, q := range []*queue{&m.again, &m.fresh} {
		if q.len() > 0 {
			at = sooner(at, q.at(0).since)
		}
	}
	return at
}

func (m *machine) request(slots []*slot, bytes int) *request {
	m.number++
	r := &request{Request: Request{Number: m.number, Bytes: bytes}, slots: slots}
	r.list()
	return r
}

// list sets the request's rows from its slots.
func (r *request) list() {
	r.Rows = make([]*Row, len(r.slots))
	for i, s := range r.slots {
		r.Rows[i] = &s.flight.newest.Row
	}
}

// units is what the slots' rows in flight are expected to take.
func (m *machine) units(slots []*slot) float64 {
	sum := 0.0
	for _, s := range slots {
		sum += s.flight.newest.Units * m.costs.factor(s.table)
	}
	return sum
}

func (m *machine) start(r *request, now time.Time) {
	r.Attempt++
	r.sent = now
	for _, s := range r.slots {
		e := s.flight.newest
		e.sends++
		if e.first.IsZero() {
			e.first = now
		}
	}
	if m.firstSent.IsZero() {
		m.firstSent = now
	}
	m.inFlight++
	m.limit.sent(m.inFlight, now)
	m.budget.send(r.units)
}

// fail stops the machine: nothing is sent from now on. The first reason stays.
func (m *machine) fail(err error) {
	if m.failure == nil {
		m.failure = err
	}
}

// answered takes in how an attempt went and says which rows end by it.
func (m *machine) answered(r *request, a Answer, err error, now time.Time) []ending {
	m.inFlight--
	if err == nil {
		m.heard = true
		return m.took(r, a, now)
	}
	m.budget.answered(r.units, r.units, now)
	fault := &Fault{Class: Permanent, Err: err}
	_ = errors.As(err, &fault)
	m.heard = m.heard || fault.Answered
	m.complaint = "the last error: " + err.Error()
	switch fault.Class {
	case Throttled:
		return m.throttled(r, fault, now)
	case Poison:
		return m.poisoned(r, fault, now)
	case Retryable:
		m.retry(r, err, now)
	default:
		m.fail(err)
	}
	return nil
}

// abandoned is a request that was cancelled: its rows stay open.
func (m *machine) abandoned(r *request, why error, now time.Time) {
	m.inFlight--
	m.budget.answered(r.units, r.units, now)
	m.fail(why)
}

// sooner is the earlier of two moments, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
