package lookup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
)

// BenchmarkRows is the cost of a row whose item is there already: its key, the
// cache, and joining both.
func BenchmarkRows(b *testing.B) {
	for name, flatten := range map[string]bool{"attribute": false, "flatten": true} {
		b.Run(name, func(b *testing.B) {
			server := start(b)
			table := users(b, server, 500)
			o := open(b, fmt.Sprintf("cache = 1000\nget \"who\" {\ntable = %q\nkey = { id = \"u${row.n}\" }\nflatten = %t\n}", table, flatten))
			rows := make([]string, 2048)
			for i := range rows {
				rows[i] = fmt.Sprintf(`{"order":{"S":"ORDER#%d"},"n":{"N":"%d"},"total":{"N":"%d.25"},"note":{"S":"a note with \"quotes\""}}`, i, i%500, i)
			}
			in := transformtest.Batch(b, o.mem, 0, rows...)
			defer in.Release()
			apply := func() {
				out := &transforms.Out{}
				if err := o.Apply(b.Context(), in, out); err != nil {
					b.Fatal(err)
				}
				if out.Ended() != int64(len(rows)) || len(out.Rejects) > 0 {
					b.Error("rows are missing")
				}
				out.Release()
			}
			apply()
			b.ReportAllocs()
			for b.Loop() {
				apply()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
		})
	}
}

// BenchmarkRequestBody is the cost of the body of a request of 100 keys.
func BenchmarkRequestBody(b *testing.B) {
	rows := asked(100, 0)
	b.ReportAllocs()
	for b.Loop() {
		appendBatch(make([]byte, 0, 16<<10), rows)
	}
}

// BenchmarkAnswer is the cost of reading 100 items of some 150 bytes.
func BenchmarkAnswer(b *testing.B) {
	rows := asked(100, 0)
	var items []string
	for i := range rows {
		items = append(items, fmt.Sprintf(`{"email":{"S":"someone@example.com"},"balance":{"N":"1234.56"},"pk":{"S":"user-%s"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}`, strings.Repeat("x", i)))
	}
	text := []byte(`{"Responses":{"users":[` + strings.Join(items, ",") + `]},"UnprocessedKeys":{},"ConsumedCapacity":[{"TableName":"users","CapacityUnits":50,"Table":{"CapacityUnits":50}}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readBatch(text, rows); err != nil {
			b.Fatal(err)
		}
	}
}
