package deliver

import (
	"container/heap"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
)

// model is a table in a simulation. It is asked in the order in which requests
// arrive, and says how long the whole round trip of a request takes.
type model interface {
	answer(r *Request, at time.Time) (a Answer, took time.Duration, err error)
}

// simulation drives a machine in virtual time, with no goroutine: the same
// seed gives the same run.
type simulation struct {
	machine *machine
	model   model
	now     time.Time
	events  events
	key     func(i int) string
	next    int // row
	// Of each second since noon: rows written, rows sent, most requests in flight.
	written, sent, flying []int
}

// event is an answer that arrives.
type event struct {
	at     time.Time
	order  int
	r      *request
	answer Answer
	err    error
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// simulate has as many rows as a machine asks for delivered to a table, for a
// time. cfg is what differs from the usual.
func simulate(t *testing.T, seconds int, m model, cfg Config, key func(i int) string) *simulation {
	t.Helper()
	cfg.Caps, cfg.Operation, cfg.Meter = BatchWriteCaps(), "BatchWriteItem", progress.NewMeter("sink.test.t", nil)
	cfg.Random = rand.New(rand.NewPCG(3, 3)).Float64
	s := &simulation{
		machine: newMachine(cfg.withDefaults()), model: m, now: noon, key: key,
		written: make([]int, seconds+1), sent: make([]int, seconds+1), flying: make([]int, seconds+1),
	}
	s.machine.waiting = 1
	for end := noon.Add(time.Duration(seconds) * time.Second); s.now.Before(end); {
		if !s.step() {
			t.Fatalf("nothing is left to happen after %v", s.now.Sub(noon))
		}
	}
	if s.machine.failure != nil {
		t.Fatal(s.machine.failure)
	}
	return s
}

func (s *simulation) second() int { return min(int(s.now.Sub(noon)/time.Second), len(s.written)-1) }

// step sends all that may be sent now, and moves on to what happens next.
func (s *simulation) step() bool {
	for {
		s.admit()
		r, wake := s.machine.next(s.now)
		if r == nil {
			return s.wait(wake)
		}
		answer, took, err := s.model.answer(&r.Request, s.now)
		heap.Push(&s.events, event{at: s.now.Add(took), order: int(r.Number), r: r, answer: answer, err: err})
		second := s.second()
		s.sent[second] += len(r.Rows)
		s.flying[second] = max(s.flying[second], s.machine.inFlight)
	}
}

func (s *simulation) admit() {
	for {
		row := Row{Table: "t", Key: s.key(s.next), Operation: Put, Body: body(s.next, 10), Units: 1}
		if !s.machine.hasRoom(&row) {
			return
		}
		s.machine.admit(&row, s.now)
		s.next++
	}
}

func (s *simulation) wait(wake time.Time) bool {
	switch {
	case len(s.events) > 0 && (wake.IsZero() || !s.events[0].at.After(wake)):
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		ends := s.machine.answered(e.r, e.answer, e.err, s.now)
		for _, end := range ends {
			if end.outcome == record.Written {
				s.written[s.second()]++
			}
		}
		s.machine.release(ends, s.now)
	case wake.IsZero():
		return false
	default:
		s.now = wake
	}
	return true
}

// rate is the rows per second written between two seconds.
func (s *simulation) rate(from, to int) float64 {
	return float64(total(s.written[from:to])) / float64(to-from)
}

// overhead is the rows sent for each row written.
func (s *simulation) overhead(from, to int) float64 {
	return float64(total(s.sent[from:to])) / float64(total(s.written[from:to]))
}

func total(n []int) int {
	sum := 0
	for _, x := range n {
		sum += x
	}
	return sum
}

// bounds are what a simulation has to keep.
type bounds struct {
	from, to    int     // seconds
	rate        float64 // rows per second, at least
	overhead    float64 // rows sent for each one written, at most
	concurrency int     // most requests in flight; 0: any number
}

func (s *simulation) check(t *testing.T, b bounds) {
	t.Helper()
	rate, overhead, most := s.rate(b.from, b.to), s.overhead(b.from, b.to), 0
	for _, n := range s.flying[b.from:b.to] {
		most = max(most, n)
	}
	t.Logf("%d to %d s: %.0f rows per second (bound %.0f), %.2f sent for each written (bound %.2f), at most %d requests in flight",
		b.from, b.to, rate, b.rate, overhead, b.overhead, most)
	if rate < b.rate || overhead > b.overhead || b.concurrency > 0 && most > b.concurrency {
		t.Error("outside its bounds")
	}
}

// bucket is a table with a capacity in rows per second, of which it saves up
// some. whole: it takes all of a request or nothing.
type bucket struct {
	latency  time.Duration
	capacity func(since time.Duration) float64
	burst    float64 // rows
	whole    bool

	tokens float64
	last   time.Time
}

func constantly(capacity float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return capacity }
}

