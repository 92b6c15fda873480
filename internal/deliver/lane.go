package deliver

import (
	"slices"
	"time"
)

// calm is how long after its last push back a table counts as held back.
const calm = 10 * time.Second

// lane is what belongs to one table: what waits to be sent to it, and how much
// may be in flight. A table that pushes back slows its own lane only.
type lane struct {
	table    string
	fresh    queue      // slots whose rows have not been sent
	again    queue      // slots whose rows came back, and have waited
	due      []*request // to be sent as soon as limit and budget allow
	limit    limiter
	pace     pace
	pushed   time.Time // when the table last gave much back
	inFlight int       // requests with rows of this lane
	listed   bool      // stands in the machine's list of busy lanes
}

// idle reports that nothing waits to be sent.
func (l *lane) idle() bool { return len(l.due) == 0 && l.again.len() == 0 && l.fresh.len() == 0 }

// open reports whether the table may be sent another request. If not, at is
// when it may; zero means that it depends on an answer.
func (l *lane) open(now time.Time) (at time.Time, ok bool) {
	if l.inFlight >= l.limit.allowed() {
		return time.Time{}, false
	}
	return l.pace.open(now)
}

// held reports that the table is sent less than could be, or was of late. Its
// rows then share no request with those of other tables, which would wait for it.
func (l *lane) held(now time.Time) bool {
	return l.pace.paced() || !l.pushed.IsZero() && now.Sub(l.pushed) < calm
}

// steer tells limit and pace how many of a request's units the table took and
// how many it gave back.
func (l *lane) steer(sent time.Time, took, back float64, now time.Time) {
	l.pace.answered(took, back, now)
	share := back / (took + back)
	l.limit.answered(sent, share, l.pace.usual, now)
	if share > 0.5 || share > 0 && l.limit.share > l.pace.usual+noise {
		l.pushed = now
	}
}

// portion is how many slots of a lane's queues are to be packed.
type portion struct {
	lane         *lane
	again, fresh int
}

// fill loads slots from the heads of the lane's queues. Rows that came back
// have half of a request to themselves, and what others leave: keys that are
// given back again and again don't keep others waiting, nor others them.
func (l *lane) fill(load *load, factor float64) portion {
	p := portion{lane: l, again: l.again.fit(load, factor, 0, (load.caps.Items+1)/2)}
	p.fresh = l.fresh.fit(load, factor, 0, l.fresh.len())
	if p.fresh == l.fresh.len() {
		p.again = l.again.fit(load, factor, p.again, l.again.len())
	}
	return p
}

// fit loads slots, from one to before another, and is up to which they fit.
func (q *queue) fit(l *load, factor float64, from, to int) int {
	to = min(to, q.len())
	for n := from; n < to; n++ {
		s := q.at(n)
		row := &s.waiting.newest.Row
		if !l.add(s.table, len(row.Body), row.Units*factor) {
			return n
		}
	}
	return max(from, to)
}

// all reports that the portion is all that waits.
func (p *portion) all() bool { return p.again == p.lane.again.len() && p.fresh == p.lane.fresh.len() }

// oldest is since when the first slot of the lane has waited.
func (l *lane) oldest() time.Time {
	var at time.Time
	for _, q := range []*queue{&l.again, &l.fresh} {
		if q.len() > 0 {
			at = sooner(at, q.at(0).since)
		}
	}
	return at
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
	l := m.lanes[table]
	if l == nil {
		l = &lane{table: table, limit: newLimiter(m.cfg.Concurrency)}
		m.lanes[table] = l
	}
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
		for _, part := range m.byTable(r) {
			to := part.parts[0].lane
			to.due = slices.Insert(to.due, 0, part)
			m.enlist(to)
		}
	}
	m.trim(l)
	return l.due[0], time.Time{}
}

// trim divides the lane's next request when the table has come to be paced so
// slowly that it is too large.
func (m *machine) trim(l *lane) {
	r := l.due[0]
	load := newLoad(m.cfg.Caps, l.pace.room())
	for n, s := range r.slots {
		row := &s.flight.newest.Row
		if !load.add(s.table, len(row.Body), row.Units*m.costs.factor(s.table)) {
			l.due = slices.Replace(l.due, 0, 1, m.part(r, 0, n), m.part(r, n, len(r.slots)))
			return
		}
	}
}

// mismatched reports that the tables of a request can't be sent to together.
func (m *machine) mismatched(r *request, now time.Time) bool {
	return len(r.parts) > 1 && slices.ContainsFunc(r.parts, func(p stretch) bool {
		_, open := p.lane.open(now)
		return !open || p.lane.held(now)
	})
}

// byTable makes a request for each table of one that has several.
func (m *machine) byTable(r *request) []*request {
	if len(r.parts) == 1 {
		return []*request{r}
	}
	parts := make([]*request, len(r.parts))
	for i, p := range r.parts {
		parts[i] = m.part(r, p.from, p.to)
	}
	return parts
}

// pack makes a request of the slots at the head of a lane's queues, and of
// other lanes' where there is room and none is held back. One that could hold
// more waits a moment for more, until at.
func (m *machine) pack(first *lane, now time.Time) (at time.Time, packed bool) {
	room, at, ok := m.budget.room(now)
	if !ok {
		return at, false
	}
	if most := first.pace.room(); most > 0 && (room == 0 || most < room) {
		room = most
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
		oldest = sooner(oldest, mate.oldest())
		portions = append(portions, p)
	}
	m.portions = portions
	if load.items == 0 {
		return time.Time{}, false
	}
	if !whole && !load.full() && m.waiting == 0 && m.flushing == 0 {
		if at := oldest.Add(linger); at.After(now) {
			return at, false
		}
	}
	slots := make([]*slot, 0, load.items)
	for i := range portions {
		slots = portions[i].take(slots)
	}
	first.due = append(first.due, m.request(slots, load.bytes))
	return time.Time{}, true
}
