package deliver

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bucket is capacity that refills, and is saved up to a burst.
type bucket struct {
	rate, burst float64 // units per second, units
	tokens      float64
	at          time.Time
}

func (b *bucket) refill(now time.Time) {
	if b.at.IsZero() {
		b.tokens = b.burst
	} else {
		b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}

// model is a table in virtual time.
type model struct {
	rate    func(since time.Duration) float64 // units per second; nil: no limit
	burst   float64                           // seconds' worth that is saved up
	hot     float64                           // units per second of keys that begin with hot; 0: no limit
	latency func(since time.Duration, inFlight int) time.Duration
	whole   bool // a request is taken whole or not at all
	noise   int  // percent of rows given back, whatever is sent
	refuses int  // percent of requests throttled, whatever is sent

	mu             sync.Mutex
	start          time.Time
	table, hotKeys bucket
	random         *rand.Rand
	inFlight, most int // most: after the first second
	requests       int
	taken          []int // rows, by second
}

func (m *model) Send(ctx context.Context, r *Request) (Answer, error) {
	m.mu.Lock()
	m.inFlight++
	if time.Since(m.start) > time.Second {
		m.most = max(m.most, m.inFlight)
	}
	m.requests++
	wait := m.latency(time.Since(m.start), m.inFlight)
	m.mu.Unlock()
	time.Sleep(wait)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight--
	return m.carryOut(r, time.Now())
}

func (m *model) carryOut(r *Request, now time.Time) (Answer, error) {
	since := now.Sub(m.start)
	m.table.rate = math.Inf(1)
	if m.rate != nil {
		m.table.rate = m.rate(since)
	}
	m.table.burst = m.table.rate * m.burst
	m.table.refill(now)
	m.hotKeys.rate, m.hotKeys.burst = m.hot, m.hot
	m.hotKeys.refill(now)
	if m.random.IntN(100) < m.refuses {
		return Answer{}, throttle()
	}
	var a Answer
	for i, row := range r.Rows {
		hot := m.hot > 0 && strings.HasPrefix(row.Key, "hot")
		switch {
		case m.random.IntN(100) < m.noise, m.rate != nil && m.table.tokens < 1, hot && m.hotKeys.tokens < 1,
			m.whole && m.table.tokens < float64(len(r.Rows)-i):
			a.Unprocessed = append(a.Unprocessed, i)
			continue
		case hot:
			m.hotKeys.tokens--
		}
		m.table.tokens--
		m.count(since)
	}
	if len(a.Unprocessed) == len(r.Rows) {
		return Answer{}, throttle()
	}
	return a, nil
}

func (m *model) count(since time.Duration) {
	second := int(since / time.Second)
	for len(m.taken) <= second {
		m.taken = append(m.taken, 0)
	}
	m.taken[second]++
}

// between is the rows taken per second, from one second to another.
func (m *model) between(from, to int) float64 {
	sum := 0
	for i := from; i < to && i < len(m.taken); i++ {
		sum += m.taken[i]
	}
	return float64(sum) / float64(to-from)
}

func always(d time.Duration) func(time.Duration, int) time.Duration {
	return func(time.Duration, int) time.Duration { return d }
}

func steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// run delivers rows for so many seconds of virtual time and then cancels.
func (m *model) run(t *testing.T, seconds int, key func(i int) string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Random = rand.New(rand.NewPCG(3, 3)).Float64
		m.random = rand.New(rand.NewPCG(5, 5))
		m.start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
		defer cancel()
		core := New(t.Context(), cfg, m)
		defer core.Close()
		for n := 0; ; n++ {
			if err := core.Submit(ctx, l.puts(1000, func(i int) string { return key(1000*n + i) })); err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
		}
	})
}

// overhead is the requests sent, for each that 25 rows each would have needed.
func (m *model) overhead() float64 {
	rows := 0
	for _, n := range m.taken {
		rows += n
	}
	return float64(m.requests) * 25 / float64(rows)
}
