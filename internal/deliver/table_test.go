package deliver

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
)

// checks is how many scenarios the property test runs when -rapid.checks does
// not say.
const checks = "500"

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(checks); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// faults is how often a table does what, in percent of requests or of rows.
type faults struct {
	unprocessed int // of rows
	throttled   int // of requests, as the others
	conflicting int
	failing     int // nothing done, 500
	lost        int // done, but the answer does not arrive
	latency     time.Duration
}

// Key names an item.
type Key struct{ Table, Key string }

// marksOf is the marks of items, of some bits.
func marksOf(keys []Key, mask Mark) []Mark {
	var marks []Mark
	for _, k := range keys {
		marks = append(marks, MarkOf(k.Table, []byte(k.Key))&mask)
	}
	return marks
}

// table is a model of a table behind a faulty network. It checks what must
// hold of every request that it sees.
type table struct {
	caps   Caps
	faults faults
	poison map[int]bool  // rows that spoil their request
	unmet  map[int]bool  // rows whose condition does not hold
	keys   map[int][]Key // items of a row with Marks
	silent bool          // it says nothing of the capacity it took

	mu       sync.Mutex
	random   *rand.Rand
	items    map[Key]int // the row that was put last
	applied  map[Key]int // the row that was applied last
	flying   map[Key]bool
	times    map[int]int // how often a row was applied
	log      []call
	problems []string
}

// call is a request as the table saw it.
type call struct {
	sent, answered time.Time
	rows           int
	units          float64 // taken
}

func newTable(caps Caps, f faults, seed uint64) *table {
	return &table{
		caps: caps, faults: f, poison: map[int]bool{}, keys: map[int][]Key{}, random: rand.New(rand.NewPCG(seed, 1)),
		items: map[Key]int{}, applied: map[Key]int{}, flying: map[Key]bool{}, times: map[int]int{},
	}
}

func (t *table) problem(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

func (t *table) Send(ctx context.Context, r *Request) (Answer, error) {
	sent := time.Now()
	latency := t.enter(r)
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	answer, units, err := t.carryOut(r)
	t.log = append(t.log, call{sent: sent, answered: time.Now(), rows: len(r.Rows), units: units})
	for _, row := range r.Rows {
		for _, key := range t.keysOf(row) {
			delete(t.flying, key)
		}
	}
	return answer, err
}

// enter checks a request on its arrival.
func (t *table) enter(r *Request) (latency time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bytes, actions := 0, 0
	for _, row := range r.Rows {
		for _, key := range t.keysOf(row) {
			if t.flying[key] {
				t.problem("key %v is in flight twice", key)
			}
			t.flying[key] = true
		}
		bytes += len(row.Body)
		actions += row.actions()
	}
	if len(r.Rows) == 0 || len(r.Rows) > 1 && (actions > t.caps.Items || t.caps.Single) {
		t.problem("%d rows with %d actions in a request", len(r.Rows), actions)
	}
	if (bytes > t.caps.Bytes || r.Bytes > t.caps.Bytes) && len(r.Rows) > 1 || r.Bytes < bytes {
		t.problem("%d bytes, said to be %d, in a request of %d rows", bytes, r.Bytes, len(r.Rows))
	}
	seen := map[string]bool{}
	for i, row := range r.Rows {
		if (i == 0 || r.Rows[i-1].Table != row.Table) && seen[row.Table] {
			t.problem("rows of one table do not stand together")
		}
		seen[row.Table] = true
	}
	return time.Duration(1+t.random.Int64N(int64(max(t.faults.latency, 1)))) + time.Millisecond
}

func (t *table) carryOut(r *Request) (Answer, float64, error) {
	if slices.ContainsFunc(r.Rows, func(row *Row) bool { return t.poison[number(row)] }) {
		return Answer{}, 0, &Fault{Class: Poison, Code: "ValidationException", Message: "spoiled", Answered: true, Err: errors.New("spoiled")}
	}
	switch p := t.random.IntN(100); {
	case p < t.faults.throttled:
		return Answer{}, 0, &Fault{Class: Throttled, Code: "ThrottlingException", Message: "slow down", Answered: true, Err: errors.New("throttled")}
	case p < t.faults.throttled+t.faults.conflicting:
		return Answer{}, 0, &Fault{Class: Conflict, Code: "TransactionConflictException", Message: "in use", Answered: true, Err: errors.New("in use")}
	case p < t.faults.throttled+t.faults.conflicting+t.faults.failing:
		return Answer{}, 0, &Fault{Class: Retryable, Code: "InternalServerError", Answered: true, Err: errors.New("failing")}
	}
	var answer Answer
	took := map[string]float64{}
	units := 0.0
	for i, row := range r.Rows {
		if t.random.IntN(100) < t.faults.unprocessed {
			answer.Unprocessed = append(answer.Unprocessed, i)
			continue
		}
		if t.unmet[number(row)] {
			answer.Skipped = append(answer.Skipped, i)
			continue
		}
		t.apply(row)
		took[row.Table] += row.Units
		units += row.Units
	}
	if t.random.IntN(100) < t.faults.lost {
		return Answer{}, units, &Fault{Class: Retryable, Err: errors.New("connection reset")}
	}
	for table, units := range took {
		if !t.silent {
			answer.Consumed = append(answer.Consumed, Consumed{Table: table, Units: units})
		}
	}
	return answer, units, nil
}

func (t *table) apply(row *Row) {
	n := number(row)
	t.times[n]++
	for _, key := range t.keysOf(row) {
		if last, seen := t.applied[key]; seen && n < last {
			t.problem("row %d of key %v came after row %d", n, key, last)
		}
		t.applied[key] = n
		if row.Operation == Delete {
			delete(t.items, key)
		} else {
			t.items[key] = n
		}
	}
}

// keysOf is the items that a row is about, each once.
func (t *table) keysOf(row *Row) []Key {
	keys := []Key{{row.Table, row.Key}}
	if row.Marks != nil {
		keys = slices.Clone(t.keys[number(row)])
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key)) })
	return slices.Compact(keys)
}

