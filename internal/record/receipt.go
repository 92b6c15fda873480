package record

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Outcome is how a row ended at a node (promise 1).
type Outcome uint8

// The outcomes a sink can give a row. Rejected goes through Receipt.Reject.
const (
	Written Outcome = iota + 1
	Filtered
	Coalesced
	Rejected
)

// Tally counts the rows of one node. What comes in, is read or is made goes
// out or ends in one of the outcomes; what did neither is unsettled, which is
// counted where it is found and never derived, so that the sum can fail.
type Tally struct {
	In, Read, Made                         atomic.Int64
	Out                                    atomic.Int64
	Written, Filtered, Coalesced, Rejected atomic.Int64
	Unsettled                              atomic.Int64
}

// Count adds n rows that ended in outcome o.
func (t *Tally) Count(o Outcome, n int64) {
	switch o {
	case Written:
		t.Written.Add(n)
	case Filtered:
		t.Filtered.Add(n)
	case Coalesced:
		t.Coalesced.Add(n)
	case Rejected:
		t.Rejected.Add(n)
	default:
		panic(fmt.Sprintf("record: no such outcome %d", o))
	}
}

// Counts is how many rows ended in which way.
type Counts struct {
	Written, Filtered, Coalesced, Rejected int64
}

// Add adds n rows that ended in outcome o.
func (c *Counts) Add(o Outcome, n int64) {
	switch o {
	case Written:
		c.Written += n
	case Filtered:
		c.Filtered += n
	case Coalesced:
		c.Coalesced += n
	case Rejected:
		c.Rejected += n
	default:
		panic(fmt.Sprintf("record: no such outcome %d", o))
	}
}

// Plus is the sum of both.
func (c Counts) Plus(d Counts) Counts {
	return Counts{c.Written + d.Written, c.Filtered + d.Filtered, c.Coalesced + d.Coalesced, c.Rejected + d.Rejected}
}

// Rejection is a row that could not go on, as the dead letter keeps it
// (promise 2).
type Rejection struct {
	Origin Origin
	// Item is the row as a DynamoDB JSON map, {"id":{"S":"1"}}; empty when the
	// input could not be read as a row.
	Item []byte
	// Raw is the input that could not be read as a row.
	Raw []byte
	// Operation is what was attempted: read, expression, PutRequest, ...
	Operation string
	// Code is the service's error code, or one of dynapipe's own.
	Code     string
	Message  string
	Attempts int
}

// Rejecter takes rejected rows: the dead letter. It returns an error when the
// row could not be kept or when the run has had more rejects than it may; the
// caller then stops. It may be called from several goroutines.
type Rejecter interface {
	Reject(node string, r Rejection) error
}

// Receipt is opened when a sink receives a batch. The sink ends every row of
// it exactly once; ending one twice is a defect and panics. It may be used by
// several goroutines, and lives on when the batch is released.
type Receipt struct {
	node     string
	tally    *Tally
	rejecter Rejecter
	origins  Origins
	settled  func(*Receipt)

	mu     sync.Mutex
	ended  []uint64
	open   int
	counts Counts
	// later has the rows that Split has taken away; nil when none.
	later *Receipt
	moved []uint64
}

// NewReceipt opens a receipt for the rows of a batch at a node. settled, which
// may be nil, is called once, when the last row has ended.
func NewReceipt(node string, t *Tally, origins Origins, r Rejecter, settled func(*Receipt)) *Receipt {
	n := origins.Len()
	return &Receipt{
		node: node, tally: t, rejecter: r, origins: origins, settled: settled,
		ended: make([]uint64, (n+63)/64), open: n,
	}
}

// Origin is where a row of the batch came from.
func (r *Receipt) Origin(row int) Origin { return r.origins.At(row) }

