package deliver

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

const (
	// linger is how long rows that don't fill a request wait for more.
	linger = 50 * time.Millisecond
	// reach is how long an endpoint that never answered is tried.
	reach = 15 * time.Second
	// However few requests are in flight, rows for plenty may wait, or of small ones
	// little memory, if they don't take more than reserve. More would only go
	// through more memory than is near to the processor.
	plenty  = 20
	little  = 256 << 10
	reserve = 4 << 20
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
	cfg      Config
	turns    turns // of rows that are each sent
	lanes    map[string]*lane
	recent   *lane   // that of the last row
	slots    []*slot // by number, from 1
	spare    []*slot
	began    time.Time // the zero of instants
	mask     Mark      // of keys' marks; a test has them share a few
	busy     []*lane   // that have something to send; the first is asked first
	later    agenda
	budget   window
	costs    estimator
	whole    float64    // units of the last request that was full
	portions []portion  // of the request being packed; kept for its space
	done     []*request // whose space is used again

	asked     Operation // by the rows held; Put when not all ask the same
	inFlight  int
	heldRows  int
	heldBytes int64
	sentBytes int64 // of rows in flight
	number    int64
	waiting   int // callers of Submit that wait for room
	flushing  int // callers of Flush and Await

	submitting int // callers of Submit

	heard     bool // the service has answered something
	firstSent time.Time
	moved     time.Time // when a row last ended, or the warning was given
	complaint string    // what the service last said to hold rows up
	failure   error
}

// request is a Request and its slots, whose newest rows in flight it holds.
type request struct {
	Request
	slots  []*slot   // those of one lane together
	parts  []stretch // the lanes
	units  float64
	held   int64 // memory of the rows, while it is in flight
	errors int   // Retryable ones
	sent   time.Time
	over   bool // nothing of it is left to be sent

	// Kept for their space.
	back  []bool
	ends  []ending
	alike []int
}

// ending is a row that ends, and how.
type ending struct {
	entry   *entry
	outcome record.Outcome
	why     *record.Rejection // of a rejected one
}

func newMachine(cfg Config) *machine {
	return &machine{
		cfg: cfg, lanes: map[string]*lane{}, slots: []*slot{nil}, mask: math.MaxUint64,
		budget: window{limit: cfg.Budget}, costs: estimator{},
	}
}

// hasRoom reports that the row may be held (promise 6). When nothing is held
// there is room for any row.
func (m *machine) hasRoom(row *Row) bool {
	return m.heldRows == 0 || m.heldRows < m.cfg.MaxRows && m.heldBytes+row.footprint() <= m.mostBytes()
}

// mostBytes is the memory of rows that may be held: what is in flight, and as
// much waiting, so that twice as much can be at the next round trip. More would
// only wait.
func (m *machine) mostBytes() int64 {
	return min(m.cfg.MaxBytes, m.sentBytes+max(m.sentBytes, m.leastBytes()))
}

// leastBytes is the memory of rows that may wait however few are in flight.
func (m *machine) leastBytes() int64 {
	if m.heldRows == 0 {
		return reserve
	}
	return min(reserve, max(little, plenty*m.cfg.Caps.rows()*m.heldBytes/int64(m.heldRows)))
}

// admit takes a row. With duplicates rejected it returns the row of the same
// key that is held instead. Whether rows coalesce is the same for all rows of a
// core.
func (m *machine) admit(row *Row, now time.Time) (held *entry) {
	l := m.lane(row.Table)
	each := !row.Operation.coalesces()
	mark := row.Mark
	if mark == 0 && row.Marks == nil {
		mark = row.mark()
	}
	mark &= m.mask
	var s *slot
	if !each {
		s = m.find(l, row.Key, mark)
	}
	var e *entry
	switch {
	case s == nil:
		s = m.slot()
		s.lane, s.mark[0], s.each = l, mark, each
		e = &s.own
		e.Marks = row.Marks
		if m.line(s) {
			m.queue(s, now)
		}
	case m.cfg.RejectDuplicates && !s.waiting.empty():
		return s.waiting.newest
	case m.cfg.RejectDuplicates:
		return s.flight.newest
	default:
		e = &entry{}
	}
	switch {
	case m.heldRows == 0:
		m.moved, m.asked = now, row.Operation
	case m.asked != row.Operation:
		m.asked = Put
	}
	e.Row, e.slot = *row, s
	s.waiting.push(e)
	s.held++
	m.heldRows++
	m.heldBytes += e.footprint()
	return nil
}

// hasSpace reports that there is room for many rows: who waits for room fills it
// in one go.
func (m *machine) hasSpace() bool {
	most := m.mostBytes()
	return m.heldRows <= m.cfg.MaxRows-m.cfg.MaxRows/16 && m.heldBytes <= most-most/4
}

// line puts a new slot where rows of its key look for it, and reports that no
// other row has to end first.
func (m *machine) line(s *slot) bool {
	if s.each {
		return m.turns.join(s)
	}
	s.lane.slots.add(cell{mark: s.mark[0], first: s.number})
	return true
}

// slot is one for a row to come, of those that have served if there are any.
func (m *machine) slot() *slot {
	last := len(m.spare) - 1
	if last < 0 {
		s := &slot{number: int32(len(m.slots))}
		m.slots = append(m.slots, s)
		return s
	}
	s := m.spare[last]
	m.spare[last] = nil
	m.spare = m.spare[:last]
	return s
}

