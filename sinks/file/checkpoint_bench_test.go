package file

import (
	"fmt"
	"testing"
)

// BenchmarkCheckpoint is a checkpoint of a file under way, and of thousands, of
// which few have new rows.
func BenchmarkCheckpoint(b *testing.B) {
	for _, files := range []int{1, 5000} {
		b.Run(fmt.Sprintf("%d files", files), func(b *testing.B) {
			r := open(b, config(b, fmt.Sprintf("path = \"%s/${row.k}.jsonl\"", b.TempDir())), 2048)
			var items []string
			for i := range files {
				items = append(items, fmt.Sprintf(`{"k":{"N":"%d"},"text":{"S":"some text"}}`, i))
			}
			if err := r.write(items...); err != nil {
				b.Fatal(err)
			}
			state, err := r.checkpoint() // puts all of them on the disk
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := r.write(items[:1]...); err != nil {
					b.Fatal(err)
				}
				if state, err = r.checkpoint(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(state)), "state-B")
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