// Open is the number of rows that have not ended.
func (r *Receipt) Open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// Counts is how the rows that have ended did. Those that Split took are not
// among them.
func (r *Receipt) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Split takes rows that have not ended out of the receipt and into a new one,
// which it returns. Whoever holds r goes on to end them on r. settled is for the
// new receipt what it was for r, and rejecter too. A later Split of a receipt
// takes all of the rows that the one before took and that have not ended, or
// none of them.
func (r *Receipt) Split(rows []int, rejecter Rejecter, settled func(*Receipt)) *Receipt {
	r.mu.Lock()
	if r.later != nil && isSet(r.moved, rows[0]) {
		later := r.later
		r.mu.Unlock()
		return later.Split(rows, rejecter, settled)
	}
	later := NewReceipt(r.node, r.tally, r.origins, rejecter, settled)
	later.open = len(rows)
	moved := make([]uint64, len(r.ended))
	for _, row := range rows {
		if isSet(r.ended, row) {
			panic(fmt.Sprintf("record: row %d of a batch is held at %s, where it has ended", row, r.node))
		}
		set(r.ended, row) // it can't end here as well
		set(moved, row)
	}
	for word := range later.ended {
		later.ended[word] = ^moved[word]
	}
	r.later, r.moved = later, moved
	r.open -= len(rows)
	done := r.open == 0
	r.mu.Unlock()
	if done && r.settled != nil {
		r.settled(r)
	}
	return later
}

// holder is the receipt that the row ends on.
func (r *Receipt) holder(row int) *Receipt {
	for {
		r.mu.Lock()
		if r.later == nil || !isSet(r.moved, row) {
			r.mu.Unlock()
			return r
		}
		later := r.later
		r.mu.Unlock()
		r = later
	}
}

// End ends a row as written, filtered or coalesced.
func (r *Receipt) End(row int, o Outcome) {
	r.mu.Lock()
	if r.later != nil && isSet(r.moved, row) {
		later := r.later
		r.mu.Unlock()
		later.End(row, o)
		return
	}
	r.mark(row)
	r.tally.Count(o, 1)
	r.counts.Add(o, 1)
	done := r.open == 0
	r.mu.Unlock()
	if done && r.settled != nil {
		r.settled(r)
	}
}

// EndEach is End for several rows, which costs less than one after the other.
func (r *Receipt) EndEach(rows []int, o Outcome) {
	r.mu.Lock()
	later, moved, before := r.later, r.moved, r.open
	for _, row := range rows {
		if later == nil || !isSet(moved, row) {
			r.mark(row)
		}
	}
	n := int64(before - r.open)
	r.tally.Count(o, n)
	r.counts.Add(o, n)
	done := n > 0 && r.open == 0
	r.mu.Unlock()
	if done && r.settled != nil {
		r.settled(r)
	}
	if int(n) == len(rows) {
		return
	}
	for _, row := range rows {
		if isSet(moved, row) {
			later.End(row, o)
		}
	}
}

// EndAll ends every row of the batch with one outcome.
func (r *Receipt) EndAll(o Outcome) {
	r.mu.Lock()
	for row := range r.origins.Len() {
		r.mark(row)
	}
	r.tally.Count(o, int64(r.origins.Len()))
	r.counts.Add(o, int64(r.origins.Len()))
	r.mu.Unlock()
	if r.settled != nil {
		r.settled(r)
	}
}

// Reject ends a row in the dead letter. When the dead letter can't take it the
// row stays open and the sink stops with the error. The origin is filled in.
func (r *Receipt) Reject(row int, why Rejection) error {
	r = r.holder(row)
	why.Origin = r.origins.At(row)
	if err := r.rejecter.Reject(r.node, why); err != nil {
		return err
	}
	r.End(row, Rejected)
	return nil
}

func (r *Receipt) mark(row int) {
	if isSet(r.ended, row) {
		panic(fmt.Sprintf("record: row %d of a batch ended twice at %s", row, r.node))
	}
	set(r.ended, row)
	r.open--
}

func isSet(bits []uint64, i int) bool { return bits[i/64]&(1<<(i%64)) != 0 }

func set(bits []uint64, i int) { bits[i/64] |= 1 << (i % 64) }
