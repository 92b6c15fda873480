package delivery

import (
	"fmt"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// deadLetter keeps what is rejected.
type deadLetter struct {
	mu   sync.Mutex
	kept map[int64]string
}

func (d *deadLetter) Reject(_ string, r record.Rejection) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept[r.Origin.Seq] = string(r.Item)
	return nil
}

// Rejected rows are in the dead letter as they came (promise 2), whether their
// batch is still there or was given up for others; and a batch is retained as
// long as it may be needed, and no longer.
func TestRowsAreRejectedAsTheyCame(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	dead := &deadLetter{kept: map[int64]string{}}
	var tally record.Tally
	const batches, length = 5, 70
	shelf := &Shelf{Max: 12 << 10} // two of them
	text := func(n int) string { return fmt.Sprintf(`{"id":{"S":"%d"},"n":{"N":"%d"}}`, n, n*n) }
	var all []*Rows
	for i := range batches {
		var rows []string
		for row := range length {
			rows = append(rows, text(i*length+row))
		}
		b := sinktest.Batch(t, mem, i*length, rows)
		r := shelf.Add(NewPage(b), record.NewReceipt("node", &tally, b.Origins(), dead, nil))
		b.Release()
		for row := 0; row < length; row += 2 { // half of them end while others come
			r.EndEach([]int{row}, record.Written)
		}
		all = append(all, r)
	}
	if given := all[0].page == nil && all[1].page == nil; !given || all[batches-1].page == nil || shelf.bytes > shelf.Max {
		t.Errorf("first batches given up: %v, last there: %v, %d bytes retained", given, all[batches-1].page != nil, shelf.bytes)
	}
	if n := len(all[0].items); n != length/2 {
		t.Errorf("%d rows were kept of a batch of which %d had not ended", n, length/2)
	}
	var group sync.WaitGroup
	for _, r := range all {
		group.Go(func() {
			for row := 1; row < length; row += 2 {
				if err := r.Reject(row, record.Rejection{Code: "Code"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if w, r := tally.Written.Load(), tally.Rejected.Load(); w != batches*length/2 || r != batches*length/2 {
		t.Errorf("%d written, %d rejected", w, r)
	}
	for n := range int64(batches * length) {
		if want := text(int(n)); n%length%2 == 1 && dead.kept[n] != want {
			t.Errorf("row %d is %q in the dead letter, want %s", n, dead.kept[n], want)
		}
	}
	if shelf.bytes != 0 || shelf.rows.Len() != 0 {
		t.Errorf("%d bytes of %d batches are retained when all rows have ended", shelf.bytes, shelf.rows.Len())
	}
}

// What has not ended when a sink is closed is not retained.
func TestClosedShelfRetainsNothing(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	var shelf Shelf
	b := sinktest.Batch(t, mem, 0, []string{`{"id":{"S":"1"}}`})
	defer b.Release()
	shelf.Add(NewPage(b), record.NewReceipt("node", &record.Tally{}, b.Origins(), nil, nil))
	empty := sinktest.Batch(t, mem, 1, nil)
	defer empty.Release()
	shelf.Add(NewPage(empty), record.NewReceipt("node", &record.Tally{}, empty.Origins(), nil, nil))
	shelf.Close()
	shelf.Close()
}
