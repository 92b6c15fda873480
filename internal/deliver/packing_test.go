package deliver

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
)

// counter takes every request and counts them.
type counter struct{ requests atomic.Int64 }

func (c *counter) Send(context.Context, *Request) (Answer, error) {
	c.requests.Add(1)
	return Answer{}, nil
}

// Rows that come together make as many requests in a core as were reckoned, however
// large they are: what is over 16 MB, or 25 rows, goes into the next one.
func TestPackingIsThatOfACore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		caps := BatchWriteCaps()
		caps.Items = rapid.IntRange(1, 25).Draw(t, "batch_size")
		if rapid.Bool().Draw(t, "small") {
			caps.Bytes = 4 << 10
		}
		n := rapid.IntRange(0, 200).Draw(t, "rows")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 2000), n, n).Draw(t, "sizes")
		rows := make([]Row, n)
		receipt := record.NewReceipt("node", &record.Tally{}, record.Origins{Pos: make([]record.Pos, n)}, nil, nil)
		packing := NewPacking(caps, 0)
		for i := range rows {
			rows[i] = Row{Table: "table", Key: fmt.Sprint(i), Operation: Put, Body: make([]byte, sizes[i]), Units: 1, Receipt: receipt, Index: i}
			packing.Add(&rows[i])
		}
		var sent counter
		core := New(context.Background(), Config{Caps: caps, Meter: progress.NewMeter("", nil), Concurrency: 1}, &sent)
		defer core.Close()
		if err := core.Submit(context.Background(), rows); err != nil {
			t.Fatal(err)
		}
		if err := core.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if packing.Requests() != sent.requests.Load() {
			t.Errorf("%d requests were reckoned, and %d sent", packing.Requests(), sent.requests.Load())
		}
	})
}

func TestPackingScales(t *testing.T) {
	for name, c := range map[string]struct {
		caps   Caps
		rows   int
		key    func(int) string
		budget float64
		times  float64
		want   float64
	}{
		"whole requests":             {BatchWriteCaps(), 100, nil, 0, 10, 40},
		"and a part of one":          {BatchWriteCaps(), 110, nil, 0, 10, 44},
		"less than one":              {BatchWriteCaps(), 5, nil, 0, 10, 2},
		"of one row":                 {ItemCaps(), 7, nil, 0, 3, 21},
		"none":                       {BatchWriteCaps(), 0, nil, 0, 3, 0},
		"one key, time and again":    {BatchWriteCaps(), 100, func(int) string { return "a" }, 0, 1, 100},
		"a budget of 60 in a second": {BatchWriteCaps(), 600, nil, 60, 1, 30}, // 25, 25 and 10
	} {
		p := NewPacking(c.caps, c.budget)
		for i := range c.rows {
			key := fmt.Sprint(i)
			if c.key != nil {
				key = c.key(i)
			}
			p.Add(&Row{Table: "t", Key: key, Operation: Put, Body: make([]byte, 100), Units: 1})
		}
		if got := p.Scaled(c.times); math.Ceil(got-1e-9) != c.want {
			t.Errorf("%s: %v requests, not %v", name, got, c.want)
		}
	}
}
