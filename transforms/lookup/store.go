package lookup

import (
	"sync"
	"sync/atomic"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/record"
)

// cacheBytes bounds the memory of the cache, however many items it may have
// (promise 6).
const cacheBytes = 64 << 20

// store knows the entries that are being asked for, so that no key is asked for
// twice at a time, and those that the cache keeps. It is used by several
// goroutines.
type store struct {
	most     int // entries to keep
	maxBytes int

	mu      sync.Mutex
	entries map[string]*entry
	kept    int
	bytes   int // of the entries that are kept
	// used is a ring of those, the one used last after it.
	used entry
}

// entry is a key that is asked for, or in a transaction the keys of a row, and
// what was found. It is the core's row and its receipt.
type entry struct {
	store  *store
	id     string
	at     *record.Origins // of the row that asked first
	row    int
	target []*target // by item

	// What was found, once it is done: by item, nil where there is none.
	items [][]byte
	one   [1][]byte // room for one
	// failed says that nothing was found out, and why.
	failed bool
	why    record.Rejection

	done       bool       // guarded by the store
	waiters    []*waiting // likewise
	prev, next *entry     // in the ring of those that are kept
}

var _ deliver.Receipt = (*entry)(nil)

// waiting counts the entries that somebody waits for.
type waiting struct {
	open atomic.Int32
	done chan struct{} // closed when none is open any more
}

// newWaiting has one open, so that it is not done before ready.
func newWaiting() *waiting {
	w := &waiting{done: make(chan struct{})}
	w.open.Store(1)
	return w
}

// ready says that nothing is added any more.
func (w *waiting) ready() { w.arrived() }

func (w *waiting) arrived() {
	if w.open.Add(-1) == 0 {
		close(w.done)
	}
}

func newStore(most, maxBytes int) *store {
	s := &store{most: most, maxBytes: maxBytes, entries: map[string]*entry{}}
	s.used.prev, s.used.next = &s.used, &s.used
	return s
}

// get is the entry of that id. One that is not done is added to what w waits
// for; fresh says that it is new, and to be asked for by the caller.
func (s *store) get(id []byte, w *waiting) (e *entry, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e = s.entries[string(id)]
	switch {
	case e == nil:
		e, fresh = &entry{store: s, id: string(id)}, true
		s.entries[e.id] = e
	case e.done:
		s.unlink(e)
		s.link(e)
		return e, false
	}
	if n := len(e.waiters); n == 0 || e.waiters[n-1] != w {
		e.waiters = append(e.waiters, w)
		w.open.Add(1)
	}
	return e, fresh
}

// finish is told that an entry is done. It is kept or forgotten.
func (s *store) finish(e *entry) {
	s.mu.Lock()
	e.done = true
	waiters := e.waiters
	e.waiters = nil
	if s.most == 0 || e.failed {
		delete(s.entries, e.id)
	} else {
		s.link(e)
		s.kept++
		s.bytes += e.size()
		for s.kept > s.most || s.bytes > s.maxBytes {
			s.evict(s.used.next)
		}
	}
	s.mu.Unlock()
	for _, w := range waiters {
		w.arrived()
	}
}

func (s *store) evict(e *entry) {
	s.unlink(e)
	delete(s.entries, e.id)
	s.kept--
	s.bytes -= e.size()
}

// link puts an entry last, as the one used last.
func (s *store) link(e *entry) {
	e.prev, e.next = s.used.prev, &s.used
	e.prev.next, e.next.prev = e, e
}

func (s *store) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}

// size is roughly the memory that an entry takes.
func (e *entry) size() int {
	const bookkeeping = 512
	n := bookkeeping + len(e.id)
	for _, item := range e.items {
		n += len(item)
	}
	return n
}

// EndEach is told by the core that the key was asked for.
func (e *entry) EndEach([]int, record.Outcome) { e.store.finish(e) }

// Reject is told by the core that asking is in vain. The rows that want the item
// are rejected, each by itself.
func (e *entry) Reject(_ int, why record.Rejection) error {
	e.failed, e.why = true, why
	e.store.finish(e)
	return nil
}

// Origin is that of the row that asked first.
func (e *entry) Origin(int) record.Origin { return e.at.At(e.row) }

// fail is for what was found and can't be used.
func (e *entry) fail(code, message string) {
	e.failed, e.why = true, record.Rejection{Code: code, Message: message, Attempts: 1}
}
