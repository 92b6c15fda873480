package deliver

import (
	"fmt"
	"slices"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

// took is a request that the service carried out, but for the rows that it
// gave back.
func (m *machine) took(r *request, a Answer, now time.Time) []ending {
	r.over = true
	back := append(r.back[:0], make([]bool, len(r.slots))...)
	r.back = back
	for _, i := range a.Unprocessed {
		back[i] = true
	}
	m.budget.answered(r.units, m.spent(r, a, back), now)
	for _, p := range r.parts {
		p.lane.limit.answered(r.sent, p.share(back), now)
	}

	ends := r.ends[:0]
	var returned []*slot
	for i, s := range r.slots {
		switch {
		case slices.Contains(a.Skipped, i):
			ends = m.ended(ends, s, record.Filtered, now)
		case !back[i]:
			ends = m.ended(ends, s, record.Written, now)
		case !m.cfg.Retry.Unprocessed:
			ends = m.rejected(ends, s, codeUnprocessed, "the table gave the row back unprocessed and retry_unprocessed is false", now)
		case m.expired(s, now):
			ends = m.rejected(ends, s, codeUnprocessed, m.late("the table gave the row back unprocessed"), now)
		default:
			returned = append(returned, s)
		}
	}
	m.giveBack(returned, now)
	r.ends = ends
	return ends
}

// spent is what the answer says the request took, from which the estimates
// learn; where it doesn't say, the estimate of the rows that were carried out.
func (m *machine) spent(r *request, a Answer, back []bool) float64 {
	if len(r.slots) == 1 { // a transaction may have been at several tables
		expected := r.slots[0].flight.newest.Units
		table := r.slots[0].lane.table
		took, said := a.took("")
		switch {
		case said:
			m.costs.learn(table, expected, took)
			return took
		case back[0]:
			return 0
		}
		return expected * m.costs.factor(table)
	}
	sum := 0.0
	for i := 0; i < len(r.slots); {
		table, expected := r.slots[i].lane.table, 0.0
		for ; i < len(r.slots) && r.slots[i].lane.table == table; i++ {
			if !back[i] {
				expected += r.slots[i].flight.newest.Units
			}
		}
		took, said := a.took(table)
		if said {
			m.costs.learn(table, expected, took)
		} else {
			took = expected * m.costs.factor(table)
		}
		sum += took
	}
	return sum
}

// share is the part of the stretch's rows that were given back.
func (p *stretch) share(back []bool) float64 {
	n := 0
	for _, b := range back[p.from:p.to] {
		if b {
			n++
		}
	}
	return float64(n) / float64(p.to-p.from)
}

// ended ends the newest row of a slot in flight, and those it superseded.
func (m *machine) ended(ends []ending, s *slot, outcome record.Outcome, now time.Time) []ending {
	ends = append(ends, ending{entry: s.flight.pop(), outcome: outcome})
	for !s.flight.empty() {
		ends = append(ends, ending{entry: s.flight.pop(), outcome: record.Coalesced})
	}
	s.returns = 0
	m.requeue(s, now)
	return ends
}

// rejected ends the newest row of a slot in flight. The one before it counts
// in its place (promise 4), unless newer ones have come.
func (m *machine) rejected(ends []ending, s *slot, code, message string, now time.Time) []ending {
	e := s.flight.pop()
	if older := s.flight.newest; older != nil {
		older.first = e.first
	}
	s.waiting.under(s.flight)
	s.flight = chain{}
	m.requeue(s, now)
	return append(ends, ending{entry: e, outcome: record.Rejected, why: &record.Rejection{
		Operation: e.Operation.String(), Code: code, Message: message, Attempts: int(e.sends),
	}})
}

// requeue has the rows that wait in a slot sent next, or forgets the slot.
func (m *machine) requeue(s *slot, now time.Time) {
	switch {
	case !s.waiting.empty():
		m.queue(s, now)
	case !s.each:
		s.gone = true
		x := &s.lane.slots
		at := x.find(s.mark[0])
		for x.cells[at].first != s.number {
			at = x.next(at)
		}
		x.remove(at)
	default:
		s.gone = true
		for _, next := range m.turns.leave(s, m.slots) {
			m.queue(next, now)
		}
	}
}

// queue has a slot's rows sent next.
func (m *machine) queue(s *slot, now time.Time) {
	s.since = m.of(now)
	s.lane.fresh.push(s)
	m.enlist(s.lane)
}

// giveBack has rows wait before they are packed again. Newer rows of their
// keys supersede them meanwhile.
func (m *machine) giveBack(slots []*slot, now time.Time) {
	if len(slots) == 0 {
		return
	}
	m.complaint = "the table gives rows back unprocessed: it takes less than it is sent"
	level := 0
	for _, s := range slots {
		s.returns++
		level = max(level, int(s.returns))
		s.waiting.under(s.flight)
		s.flight = chain{}
	}
	m.later.add(delayed{due: now.Add(m.delay(level)), slots: slots})
}

// throttled is a request of which the tables took nothing.
func (m *machine) throttled(r *request, fault *Fault, now time.Time) []ending {
	hot := fault.ofKeys()
	named := slices.ContainsFunc(r.parts, func(p stretch) bool { return fault.names(p.lane.table) })
	for _, p := range r.parts {
		if !hot && (!named || fault.names(p.lane.table)) {
			p.lane.limit.answered(r.sent, 1, now)
		}
	}
	if hot {
		ends, left := m.expire(r, fault, now)
		m.giveBack(left, now)
		return ends
	}
	return m.again(r, fault, now)
}

// again is a request of which nothing was carried out, and that is sent again
// as it is when it has waited.
func (m *machine) again(r *request, fault *Fault, now time.Time) []ending {
	ends, left := m.expire(r, fault, now)
	if len(left) > 0 {
		r.list()
		m.later.add(delayed{due: now.Add(m.delay(r.Attempt)), request: r})
	}
	return ends
}

// expire ends the rows of a request whose deadline has passed, and returns the
// others' slots.
func (m *machine) expire(r *request, fault *Fault, now time.Time) (ends []ending, left []*slot) {
	r.slots = slices.DeleteFunc(r.slots, func(s *slot) bool {
		late := m.expired(s, now)
		if late {
			ends = m.rejected(ends, s, fault.Code, m.late(fault.Message), now)
		}
		return late
	})
	return ends, r.slots
}

// retry is a request that failed in a way that may pass.
func (m *machine) retry(r *request, err error, now time.Time) {
	r.errors++
	r.Doubtful = true
	for _, s := range r.slots {
		s.flight.newest.doubtful = true
	}
	tried := m.cfg.Retry
	late := slices.ContainsFunc(r.slots, func(s *slot) bool { return m.expired(s, now) })
	switch {
	case !m.heard && now.Sub(m.firstSent) >= reach:
		m.fail(fmt.Errorf("no answer within %v of the first request: %w", reach, err))
	case r.errors >= tried.MaxAttempts:
		m.fail(fmt.Errorf("request %d failed %d times (retry.max_attempts), the last time so: %w", r.Number, r.errors, err))
	case late:
		m.fail(fmt.Errorf("request %d still failed when retry.deadline (%v) had passed: %w", r.Number, tried.Deadline, err))
	default:
		m.later.add(delayed{due: now.Add(m.delay(r.Attempt)), request: r})
	}
}

// poisoned is a request that some row of it spoils: the row, if it is alone,
// else each half is sent by itself.
func (m *machine) poisoned(r *request, fault *Fault, now time.Time) []ending {
	if len(r.slots) == 1 {
		return m.rejected(nil, r.slots[0], fault.Code, fault.Message, now)
	}
	m.cfg.Meter.Split()
	half := len(r.slots) / 2
	first := r.parts[0].lane
	second := r.slots[half].lane
	second.due = slices.Insert(second.due, 0, m.part(r, half, len(r.slots)))
	first.due = slices.Insert(first.due, 0, m.part(r, 0, half))
	m.enlist(first)
	m.enlist(second)
	return nil
}

// part is a request of some slots of another one, which it takes the place of.
func (m *machine) part(r *request, from, to int) *request {
	l := newLoad(m.cfg.Caps, 0)
	for _, s := range r.slots[from:to] {
		l.add(s.lane.table, s.flight.newest.actions(), s.flight.newest.part(), 0)
	}
	part := m.request(r.slots[from:to], l.bytes)
	part.Attempt, part.errors = r.Attempt, r.errors
	return part
}

// expired reports that the slot's newest row in flight may not be tried again.
func (m *machine) expired(s *slot, now time.Time) bool {
	return m.cfg.Retry.expired(time.Duration(m.of(now) - s.flight.newest.first))
}

func (m *machine) delay(n int) time.Duration { return m.cfg.Retry.Delay(n, m.cfg.Random()) }

func (m *machine) late(message string) string {
	return fmt.Sprintf("%s (tried until retry.deadline, %v)", message, m.cfg.Retry.Deadline)
}
