package deliver

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// scenario is one run: rows, a table, a configuration.
type scenario struct {
	rows    []scenarioRow
	poison  map[int]bool
	unmet   map[int]bool
	batch   int
	faults  faults
	seed    uint64
	caps    Caps
	budget  float64
	limit   int
	maxRows int
	pause   time.Duration // of the source, between batches
	silent  bool          // the table says nothing of capacity
	mask    Mark          // of the keys' marks: with few bits, keys share them
}

type scenarioRow struct {
	table, key string
	more       []Key // of a transaction
	operation  Operation
	length     int
	units      float64
}

func drawScenario(t *rapid.T) scenario {
	s := scenario{
		poison: map[int]bool{}, unmet: map[int]bool{},
		batch: rapid.IntRange(1, 60).Draw(t, "batch"),
		faults: faults{
			unprocessed: rapid.SampledFrom([]int{0, 5, 20, 60}).Draw(t, "unprocessed"),
			throttled:   rapid.SampledFrom([]int{0, 10, 40}).Draw(t, "throttled"),
			failing:     rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "failing"),
			lost:        rapid.SampledFrom([]int{0, 2, 20}).Draw(t, "lost"),
			latency:     time.Duration(rapid.IntRange(0, 300).Draw(t, "latency")) * time.Millisecond,
		},
		seed:    rapid.Uint64().Draw(t, "seed"),
		caps:    Caps{Items: rapid.IntRange(1, 25).Draw(t, "items"), Bytes: rapid.IntRange(100, 1000).Draw(t, "bytes"), Envelope: 20, PerTable: 5},
		limit:   rapid.IntRange(1, 12).Draw(t, "limit"),
		maxRows: rapid.IntRange(1, 80).Draw(t, "maxRows"),
		pause:   time.Duration(rapid.SampledFrom([]int{0, 0, 70}).Draw(t, "pause")) * time.Millisecond,
	}
	s.silent = rapid.Bool().Draw(t, "silent")
	s.mask = Mark(rapid.SampledFrom([]uint64{0, 3, math.MaxUint64}).Draw(t, "mask"))
	if rapid.Bool().Draw(t, "budgeted") {
		s.budget = float64(rapid.IntRange(3, 100).Draw(t, "budget"))
	}
	keys := rapid.IntRange(1, 40).Draw(t, "keys")
	operations := rapid.SampledFrom([][]Operation{{Put, Put, Delete}, {UpdateItem}, {TransactWrite}}).Draw(t, "operations")
	s.caps.Single = operations[0] != Put
	if s.caps.Single {
		s.faults.conflicting = rapid.SampledFrom([]int{0, 20}).Draw(t, "conflicting")
	}
	table := rapid.SampledFrom([]string{"a", "bb", "ccc"})
	key := rapid.Map(rapid.IntRange(1, keys), strconv.Itoa)
	for i := range rapid.IntRange(0, 200).Draw(t, "rows") {
		row := scenarioRow{
			table: table.Draw(t, "table"), key: key.Draw(t, "key"), operation: rapid.SampledFrom(operations).Draw(t, "operation"),
			length: rapid.IntRange(5, 60).Draw(t, "length"),
			units:  float64(rapid.IntRange(1, 5).Draw(t, "units")),
		}
		if row.operation == TransactWrite {
			row.more = append(row.more, Key{row.table, row.key})
			for range rapid.IntRange(0, 4).Draw(t, "more") {
				row.more = append(row.more, Key{table.Draw(t, "table"), key.Draw(t, "key")})
			}
			row.key = ""
		}
		s.rows = append(s.rows, row)
		if rapid.IntRange(0, 12).Draw(t, "poison") == 0 {
			s.poison[i] = true
		}
		if s.caps.Single && rapid.IntRange(0, 12).Draw(t, "unmet") == 0 {
			s.unmet[i] = true
		}
	}
	return s
}

// keys is the items that the row is about.
func (r *scenarioRow) keys() []Key {
	if r.more != nil {
		return r.more
	}
	return []Key{{r.table, r.key}}
}

// oracle is the table after the rows one by one, without those it refuses.
func (s *scenario) oracle() map[Key]int {
	items := map[Key]int{}
	for i, row := range s.rows {
		if s.poison[i] || s.unmet[i] {
			continue
		}
		for _, key := range row.keys() {
			if row.operation == Delete {
				delete(items, key)
			} else {
				items[key] = i
			}
		}
	}
	return items
}

