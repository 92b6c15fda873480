package delivery

import (
	"container/list"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Rows are those of a batch on their way. They are their own receipt, and know
// what a row was like, for the dead letter: nearly every row is written, and
// needs no copy for that.
type Rows struct {
	receipt *record.Receipt
	shelf   *Shelf
	at      *list.Element // on the shelf; nil when not there
	bytes   int

	mu    sync.Mutex
	page  *Page          // of the batch; nil when it was released
	ended []uint64       // a bit a row
	open  int            // rows that have not ended
	items map[int][]byte // of rows that were open when the batch was given up
}

var _ deliver.Receipt = (*Rows)(nil)

// EndEach ends rows as written, filtered or coalesced.
func (r *Rows) EndEach(rows []int, o record.Outcome) {
	r.done(rows...)
	r.receipt.EndEach(rows, o)
}

// Reject ends a row in the dead letter, as it was when it came.
func (r *Rows) Reject(row int, why record.Rejection) error {
	why.Item = r.Item(row)
	if err := r.receipt.Reject(row, why); err != nil {
		return err
	}
	r.done(row)
	return nil
}

// Origin is where a row came from.
func (r *Rows) Origin(row int) record.Origin { return r.receipt.Origin(row) }

// Receipt is that of the batch.
func (r *Rows) Receipt() *record.Receipt { return r.receipt }

// Item is a row that has not ended as a DynamoDB JSON map.
func (r *Rows) Item(row int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(nil, row)
}

func (r *Rows) append(dst []byte, row int) []byte {
	if r.page == nil {
		return append(dst, r.items[row]...)
	}
	return r.page.Items.AppendRow(dst, row)
}

// AppendItems appends the first of some rows, as far as they are these, with
// between after each but the last, and says how many.
func (r *Rows) AppendItems(dst []byte, rows []*deliver.Row, between string) ([]byte, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, row := range rows {
		if row.Receipt != deliver.Receipt(r) || row.Body != nil || row.Table != rows[0].Table {
			return dst, i
		}
		if i > 0 {
			dst = append(dst, between...)
		}
		dst = r.append(dst, row.Index)
	}
	return dst, len(rows)
}

// done forgets rows, and the batch with the last one.
func (r *Rows) done(rows ...int) {
	r.mu.Lock()
	for _, row := range rows {
		r.ended[row/64] |= 1 << (row % 64)
	}
	r.open -= len(rows)
	last := r.open == 0
	if last {
		r.release()
	}
	r.mu.Unlock()
	if last {
		r.shelf.remove(r)
	}
}

// giveUp releases the batch, and keeps the rows that have not ended.
func (r *Rows) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.page == nil {
		return
	}
	r.items = make(map[int][]byte, r.open)
	var arena Arena
	var text []byte
	for row := range r.page.Batch.Rows() {
		if r.ended[row/64]&(1<<(row%64)) == 0 {
			text = r.page.Items.AppendRow(text[:0], row)
			r.items[row] = arena.Keep(text)
		}
	}
	r.release()
}

func (r *Rows) release() {
	if r.page != nil {
		r.page.Batch.Release()
		r.page = nil
	}
}

// MaxShelf is the memory of batches that a Shelf retains: a good deal more than
// usual rows that are in flight take.
const MaxShelf = 8 << 20

// Shelf has the batches of which rows are on their way, of Max bytes at most
// and the last one (promise 6). Its zero value is empty, for MaxShelf bytes.
type Shelf struct {
	Max int

	mu    sync.Mutex
	rows  list.List // of *Rows, in the order they came
	bytes int
}

// Add is the rows of a page, whose batch it retains.
func (s *Shelf) Add(p *Page, receipt *record.Receipt) *Rows {
	b, n := p.Batch, p.Batch.Rows()
	r := &Rows{receipt: receipt, shelf: s, ended: make([]uint64, (n+63)/64), open: n}
	if n == 0 {
		return r
	}
	b.Retain()
	r.page, r.bytes = p, size(b)
	for _, old := range s.add(r) {
		old.giveUp()
	}
	return r
}

// add puts rows at the end and takes off those for which there is no room.
func (s *Shelf) add(r *Rows) (off []*Rows) {
	most := s.Max
	if most == 0 {
		most = MaxShelf
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.at = s.rows.PushBack(r)
	s.bytes += r.bytes
	for s.bytes > most && s.rows.Len() > 1 {
		old := s.rows.Front().Value.(*Rows)
		s.take(old)
		off = append(off, old)
	}
	return off
}

func (s *Shelf) remove(r *Rows) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.at != nil {
		s.take(r)
	}
}

func (s *Shelf) take(r *Rows) {
	s.rows.Remove(r.at)
	r.at = nil
	s.bytes -= r.bytes
}

// Close releases every batch. No row ends afterwards.
func (s *Shelf) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.rows.Len() > 0 {
		r := s.rows.Front().Value.(*Rows)
		s.take(r)
		r.mu.Lock()
		r.release()
		r.mu.Unlock()
	}
}

// size is the memory that a batch pins.
func size(b *record.Batch) int {
	const bookkeeping = 4 << 10
	n := bookkeeping
	for i := range b.Columns() {
		n += sizeOf(b.Column(i).Values)
	}
	if o := b.OverflowArray(); o != nil {
		n += sizeOf(o)
	}
	return n
}

func sizeOf(a arrow.Array) (n int) {
	for _, buffer := range a.Data().Buffers() {
		if buffer != nil {
			n += buffer.Cap()
		}
	}
	return n
}
