package record_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

func origins(n int) record.Origins {
	o := record.Origins{Place: &record.Place{Source: "source.csv.a", Files: []string{"a.csv", "b.csv"}, Segment: -1}}
	for i := range n {
		o.Pos = append(o.Pos, record.Pos{File: int32(i % 2), Line: int64(i + 2), Seq: int64(i)})
	}
	return o
}

func texts(mem memory.Allocator, values ...string) *array.String {
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.AppendValues(values, nil)
	return b.NewStringArray()
}

func TestBatchSharesAndReleasesItsColumns(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	values := texts(mem, "x", "y")
	b := record.New([]record.Column{{Name: "a", Type: record.String, Values: values, Nulls: []byte{2}}}, nil, origins(2))
	values.Release()
	b.Retain()
	b.Release()
	c, ok := b.Lookup("a")
	if !ok || c.Text(1) != "y" || c.Null(0) || !c.Null(1) || c.Absent(0) {
		t.Errorf("column %+v", c)
	}
	if _, ok := b.Lookup("b"); ok || b.Rows() != 2 || b.Columns() != 1 || b.HasOverflow() || b.Overflow(0) != nil {
		t.Error("the batch has what it was not given")
	}
	b.Release()
}

func TestBatchRefusesWhatIsNone(t *testing.T) {
	mem := memory.NewGoAllocator()
	one, two := texts(mem, "x"), texts(mem, "x", "y")
	for name, columns := range map[string][]record.Column{
		"a name twice":   {{Name: "a", Type: record.String, Values: one}, {Name: "a", Type: record.String, Values: one}},
		"too many rows":  {{Name: "a", Type: record.String, Values: two}},
		"another length": {{Name: "a", Type: record.String, Values: one}, {Name: "b", Type: record.String, Values: two}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			record.New(columns, nil, origins(1))
		})
	}
}

func TestCellsComeBackAsTheyWereAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.String()).Draw(t, "names")
		values := make([][]byte, len(names))
		var cell []byte
		for i, name := range names {
			values[i] = rapid.SliceOf(rapid.Byte()).Draw(t, "value")
			cell = record.AppendCell(cell, name, values[i])
		}
		i := 0
		for name, value := range record.Cells(cell) {
			if name != names[i] || string(value) != string(values[i]) {
				t.Fatalf("attribute %d is %q = %x", i, name, value)
			}
			i++
		}
		if i != len(names) {
			t.Fatalf("%d attributes of %d", i, len(names))
		}
	})
}

func TestOrigins(t *testing.T) {
	o := origins(3)
	if got := o.At(1).String(); got != "b.csv:3" {
		t.Error(got)
	}
	if got := o.Select([]int{2, 0}); got.Len() != 2 || got.At(0).Line != 4 || got.At(1).Line != 2 {
		t.Errorf("%+v", got)
	}
	for want, o := range map[string]record.Origin{
		"a.json, row 3":                        {File: "a.json", Seq: 2, Segment: -1},
		"source.dynamodb.s, segment 4, item 1": {Source: "source.dynamodb.s", Segment: 4},
		"source.x.y, row 8":                    {Source: "source.x.y", Segment: -1, Seq: 7},
	} {
		if got := o.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// keeper is a dead letter.
type keeper struct {
	mu   sync.Mutex
	kept []record.Rejection
	err  error
}

func (k *keeper) Reject(_ string, r record.Rejection) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.kept = append(k.kept, r)
	}
	return k.err
}