// run delivers the scenario's rows and says what went wrong.
func (s *scenario) run(ctx context.Context) error {
	table := newTable(s.caps, s.faults, s.seed)
	table.poison, table.unmet, table.silent = s.poison, s.unmet, s.silent
	for i, row := range s.rows {
		table.keys[i] = row.more
	}
	var l ledger
	cfg := testConfig()
	cfg.Caps, cfg.Concurrency, cfg.Budget, cfg.MaxRows = s.caps, s.limit, s.budget, s.maxRows
	cfg.Retry = DefaultRetry()
	cfg.Retry.MaxAttempts = 1000
	cfg.Random = table.random64
	core := New(ctx, cfg, table)
	core.mu.Lock()
	core.machine.mask = s.mask
	core.mu.Unlock()
	receipts, err := s.submit(ctx, core, &l)
	if err == nil {
		err = core.Flush(ctx)
	}
	core.Close()
	if err != nil {
		return err
	}
	return s.check(table, &l, receipts)
}

func (t *table) random64() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.Float64()
}

func (s *scenario) submit(ctx context.Context, core *Core, l *ledger) (receipts int, err error) {
	for from := 0; from < len(s.rows); from += s.batch {
		part := s.rows[from:min(from+s.batch, len(s.rows))]
		receipt := l.receipt(from, len(part))
		receipts++
		rows := make([]Row, len(part))
		for i, r := range part {
			rows[i] = Row{
				Table: r.table, Key: r.key, Marks: marksOf(r.more, s.mask), Actions: len(r.more), Operation: r.operation, Units: r.units,
				Body: body(from+i, r.length), Receipt: receipt, Index: i,
			}
		}
		if err := core.Submit(ctx, rows); err != nil {
			return receipts, err
		}
		time.Sleep(s.pause)
	}
	return receipts, nil
}

func (s *scenario) check(table *table, l *ledger, receipts int) error {
	if len(table.problems) > 0 {
		return fmt.Errorf("the table saw: %v", table.problems)
	}
	if want := s.oracle(); !maps.Equal(want, table.items) {
		return fmt.Errorf("table holds %v, want %v", table.items, want)
	}
	t := &l.tally
	if got := t.Written.Load() + t.Coalesced.Load() + t.Filtered.Load() + t.Rejected.Load(); got != int64(len(s.rows)) {
		return fmt.Errorf("%d written, %d coalesced and %d rejected of %d rows",
			t.Written.Load(), t.Coalesced.Load(), t.Rejected.Load(), len(s.rows))
	}
	if err := s.checkEach(table, t); err != nil {
		return err
	}
	if l.settled != receipts {
		return fmt.Errorf("%d of %d receipts settled", l.settled, receipts)
	}
	for _, r := range l.rejects {
		if !s.poison[int(r.Origin.Seq)] || r.Code != "ValidationException" || r.Attempts < 1 {
			return fmt.Errorf("rejected: %+v", r)
		}
	}
	if s.budget > 0 {
		if over := table.overspent(s.budget); over != "" {
			return fmt.Errorf("budget: %s", over)
		}
	}
	return nil
}

// checkEach is for rows that are each sent: none stands in for another, and none
// is left out or, unless an answer was lost, repeated.
func (s *scenario) checkEach(table *table, t *record.Tally) error {
	if !s.caps.Single {
		return nil
	}
	if t.Coalesced.Load() > 0 {
		return fmt.Errorf("%d coalesced", t.Coalesced.Load())
	}
	for i := range s.rows {
		switch times, want := table.times[i], !s.poison[i] && !s.unmet[i]; {
		case (times > 0) != want, times > 1 && s.faults.lost == 0:
			return fmt.Errorf("row %d was applied %d times", i, times)
		}
	}
	return nil
}

// A table at the end of any run is as if the rows had come one by one, and
// every row is accounted for (promises 1, 2, 4, 6, 7).
func TestTableEndsAsIfRowsCameOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = s.run(t.Context()) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// Should all rows of a key be refused, all are in the dead letter: nothing is
// coalesced into a row that was not written.
func TestNothingIsCoalescedIntoARejectedRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(BatchWriteCaps(), faults{}, 1)
		for i := range 10 {
			table.poison[i] = true
		}
		var l ledger
		core := New(t.Context(), testConfig(), table)
		defer core.Close()
		if err := core.Submit(t.Context(), l.puts(10, func(int) string { return "k" })); err != nil {
			t.Fatal(err)
		}
		if err := core.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.tally.Rejected.Load(); got != 10 || l.tally.Coalesced.Load() != 0 {
			t.Errorf("%d rejected, %d coalesced", got, l.tally.Coalesced.Load())
		}
		for i, r := range l.rejects {
			if want := (record.Rejection{Origin: r.Origin, Operation: "PutRequest", Code: "ValidationException", Message: "spoiled", Attempts: 1}); fmt.Sprint(r) != fmt.Sprint(want) {
				t.Errorf("reject %d: %+v", i, r)
			}
		}
	})
}
