package record_test

import (
	"testing"

	"github.com/dynapipe/dynapipe/internal/record"
)

// BenchmarkReceipt ends 25 rows of a batch, one by one and together.
func BenchmarkReceipt(b *testing.B) {
	const request = 25
	for name, end := range map[string]func(*record.Receipt, []int){
		"End": func(r *record.Receipt, rows []int) {
			for _, row := range rows {
				r.End(row, record.Written)
			}
		},
		"EndEach": func(r *record.Receipt, rows []int) { r.EndEach(rows, record.Written) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var tally record.Tally
			rows := make([]int, request)
			for i := range rows {
				rows[i] = i
			}
			places := origins(request)
			for b.Loop() {
				end(record.NewReceipt("sink.a.b", &tally, places, nil, nil), rows)
			}
		})
	}
}
