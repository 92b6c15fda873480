package transformtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// benchRows is a full batch.
const benchRows = 2048

// UserRows is a batch of rows of ten columns, as a CSV of users has them.
func UserRows(t testing.TB, rows int) *record.Batch {
	t.Helper()
	items := make([]string, rows)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":{"S":"%d"},"email":{"S":"user%d@example.com"},"name":{"S":"Ada Löwe %d"},"status":{"S":"%s"},
			"balance":{"N":"%d.%02d"},"created":{"S":"2024-03-01T10:%02d:00Z"},"age":{"N":"%d"},"country":{"S":"%s"},
			"tags":{"S":"a|b|c"},"note":{"S":"he said \"hi\",\nthen left"}}`,
			100000+i, i, i, []string{"active", "active", "gone"}[i%3], i%250, i%100, i%60, 18+i%60, []string{"de", "fr", "GB", "us"}[i%4])
	}
	return Batch(t, memory.DefaultAllocator, 0, items...)
}

// Benchmark applies a block to a full batch of users, again and again.
func Benchmark(b *testing.B, c transforms.Config, body string) {
	b.Helper()
	mem := memory.DefaultAllocator
	open := Open(b, c, mem, body)
	in := UserRows(b, benchRows)
	defer in.Release()
	b.ReportAllocs()
	for b.Loop() {
		out := &transforms.Out{}
		if err := open.Apply(context.Background(), in, out); err != nil {
			b.Fatal(err)
		}
		if len(out.Rejects) > 0 {
			b.Fatal(out.Rejects[0].Message)
		}
		for _, p := range out.Parts {
			p.Batch.Release()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
}
