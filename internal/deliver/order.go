package deliver

import (
	"container/heap"
	"time"
)

// entry is a row that the core holds.
type entry struct {
	Row
	older *entry // the row that this one supersedes
	slot  *slot
	first instant // when it was first sent, or the one that it stands in for
	sends int32
	// doubtful says that an attempt failed that may have been carried out.
	doubtful bool
}

// chain is rows of one key in the order they came, to be sent as one: the
// newest. The zero chain is empty.
type chain struct{ newest, oldest *entry }

func (c *chain) empty() bool { return c.newest == nil }

func (c *chain) push(e *entry) {
	e.older = c.newest
	c.newest = e
	if c.oldest == nil {
		c.oldest = e
	}
}

// pop takes the newest row off.
func (c *chain) pop() *entry {
	e := c.newest
	c.newest = e.older
	e.older = nil
	if c.newest == nil {
		c.oldest = nil
	}
	return e
}

// under puts rows that came earlier below those of c.
func (c *chain) under(earlier chain) {
	switch {
	case earlier.empty():
	case c.empty():
		*c = earlier
	default:
		c.oldest.older = earlier.newest
		c.oldest = earlier.oldest
	}
}

// slot is one key that rows are held for. Either flight is empty and the slot
// stands in one queue, or its newest row is part of one request: so a key is
// in flight at most once and in a request at most once.
type slot struct {
	lane    *lane
	flight  chain
	waiting chain
	own     entry   // room for the first row: most keys come once
	mark    [1]Mark // of the key
	since   instant // when it joined the queue
	number  int32   // by which the machine finds it
	returns int32   // how often the service gave the row back
	held    int32   // rows of it that have not been released
	blocked int32   // at how many of its marks another row comes first
	gone    bool    // no row of it is left to be sent
	each    bool    // its row is sent in any case, and is the only one
}

// key is that of the slot's rows.
func (s *slot) key() string {
	if s.waiting.empty() {
		return s.flight.newest.Key
	}
	return s.waiting.newest.Key
}

// marks are of the items of a slot's only row.
func (s *slot) marks() []Mark {
	if s.own.Marks != nil {
		return s.own.Marks
	}
	return s.mark[:]
}

// queue is slots in the order they joined.
type queue struct {
	slots []*slot
	head  int
}

func (q *queue) len() int { return len(q.slots) - q.head }

func (q *queue) at(i int) *slot { return q.slots[q.head+i] }

func (q *queue) push(s *slot) { q.slots = append(q.slots, s) }

// take moves the first n to the end of dst.
func (q *queue) take(dst []*slot, n int) []*slot {
	dst = append(dst, q.slots[q.head:q.head+n]...)
	q.drop(n)
	return dst
}

// drop takes the first n off. The space before them is reused once it is
// half of the whole.
func (q *queue) drop(n int) {
	clear(q.slots[q.head : q.head+n])
	q.head += n
	if q.head > len(q.slots)/2 {
		rest := copy(q.slots, q.slots[q.head:])
		clear(q.slots[rest:])
		q.slots, q.head = q.slots[:rest], 0
	}
}

// delayed is what waits for a moment: slots to be packed, or a request to be
// sent, again.
type delayed struct {
	due     time.Time
	slots   []*slot
	request *request
}

// agenda is what waits for a moment, the soonest first.
type agenda []delayed

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(delayed)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	(*a)[last] = delayed{}
	*a = (*a)[:last]
	return d
}

func (a *agenda) add(d delayed) { heap.Push(a, d) }

// take is the soonest, if its moment has come.
func (a *agenda) take(now time.Time) (delayed, bool) {
	if len(*a) == 0 || (*a)[0].due.After(now) {
		return delayed{}, false
	}
	return heap.Pop(a).(delayed), true
}

// next is the soonest moment; zero when nothing waits.
func (a agenda) next() time.Time {
	if len(a) == 0 {
		return time.Time{}
	}
	return a[0].due
}

// instant is a moment as a machine counts them, from just before the first one
// that it was told. The zero instant is none.
type instant int64

// of is the instant of a moment.
func (m *machine) of(now time.Time) instant {
	if m.began.IsZero() {
		m.began = now.Add(-1)
	}
	return instant(now.Sub(m.began))
}

// moment is when an instant was.
func (m *machine) moment(i instant) time.Time { return m.began.Add(time.Duration(i)) }
