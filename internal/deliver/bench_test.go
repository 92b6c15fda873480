package deliver

import (
	"context"
	"testing"
)

// BenchmarkDeliver is the core's own cost for a row, with a table that takes
// everything at once.
func BenchmarkDeliver(b *testing.B) {
	core := New(b.Context(), testConfig(), senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, nil }))
	defer core.Close()
	const batch = 2048
	keys := make([]string, 16*batch)
	for i := range keys {
		keys[i] = "USER#" + unique(i)
	}
	text := body(0, 350)
	rows := make([]Row, batch)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n%batch != 0 {
			n++
			continue
		}
		var l ledger
		receipt := l.receipt(0, batch)
		for i := range rows {
			rows[i] = Row{Table: "t", Key: keys[(n+i)%len(keys)], Operation: Put, Body: text, Units: 1, Receipt: receipt, Index: i}
		}
		if err := core.Submit(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := core.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}
