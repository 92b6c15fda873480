package file

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// readParquet reads column n with Arrow's own reader.
func readParquet(t *testing.T, data []byte) []int {
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() == 0 {
		return nil
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, chunk := range table.Column(0).Data().Chunks() {
		for i := range chunk.Len() {
			switch a := chunk.(type) {
			case *array.Int64:
				out = append(out, int(a.Value(i)))
			case *array.Decimal128:
				whole, _ := a.Value(i).Div(decimal128.GetScaleMultiplier(18))
				out = append(out, int(whole.LowBits()))
			default:
				t.Fatalf("column n is %s", chunk.DataType())
			}
		}
	}
	return out
}