func (b *bucket) answer(r *Request, at time.Time) (Answer, time.Duration, error) {
	capacity := b.capacity(at.Sub(noon))
	if b.last.IsZero() {
		b.tokens = b.burst
	} else {
		b.tokens = min(max(b.burst, capacity), b.tokens+capacity*at.Sub(b.last).Seconds())
	}
	b.last = at
	if b.tokens < 1 || b.whole && b.tokens < float64(len(r.Rows)) {
		return Answer{}, b.latency, throttle()
	}
	var a Answer
	for i := range r.Rows {
		if b.tokens < 1 {
			a.Unprocessed = append(a.Unprocessed, i)
			continue
		}
		b.tokens--
	}
	return a, b.latency, nil
}

// Without a budget, what a table takes is found out and used, whether little or
// much and from near or far, and without sending it many times as much.
func TestSteadyTableIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		capacity float64
		latency  time.Duration
		whole    bool
		bounds   bounds
	}{
		"50 near":         {50, 5 * time.Millisecond, false, bounds{rate: 48, overhead: 3}},
		"500 near":        {500, 5 * time.Millisecond, false, bounds{rate: 490, overhead: 2.2}},
		"500 near, whole": {500, 5 * time.Millisecond, true, bounds{rate: 480, overhead: 2.2}},
		"500 far":         {500, 100 * time.Millisecond, false, bounds{rate: 480, overhead: 2}},
		"5000 near":       {5000, 5 * time.Millisecond, false, bounds{rate: 4900, overhead: 1.8}},
		"5000 far":        {5000, 100 * time.Millisecond, false, bounds{rate: 4700, overhead: 1.5}},
		"50000 near":      {50_000, 5 * time.Millisecond, false, bounds{rate: 48_000, overhead: 1.3}},
		"40000 far":       {40_000, 100 * time.Millisecond, false, bounds{rate: 36_000, overhead: 1.3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, 12, &bucket{latency: c.latency, capacity: constantly(c.capacity), whole: c.whole}, Config{}, unique)
			c.bounds.from, c.bounds.to = 4, 12
			s.check(t, c.bounds)
		})
	}
}

// A table that has saved up capacity is used at its speed, and then at what it
// takes for good.
func TestBurstIsUsedAndItsEndFollowed(t *testing.T) {
	s := simulate(t, 20, &bucket{latency: 5 * time.Millisecond, capacity: constantly(1000), burst: 100_000}, Config{}, unique)
	s.check(t, bounds{from: 0, to: 1, rate: 60_000, overhead: 1.4})
	s.check(t, bounds{from: 6, to: 20, rate: 980, overhead: 2.2})
}

