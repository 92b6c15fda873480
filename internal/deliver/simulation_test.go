package deliver

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// stepped is a rate that changes at a moment.
func stepped(before, after float64, at time.Duration) func(time.Duration) float64 {
	return func(since time.Duration) float64 {
		if since < at {
			return before
		}
		return after
	}
}

// What a table takes is found and used, whatever kind it is, and without many
// more requests than are needed. Rates are rows per second from one second to
// another.
func TestTableIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		table    *model
		from, to int
		least    float64
		overhead float64 // requests, times those of 25 rows
	}{
		"steady":                   {&model{rate: steady(500), burst: 1, latency: always(5 * ms)}, 1, 10, 0.97 * 500, 1.8},
		"all or nothing":           {&model{rate: steady(500), burst: 1, latency: always(5 * ms), whole: true}, 1, 10, 0.97 * 500, 1.8},
		"small":                    {&model{rate: steady(5), burst: 1, latency: always(5 * ms)}, 1, 30, 0.9 * 5, 25},
		"far away":                 {&model{rate: steady(5000), burst: 1, latency: always(100 * ms)}, 2, 10, 0.97 * 5000, 1.2},
		"bursty":                   {&model{rate: steady(500), burst: 10, latency: always(5 * ms)}, 1, 20, 0.97 * 500, 1.7},
		"doubles":                  {&model{rate: stepped(500, 1000, 10*time.Second), burst: 1, latency: always(5 * ms)}, 13, 20, 0.97 * 1000, 1.4},
		"halves":                   {&model{rate: stepped(1000, 500, 10*time.Second), burst: 1, latency: always(5 * ms)}, 11, 20, 0.97 * 500, 1.4},
		"slowly scaling":           {&model{rate: func(s time.Duration) float64 { return 1000 + 100*s.Seconds() }, burst: 1, latency: always(5 * ms)}, 10, 20, 0.97 * 2500, 1.3},
		"nothing for five seconds": {&model{rate: stepped(0, 1000, 5*time.Second), burst: 1, latency: always(5 * ms)}, 13, 18, 0.97 * 1000, 2},
		"hot keys":                 {&model{hot: 100, latency: always(5 * ms)}, 10, 20, 0.7 * 1000, 2},
		"gives back 30 %":          {&model{rate: steady(2000), burst: 1, latency: always(5 * ms), noise: 30}, 2, 10, 0.97 * 2000, 1.8},
		"latency rises tenfold":    {&model{latency: func(s time.Duration, _ int) time.Duration { return time.Duration(stepped(5, 50, time.Second)(s)) * ms }}, 1, 3, 0.9 * 32000, 1.1},
		"latency by load":          {&model{latency: func(_ time.Duration, n int) time.Duration { return max(5, time.Duration(n)) * ms }}, 1, 5, 0.97 * 25000, 1.1},
	} {
		t.Run(name, func(t *testing.T) {
			hot := c.table.hot > 0
			c.table.run(t, c.to, func(i int) string {
				if hot && i%10 == 0 {
					return "hot" + unique(i)
				}
				return unique(i)
			})
			rate, overhead := c.table.between(c.from, c.to), c.table.overhead()
			t.Logf("%.0f rows a second from second %d on, want %.0f; %.2f times the requests needed; by second %v", rate, c.from, c.least, overhead, c.table.taken)
			if rate < c.least {
				t.Error("too slow")
			}
			if overhead > c.overhead {
				t.Errorf("more than %.2f times the requests needed", c.overhead)
			}
		})
	}
}

// A server that answers later the more it is asked is soon not asked much more
// than it works on at once.
func TestServerIsNotPiledOn(t *testing.T) {
	m := &model{latency: func(_ time.Duration, n int) time.Duration { return max(5, time.Duration(n)) * ms }}
	m.run(t, 5, unique)
	if m.most > 16 {
		t.Errorf("%d requests in flight to a server that works on 5 at once", m.most)
	}
}

// A little that a table gives back must not cost much of what it takes.
func TestFewThrottlesDoNotCollapseTheRate(t *testing.T) {
	rates := map[string]float64{}
	for name, m := range map[string]*model{
		"free":     {latency: always(5 * ms)},
		"rows":     {latency: always(5 * ms), noise: 2},
		"requests": {latency: always(5 * ms), refuses: 2},
	} {
		m.run(t, 2, unique)
		rates[name] = m.between(0, 2)
	}
	t.Logf("rows per second: %v", rates)
	if least := 0.85 * rates["free"]; rates["rows"] < least || rates["requests"] < least {
		t.Error("the rate collapsed")
	}
}

// A budget holds from the first request on, also when a second table comes
// along that takes twice what its rows say, and is used.
func TestBudgetHoldsForTablesThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 2000
		var l ledger
		var log table
		cfg := testConfig()
		cfg.Budget, cfg.Random = budget, rand.New(rand.NewPCG(3, 3)).Float64
		core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			sent := time.Now()
			time.Sleep(5 * ms)
			took := tablesIn(r)
			units := float64(took["t"] + 2*took["u"])
			log.mu.Lock()
			defer log.mu.Unlock()
			log.log = append(log.log, call{sent: sent, answered: time.Now(), units: units})
			return Answer{Consumed: []Consumed{{Table: "t", Units: float64(took["t"])}, {Table: "u", Units: float64(2 * took["u"])}}}, nil
		}))
		defer core.Close()
		start := time.Now()
		rows := l.puts(15_000, unique)
		for i := range rows {
			if i >= 5000 && i%2 == 0 {
				rows[i].Table = "u"
			}
		}
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		if over := log.overspent(budget); over != "" {
			t.Error(over)
		}
		rate := 20_000 / time.Since(start).Seconds()
		t.Logf("%.0f of %d units a second", rate, budget)
		if rate < 0.93*budget {
			t.Errorf("%.0f of %d units a second", rate, budget)
		}
	})
}