func TestReceiptEndsEachRowOnce(t *testing.T) {
	var tally record.Tally
	var dead keeper
	settled := 0
	r := record.NewReceipt("sink.a.b", &tally, origins(130), &dead, func(*record.Receipt) { settled++ })
	var group sync.WaitGroup
	for row := range 129 {
		group.Go(func() {
			switch row % 3 {
			case 0:
				r.End(row, record.Written)
			case 1:
				r.End(row, record.Coalesced)
			default:
				if err := r.Reject(row, record.Rejection{Code: "No"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if r.Open() != 1 || settled != 0 {
		t.Fatalf("%d open, settled %d times", r.Open(), settled)
	}
	r.End(129, record.Filtered)
	if r.Open() != 0 || settled != 1 {
		t.Fatalf("%d open, settled %d times", r.Open(), settled)
	}
	if tally.Written.Load() != 43 || tally.Coalesced.Load() != 43 || tally.Rejected.Load() != 43 || tally.Filtered.Load() != 1 {
		t.Errorf("tally %+v", &tally)
	}
	for _, k := range dead.kept {
		if k.Origin.Source != "source.csv.a" || k.Origin.Line != k.Origin.Seq+2 {
			t.Errorf("the origin of a rejected row is %+v", k.Origin)
		}
	}
	defer func() {
		if caught, _ := recover().(string); !strings.Contains(caught, "ended twice") {
			t.Error("a row can end twice")
		}
	}()
	r.End(5, record.Written)
}

func TestReceiptEndsAll(t *testing.T) {
	var tally record.Tally
	settled := 0
	r := record.NewReceipt("sink.a.b", &tally, origins(70), nil, func(*record.Receipt) { settled++ })
	r.EndAll(record.Written)
	if r.Open() != 0 || settled != 1 || tally.Written.Load() != 70 {
		t.Fatalf("%d open, settled %d times, %d written", r.Open(), settled, tally.Written.Load())
	}
}

// Rows that end together may be of a receipt and of others that were split off.
func TestReceiptEndsEachOfSeveral(t *testing.T) {
	var tally record.Tally
	var settled []string
	settle := func(name string) func(*record.Receipt) {
		return func(*record.Receipt) { settled = append(settled, name) }
	}
	r := record.NewReceipt("sink.a.b", &tally, origins(130), nil, settle("first"))
	r.EndEach([]int{0, 1, 64}, record.Written)
	var left, last []int
	for row := range 130 {
		switch {
		case row == 0 || row == 1 || row == 64:
		case row < 100:
			left = append(left, row)
		default:
			last = append(last, row)
		}
	}
	later := r.Split(last, nil, settle("later"))
	r.EndEach(append([]int{129, 100}, left[1:]...), record.Written)
	if r.Open() != 1 || later.Open() != 28 || settled != nil {
		t.Fatalf("%d and %d open, settled %v", r.Open(), later.Open(), settled)
	}
	r.EndEach([]int{left[0]}, record.Coalesced)
	r.EndEach(last[1:29], record.Filtered)
	if want := []string{"first", "later"}; r.Open() != 0 || later.Open() != 0 || !slices.Equal(settled, want) {
		t.Fatalf("%d and %d open, settled %v", r.Open(), later.Open(), settled)
	}
	if r.Counts() != (record.Counts{Written: 99, Coalesced: 1}) || later.Counts() != (record.Counts{Written: 2, Filtered: 28}) {
		t.Errorf("counted %+v and %+v", r.Counts(), later.Counts())
	}
	if tally.Written.Load() != 101 || tally.Coalesced.Load() != 1 || tally.Filtered.Load() != 28 {
		t.Errorf("tally %+v", &tally)
	}
	defer func() {
		if caught, _ := recover().(string); !strings.Contains(caught, "ended twice") {
			t.Error("a row can end twice")
		}
	}()
	r.EndEach([]int{7, 7}, record.Written)
}

// Promise 2: a row that the dead letter can't keep has not ended.
func TestRejectThatCannotBeKeptLeavesTheRowOpen(t *testing.T) {
	var tally record.Tally
	full := errors.New("disk full")
	r := record.NewReceipt("sink.a.b", &tally, origins(1), &keeper{err: full}, nil)
	if err := r.Reject(0, record.Rejection{}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if r.Open() != 1 || tally.Rejected.Load() != 0 {
		t.Errorf("%d open, %d rejected", r.Open(), tally.Rejected.Load())
	}
}

// Rows made of rows, of rows that were made, and so on, have places of their
// own, which rise as they are made.
func TestChildrenHavePlacesOfTheirOwn(t *testing.T) {
	seen := map[record.Pos]bool{}
	level := []record.Pos{{Line: 3, Seq: 7}}
	for depth := range 5 {
		var next []record.Pos
		for _, p := range level {
			for _, i := range []int{0, 1, 2, record.MaxChildren - 1} {
				next = append(next, p.Child(i))
			}
		}
		clear(seen)
		for i, p := range next {
			if seen[p] || p.Line != 3 || p.Seq != 7 || p.Sub < 0 {
				t.Fatalf("depth %d: %+v is there twice, or elsewhere", depth, p)
			}
			seen[p] = true
			if depth < 3 && i > 0 && next[i-1].Compare(p) != -1 {
				t.Fatalf("depth %d: %+v does not come after %+v", depth, p, next[i-1])
			}
		}
		level = next
	}
	if first := (record.Pos{Seq: 4}).Child(0); first != (record.Pos{Seq: 4}) {
		t.Errorf("the first row made of one is at %+v", first)
	}
	o := record.Origins{Place: &record.Place{Files: []string{"a.csv"}}, Pos: []record.Pos{record.Pos{Line: 9}.Child(2)}}
	if got := o.At(0).String(); got != "a.csv:9, part 3" {
		t.Error(got)
	}
}