// A table that is scaled up, as auto scaling and on-demand tables are, is
// followed, and so is one that is scaled down.
func TestScalingIsFollowed(t *testing.T) {
	steps := func(since time.Duration) float64 {
		switch {
		case since < 10*time.Second:
			return 500
		case since < 20*time.Second:
			return 1000
		case since < 30*time.Second:
			return 20_000
		}
		return 2000
	}
	s := simulate(t, 40, &bucket{latency: 5 * time.Millisecond, capacity: steps}, Config{}, unique)
	s.check(t, bounds{from: 1, to: 10, rate: 480, overhead: 2.2})
	s.check(t, bounds{from: 10, to: 12, rate: 900, overhead: 2.5})
	s.check(t, bounds{from: 12, to: 20, rate: 980, overhead: 2.2})
	s.check(t, bounds{from: 22, to: 30, rate: 18_000, overhead: 1.5})
	s.check(t, bounds{from: 32, to: 40, rate: 1950, overhead: 2.2})
}

// A table that takes nothing for a while, and then as much as ever.
func TestOutageIsRecoveredFrom(t *testing.T) {
	s := simulate(t, 40, &bucket{latency: 5 * time.Millisecond, capacity: func(since time.Duration) float64 {
		if since > 5*time.Second && since < 20*time.Second {
			return 0
		}
		return 20_000
	}}, Config{}, unique)
	s.check(t, bounds{from: 1, to: 5, rate: 18_000, overhead: 1.5})
	if sent := total(s.sent[8:20]); sent > 12*4*25 {
		t.Errorf("%d rows sent to a table that takes nothing", sent)
	}
	s.check(t, bounds{from: 25, to: 40, rate: 18_000, overhead: 1.5})
}

// lossy gives back a share of rows, or throttles a share of requests, whatever
// it is sent.
type lossy struct {
	latency        time.Duration
	rows, requests float64
	random         *rand.Rand
}

func (l *lossy) answer(r *Request, _ time.Time) (Answer, time.Duration, error) {
	if l.random.Float64() < l.requests {
		return Answer{}, l.latency, throttle()
	}
	var a Answer
	for i := range r.Rows {
		if l.random.Float64() < l.rows {
			a.Unprocessed = append(a.Unprocessed, i)
		}
	}
	return a, l.latency, nil
}

// A little that is given back must not cost much of what is taken, and no share
// that is given back whatever is sent may stop the run, however it falls.
func TestRandomLossDoesNotCollapseTheRate(t *testing.T) {
	const latency = 5 * time.Millisecond
	cfg := Config{Concurrency: 24}
	free := simulate(t, 3, &lossy{latency: latency, random: rand.New(rand.NewPCG(1, 2))}, cfg, unique).rate(1, 3)
	for name, c := range map[string]struct {
		lossy
		part float64
	}{
		"2 % of requests": {lossy{requests: 0.02}, 0.85},
		"2 % of rows":     {lossy{rows: 0.02}, 0.9},
		"8 % of rows":     {lossy{rows: 0.08}, 0.7},
		"a third of all":  {lossy{rows: 0.2, requests: 0.15}, 0.02},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				c.latency, c.random = latency, rand.New(rand.NewPCG(seed, 2))
				s := simulate(t, 4, &c.lossy, cfg, unique)
				s.check(t, bounds{from: 1, to: 4, rate: c.part * free, overhead: 1.65})
			}
		})
	}
}

// hot is a table half of whose rows are of one partition.
type hot struct{ partition bucket }

func (h *hot) answer(r *Request, at time.Time) (Answer, time.Duration, error) {
	only := &Request{}
	var index []int
	for i, row := range r.Rows {
		if row.Key[0] == 'h' {
			only.Rows = append(only.Rows, row)
			index = append(index, i)
		}
	}
	if len(index) == 0 {
		return Answer{}, h.partition.latency, nil
	}
	a, took, err := h.partition.answer(only, at)
	if err != nil {
		a = Answer{Unprocessed: index}
	} else {
		for i, u := range a.Unprocessed {
			a.Unprocessed[i] = index[u]
		}
	}
	return a, took, nil
}