// overspent looks for a second that took more than the budget.
func (t *table) overspent(budget float64) string {
	for i, c := range t.log {
		sum, others := c.units, 0
		for j, o := range t.log {
			if j != i && !o.sent.After(c.sent) && o.answered.Add(time.Second).After(c.sent) {
				sum += o.units
				others++
			}
		}
		if others > 0 && sum > budget+1e-6 {
			return fmt.Sprintf("%v units of %v in the second before %v", sum, budget, c.sent)
		}
	}
	return ""
}

// number is the input row that a row's body names.
func number(row *Row) int {
	var n int
	if _, err := fmt.Sscanf(string(row.Body), "%d ", &n); err != nil {
		panic(err)
	}
	return n
}

// body names an input row and is of a length.
func body(n, length int) []byte {
	b := strconv.AppendInt(nil, int64(n), 10)
	b = append(b, ' ')
	for len(b) < length {
		b = append(b, '.')
	}
	return b
}

// ledger is where rows end in a test.
type ledger struct {
	tally record.Tally
	full  error // what Reject says

	mu      sync.Mutex
	rejects []record.Rejection
	settled int
}

func (l *ledger) Reject(_ string, r record.Rejection) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full != nil {
		return l.full
	}
	l.rejects = append(l.rejects, r)
	return nil
}

// receipt opens a receipt for n rows, the first of which is row number from.
func (l *ledger) receipt(from, n int) *record.Receipt {
	pos := make([]record.Pos, n)
	for i := range pos {
		pos[i] = record.Pos{File: -1, Seq: int64(from + i)}
	}
	l.tally.In.Add(int64(n))
	return record.NewReceipt("sink.test.t", &l.tally, record.Origins{Place: &record.Place{Source: "source.test.s", Segment: -1}, Pos: pos}, l,
		func(*record.Receipt) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.settled++
		})
}

// puts is n rows of one receipt, each with the key that key gives.
func (l *ledger) puts(n int, key func(i int) string) []Row {
	receipt := l.receipt(0, n)
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Table: "t", Key: key(i), Operation: Put, Body: body(i, 10), Units: 1, Receipt: receipt, Index: i}
	}
	return rows
}

func unique(i int) string { return strconv.Itoa(i) }

func testConfig() Config {
	return Config{Operation: "BatchWriteItem", Caps: BatchWriteCaps(), Meter: progress.NewMeter("sink.test.t", nil)}
}
