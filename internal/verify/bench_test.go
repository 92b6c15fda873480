package verify

import (
	"fmt"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// BenchmarkDigest is a row of ten attributes to its digest.
func BenchmarkDigest(b *testing.B) {
	const rows = 2048
	pool := record.NewPool()
	build := attr.NewBuilder(pool)
	for i := range rows {
		for j := range 5 {
			build.String(fmt.Sprintf("text%d", j), fmt.Sprintf("some text of row %d", i))
			build.Number(fmt.Sprintf("number%d", j), fmt.Sprintf("%d.50", i))
		}
		build.EndRow(record.Pos{Seq: int64(i)})
	}
	batch := build.Batch(&record.Place{Source: "source.csv.in", Segment: -1})
	defer batch.Release()
	var d digester
	b.ReportAllocs()
	for b.Loop() {
		d.begin(batch)
		for row := range rows {
			d.row(row)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// BenchmarkCompare is keys of both sides to disk and back.
func BenchmarkCompare(b *testing.B) {
	const rows = 100_000
	b.ReportAllocs()
	for b.Loop() {
		dir := b.TempDir()
		want, found := newSpill(dir, "expected", 0), newSpill(dir, "found", 0)
		var scratch []byte
		for i := range rows {
			e := entry{fate: delivery.IsPut, text: []byte(`{"pk":{"S":"user-1234567"},"sk":{"N":"12"}}`), pos: record.Pos{Line: int64(i), Seq: int64(i)}}
			e.key, scratch = keySum(scratch, 0, fmt.Appendf(nil, "%d", i))
			e.digest = e.key
			for _, side := range []*spill{want, found} {
				if err := side.add(&e); err != nil {
					b.Fatal(err)
				}
			}
		}
		for _, side := range []*spill{want, found} {
			if err := side.close(); err != nil {
				b.Fatal(err)
			}
		}
		t := &target{}
		c := &comparison{dir: dir, targets: []*target{t}, places: &places{}, sampler: newSampler(Sample{}), held: maxHeld}
		if err := c.run(b.Context(), want, found); err != nil || t.report.Equal != rows {
			b.Fatal(err, t.report)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/key")
}
