package deliver

import (
	"math"
	"slices"
	"time"
)

// calm is how long after its last push back a table counts as held back.
const calm = 10 * time.Second

// lane is what belongs to one table: what waits to be sent to it, and how much
// may be in flight. A table that pushes back slows its own lane only.
type lane struct {
	table    string
	slots    index      // numbers by the keys' marks, of rows that may be sent once for several
	fresh    queue      // slots whose rows have not been sent
	again    queue      // slots whose rows came back, and have waited
	due      []*request // to be sent as soon as limit and budget allow
	limit    limiter
	inFlight int  // requests with rows of this lane
	full     bool // as many were in flight as may be, and not yet few enough again
	listed   bool // stands in the machine's list of busy lanes
}

// idle reports that nothing waits to be sent.
func (l *lane) idle() bool { return len(l.due) == 0 && l.again.len() == 0 && l.fresh.len() == 0 }

// open reports whether the table may be sent another request. If not, at is
// when it may; zero means that it depends on an answer.
func (l *lane) open(now time.Time) (at time.Time, ok bool) {
	switch {
	case l.awaits():
		l.full = true
		return time.Time{}, false
	case now.Before(l.limit.resumes):
		return l.limit.resumes, false
	}
	l.full = false
	return time.Time{}, true
}

// awaits reports that the table may not be sent another request before one in
// flight is answered.
func (l *lane) awaits() bool {
	return l.inFlight >= l.limit.allowed() || l.full && l.inFlight > l.limit.refill()
}

// held reports that the table pushed back of late. Its rows then share no
// request with those of other tables, which would wait for it.
func (l *lane) held(now time.Time) bool {
	return !l.limit.pushed.IsZero() && now.Sub(l.limit.pushed) < calm
}

// portion is how many slots of a lane's queues are to be packed.
type portion struct {
	lane         *lane
	again, fresh int
}

// fill loads slots from the heads of the lane's queues.
func (l *lane) fill(load *load, factor float64) portion {
	p := portion{lane: l, again: l.again.fit(load, factor)}
	if p.again == l.again.len() {
		p.fresh = l.fresh.fit(load, factor)
	}
	return p
}

// fit is how many slots from the head of the queue the load takes.
func (q *queue) fit(l *load, factor float64) int {
	for n := range q.len() {
		s := q.at(n)
		row := &s.waiting.newest.Row
		if !l.add(s.lane.table, row.actions(), row.part(), row.Units*factor) {
			return n
		}
	}
	return q.len()
}

// all reports that the portion is all that waits.
func (p *portion) all() bool { return p.again == p.lane.again.len() && p.fresh == p.lane.fresh.len() }

// oldest is since when the first slot of the lane has waited.
func (l *lane) oldest() instant {
	at := instant(math.MaxInt64)
	for _, q := range []*queue{&l.again, &l.fresh} {
		if q.len() > 0 {
			at = min(at, q.at(0).since)
		}
	}
	return at
}

// find is the slot of a key; nil when no row of it is held.
func (m *machine) find(l *lane, key string, mark Mark) *slot {
	for at := l.slots.find(mark); at >= 0; at = l.slots.next(at) {
		if s := m.slots[l.slots.cells[at].first]; s.key() == key {
			return s
		}
	}
	return nil
}

// take moves the portion's slots to a request that is being made: their rows
// are in flight from now on.
func (p *portion) take(dst []*slot) []*slot {
	from := len(dst)
	dst = p.lane.again.take(dst, p.again)
	dst = p.lane.fresh.take(dst, p.fresh)
	for _, s := range dst[from:] {
		s.flight, s.waiting = s.waiting, chain{}
	}
	return dst
}

// stretch is the slots of one lane in a request.
type stretch struct {
	lane     *lane
	from, to int
}

// lane is that of a table. There is one for each table that rows name.
func (m *machine) lane(table string) *lane {
	if m.recent != nil && m.recent.table == table {
		return m.recent
	}
	l := m.lanes[table]
	if l == nil {
		l = &lane{table: table, limit: newLimiter(m.cfg.Concurrency)}
		m.lanes[table] = l
	}
	m.recent = l
	return l
}

// enlist has the machine look at a lane to which something was added.
func (m *machine) enlist(l *lane) {
	if !l.listed {
		l.listed = true
		m.busy = append(m.busy, l)
	}
}

// delist forgets the busy lane at i until something is added to it.
func (m *machine) delist(i int) {
	m.busy[i].listed = false
	m.busy = slices.Delete(m.busy, i, i+1)
}

// candidate is the lane's next request, which stands first in due. Without one,
// at is when to ask again.
func (m *machine) candidate(l *lane, now time.Time) (r *request, at time.Time) {
	if at, open := l.open(now); !open {
		return nil, at
	}
	if len(l.due) == 0 {
		if at, packed := m.pack(l, now); !packed {
			return nil, at
		}
	}
	if r := l.due[0]; m.mismatched(r, now) {
		l.due = slices.Delete(l.due, 0, 1)
		m.apart(r)
	}
	return l.due[0], time.Time{}
}

// mismatched reports that the tables of a request can't be sent to together.
func (m *machine) mismatched(r *request, now time.Time) bool {
	return len(r.parts) > 1 && slices.ContainsFunc(r.parts, func(p stretch) bool {
		_, open := p.lane.open(now)
		return !open || p.lane.held(now)
	})
}

// apart makes a request for each table of one that has several.
func (m *machine) apart(r *request) {
	for _, p := range r.parts {
		part := m.part(r, p.from, p.to)
		p.lane.due = slices.Insert(p.lane.due, 0, part)
		m.enlist(p.lane)
	}
}

// moreMayCome reports that rows may be added to a request by waiting: more are
// being submitted, or nobody waits for those that are there.
func (m *machine) moreMayCome() bool {
	return m.waiting == 0 && (m.flushing == 0 || m.submitting > 0)
}

// pack makes a request of the slots at the head of a lane's queues, and of
// other lanes' where there is room and none is held back. One that could hold
// more waits a moment for more, until at.
func (m *machine) pack(first *lane, now time.Time) (at time.Time, packed bool) {
	room, at, ok := m.budget.room(m.whole, now)
	if !ok {
		return at, false
	}
	load := newLoad(m.cfg.Caps, room)
	portions := append(m.portions[:0], first.fill(&load, m.costs.factor(first.table)))
	whole := !portions[0].all()
	oldest := first.oldest()
	for i := 0; i < len(m.busy) && !whole && !load.full() && !first.held(now); i++ {
		mate := m.busy[i]
		if _, open := mate.open(now); mate == first || !open || mate.held(now) || len(mate.due) > 0 {
			continue
		}
		p := mate.fill(&load, m.costs.factor(mate.table))
		whole = !p.all()
		oldest = min(oldest, mate.oldest())
		portions = append(portions, p)
	}
	m.portions = portions
	if load.items == 0 {
		return time.Time{}, false
	}
	if !whole && !load.full() && m.moreMayCome() {
		if at := m.moment(oldest).Add(linger); at.After(now) {
			return at, false
		}
	}
	r := m.blank()
	r.Bytes = load.bytes
	for i := range portions {
		r.slots = portions[i].take(r.slots)
	}
	r.list()
	if load.full() {
		m.whole = load.units
	}
	first.due = append(first.due, r)
	return time.Time{}, true
}