// Half of the rows go to one partition, which takes 1,000 a second: so twice
// that is all there is, as all rows have to be written.
func TestHotPartitionIsUsed(t *testing.T) {
	key := func(i int) string {
		if i%2 == 0 {
			return "h" + strconv.Itoa(i)
		}
		return strconv.Itoa(i)
	}
	s := simulate(t, 40, &hot{partition: bucket{latency: 5 * time.Millisecond, capacity: constantly(partitionRows)}}, Config{}, key)
	s.check(t, bounds{from: 20, to: 40, rate: 1.8 * partitionRows, overhead: 3})
}

// partitionRows is what a partition takes of rows of up to 1 KB in a second
// (AWS: "Designing partition keys to distribute your workload").
const partitionRows = 1000

// station is a server that works on some requests at a time; the others wait.
type station struct {
	service func(since time.Duration) time.Duration
	free    []time.Time // when each of its places is free
}

func (s *station) answer(_ *Request, at time.Time) (Answer, time.Duration, error) {
	first := 0
	for i, free := range s.free {
		if free.Before(s.free[first]) {
			first = i
		}
	}
	begin := at
	if s.free[first].After(at) {
		begin = s.free[first]
	}
	s.free[first] = begin.Add(s.service(at.Sub(noon)))
	return Answer{}, s.free[first].Sub(at), nil
}

// A server that can do four things at a time is not sent a hundred.
func TestQueueAtTheServerIsKeptShort(t *testing.T) {
	s := simulate(t, 30, &station{service: func(time.Duration) time.Duration { return 5 * time.Millisecond }, free: make([]time.Time, 4)}, Config{}, unique)
	s.check(t, bounds{from: 5, to: 30, rate: 0.95 * 4 * 25 / 0.005, overhead: 1.01, concurrency: 24})
}

// A service whose answers take four times as long from some moment on has no
// queue: as many requests as before are its due.
func TestLatencyStepIsNoQueue(t *testing.T) {
	const concurrency = 16
	s := simulate(t, 15, &station{service: func(since time.Duration) time.Duration {
		if since < 5*time.Second {
			return 5 * time.Millisecond
		}
		return 20 * time.Millisecond
	}, free: make([]time.Time, 10_000)}, Config{Concurrency: concurrency}, unique)
	s.check(t, bounds{from: 2, to: 5, rate: 0.95 * concurrency * 25 / 0.005, overhead: 1})
	s.check(t, bounds{from: 7, to: 15, rate: 0.9 * concurrency * 25 / 0.020, overhead: 1})
}

// jittery answers after a time that varies widely, and now and then very late.
type jittery struct{ random *rand.Rand }

func (j *jittery) answer(*Request, time.Time) (Answer, time.Duration, error) {
	took := 2*time.Millisecond + time.Duration(j.random.ExpFloat64()*float64(3*time.Millisecond))
	if j.random.IntN(50) == 0 {
		took *= 10
	}
	return Answer{}, took, nil
}

// Latency that varies by itself is no queue either.
func TestJitterIsNoQueue(t *testing.T) {
	const concurrency, mean = 16, 0.005 * (0.98 + 0.02*10)
	s := simulate(t, 12, &jittery{rand.New(rand.NewPCG(1, 2))}, Config{Concurrency: concurrency}, unique)
	s.check(t, bounds{from: 2, to: 12, rate: 0.8 * concurrency * 25 / mean, overhead: 1.01})
}

// A budget is kept and used, whatever the table would take.
func TestBudgetIsUsedAndKept(t *testing.T) {
	s := simulate(t, 30, &lossy{latency: 5 * time.Millisecond, rows: 0.05, random: rand.New(rand.NewPCG(1, 2))}, Config{Budget: 2000}, unique)
	s.check(t, bounds{from: 2, to: 30, rate: 0.97 * 2000, overhead: 1.1})
	for second, n := range s.written {
		if n > 2000 {
			t.Errorf("%d rows in second %d of a budget of 2,000", n, second)
		}
	}
}