// release forgets rows that have ended on their receipts.
func (m *machine) release(ended []ending, now time.Time) {
	for _, end := range ended {
		m.heldRows--
		m.heldBytes -= end.entry.footprint()
		s := end.entry.slot
		if s.held--; s.held > 0 || !s.gone {
			*end.entry = entry{}
			continue
		}
		*s = slot{number: s.number} // with its first entry; others are garbage
		m.spare = append(m.spare, s)
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
	if m.inFlight >= m.cfg.Concurrency {
		return nil, wake
	}
	for i := 0; i < len(m.busy); {
		l := m.busy[i]
		if l.idle() {
			m.delist(i)
			continue
		}
		r, at := m.candidate(l, now)
		if r == nil {
			wake = sooner(wake, at)
			i++
			continue
		}
		r.units = m.units(r.slots)
		if at, ok := m.budget.fits(r.units, now); !ok {
			return nil, sooner(wake, at)
		}
		l.due = slices.Delete(l.due, 0, 1)
		m.delist(i)
		m.enlist(l) // the others' turn comes first
		m.start(r, now)
		return r, wake
	}
	return nil, wake
}

// awaits reports that next has nothing before one of the requests in flight is
// answered, but for what ripens by itself.
func (m *machine) awaits() bool {
	return m.failure != nil || m.inFlight >= m.cfg.Concurrency ||
		!slices.ContainsFunc(m.busy, func(l *lane) bool { return !l.idle() && !l.awaits() })
}

// ripen moves what has waited long enough to where it is sent from.
func (m *machine) ripen(now time.Time) {
	for {
		d, ok := m.later.take(now)
		if !ok {
			return
		}
		if d.request != nil {
			first := d.request.parts[0].lane
			first.due = append(first.due, d.request)
			m.enlist(first)
		}
		for _, s := range d.slots {
			s.since = m.of(d.due)
			s.lane.again.push(s)
			m.enlist(s.lane)
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
		m.cfg.Meter.Warn("stalled", fmt.Sprintf("%s: no row was %s for %v while %d wait; %s",
			m.cfg.Operation, m.asked.done(), stall, m.heldRows, m.complaint))
	}
	return m.moved.Add(stall)
}

// request is one of slots, which are copied.
func (m *machine) request(slots []*slot, bytes int) *request {
	r := m.blank()
	r.slots = append(r.slots, slots...)
	r.Bytes = bytes
	r.list()
	return r
}

// blank is a request of no slots, with the space of one that is over if there
// is one.
func (m *machine) blank() *request {
	m.number++
	last := len(m.done) - 1
	if last < 0 {
		return &request{Request: Request{Number: m.number}}
	}
	r := m.done[last]
	m.done[last] = nil
	m.done = m.done[:last]
	r.Number = m.number
	return r
}

// recycle takes the space of a request that nobody uses any more.
func (m *machine) recycle(r *request) {
	clear(r.Rows)
	clear(r.slots)
	clear(r.ends[:cap(r.ends)])
	*r = request{
		Request: Request{Rows: r.Rows[:0]},
		slots:   r.slots[:0], parts: r.parts[:0], back: r.back[:0], ends: r.ends[:0], alike: r.alike,
	}
	m.done = append(m.done, r)
}

// list sets the request's rows and parts from its slots.
func (r *request) list() {
	r.Rows = r.Rows[:0]
	r.parts = r.parts[:0]
	r.Doubtful = false
	for i, s := range r.slots {
		r.Rows = append(r.Rows, &s.flight.newest.Row)
		r.Doubtful = r.Doubtful || s.flight.newest.doubtful
		if n := len(r.parts); n == 0 || r.parts[n-1].lane != s.lane {
			r.parts = append(r.parts, stretch{lane: s.lane, from: i})
		}
		r.parts[len(r.parts)-1].to = i + 1
	}
}

// units is what the slots' rows in flight are expected to take.
func (m *machine) units(slots []*slot) float64 {
	sum := 0.0
	for _, s := range slots {
		sum += s.flight.newest.Units * m.costs.factor(s.lane.table)
	}
	return sum
}

func (m *machine) start(r *request, now time.Time) {
	r.Attempt++
	r.sent = now
	r.held = 0
	at := m.of(now)
	for _, s := range r.slots {
		e := s.flight.newest
		e.sends++
		r.held += e.footprint()
		if e.first == 0 {
			e.first = at
		}
	}
	if m.firstSent.IsZero() {
		m.firstSent = now
	}
	m.inFlight++
	m.sentBytes += r.held
	for _, p := range r.parts {
		p.lane.inFlight++
		p.lane.limit.sent(p.lane.inFlight, now)
	}
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
	m.landed(r)
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
	case Conflict:
		return m.again(r, fault, now)
	case Poison:
		return m.poisoned(r, fault, now)
	case Retryable:
		m.retry(r, err, now)
	default:
		m.fail(err)
	}
	return nil
}

// landed is a request that is no longer in flight.
func (m *machine) landed(r *request) {
	m.inFlight--
	m.sentBytes -= r.held
	for _, p := range r.parts {
		p.lane.inFlight--
	}
}

// abandoned is a request that was cancelled: its rows stay open.
func (m *machine) abandoned(r *request, why error, now time.Time) {
	m.landed(r)
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
