package attr

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// A row of ten attributes, 154 bytes as CSV.
const (
	benchItem = `{"id":{"S":"usr-00000042"},"email":{"S":"first.last42@example.com"},"name":{"S":"Zoë \"Z\" Müller"},"status":{"S":"active"},` +
		`"balance":{"N":"1234.56"},"created":{"S":"2026-01-02T03:04:05Z"},"age":{"N":"42"},"country":{"S":"DE"},` +
		`"tags":{"S":"alpha|beta|gamma"},"note":{"S":"says \"hi\",\nand leaves"}}`
	benchObject = `{"id":"usr-00000042","email":"first.last42@example.com","name":"Zoë \"Z\" Müller","status":"active","balance":1234.56,` +
		`"created":"2026-01-02T03:04:05Z","age":42,"country":"DE","tags":["alpha","beta"],"note":"says \"hi\",\nand leaves"}`
)

const benchRows = 2048

func benchAdd(b *testing.B, text string, add func(*Builder, []byte) error) {
	builder := NewBuilder(record.NewPool())
	row := []byte(text)
	b.SetBytes(int64(len(row)))
	b.ReportAllocs()
	for b.Loop() {
		if err := add(builder, row); err != nil {
			b.Fatal(err)
		}
		if builder.EndRow(record.Pos{}); builder.Rows() == benchRows {
			builder.Batch(nil).Release()
		}
	}
}

func BenchmarkAddItem(b *testing.B)   { benchAdd(b, benchItem, (*Builder).AddItem) }
func BenchmarkAddObject(b *testing.B) { benchAdd(b, benchObject, (*Builder).AddObject) }

func BenchmarkSetters(b *testing.B) {
	names := []string{"id", "email", "name", "status", "balance", "created", "age", "country", "tags", "note"}
	cell := []byte("first.last42@example.com")
	benchAdd(b, "", func(builder *Builder, _ []byte) error {
		for _, n := range names {
			builder.StringBytes(n, cell)
		}
		return nil
	})
}

func benchBatch(b *testing.B) *record.Batch {
	builder := NewBuilder(memory.NewGoAllocator())
	for range benchRows {
		if err := builder.AddItem([]byte(benchItem)); err != nil {
			b.Fatal(err)
		}
		builder.EndRow(record.Pos{})
	}
	return builder.Batch(nil)
}

// benchEach runs f on row after row.
func benchEach(b *testing.B, f func(batch *record.Batch, row int)) {
	batch := benchBatch(b)
	defer batch.Release()
	b.ReportAllocs()
	row := 0
	for b.Loop() {
		f(batch, row)
		row = (row + 1) % benchRows
	}
}

func BenchmarkAppendRow(b *testing.B) {
	var dst []byte
	benchEach(b, func(batch *record.Batch, row int) { dst = AppendRow(dst[:0], batch, row) })
}

func BenchmarkEncoderAppendRow(b *testing.B) {
	var dst []byte
	var e *Encoder
	benchEach(b, func(batch *record.Batch, row int) {
		if e == nil {
			e = NewEncoder(batch)
		}
		dst = e.AppendRow(dst[:0], row)
	})
}

func BenchmarkAppendRowJSON(b *testing.B) {
	var dst []byte
	benchEach(b, func(batch *record.Batch, row int) { dst = AppendRowJSON(dst[:0], batch, row, nil) })
}

func BenchmarkEncoderAppendRowJSON(b *testing.B) {
	var dst []byte
	var e *Encoder
	benchEach(b, func(batch *record.Batch, row int) {
		if e == nil {
			e = NewEncoder(batch)
		}
		dst = e.AppendRowJSON(dst[:0], row, nil)
	})
}

func BenchmarkEncoderSize(b *testing.B) {
	var e *Encoder
	benchEach(b, func(batch *record.Batch, row int) {
		if e == nil {
			e = NewEncoder(batch)
		}
		e.Size(row)
	})
}

func BenchmarkSize(b *testing.B) {
	benchEach(b, func(batch *record.Batch, row int) { Size(batch, row) })
}

func BenchmarkSelectHalf(b *testing.B) {
	batch := benchBatch(b)
	defer batch.Release()
	rows := make([]int, 0, benchRows/2)
	for row := 0; row < benchRows; row += 2 {
		rows = append(rows, row)
	}
	mem := memory.NewGoAllocator()
	b.ReportAllocs()
	for b.Loop() {
		Select(mem, batch, rows).Release()
	}
}

func BenchmarkCheckNumber(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = CheckNumber("1234.56")
	}
}

func BenchmarkCompareNumbers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		CompareNumbers("1234.56", "1234.57")
	}
}

func BenchmarkCanonicalNumber(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		CanonicalNumber("1234.56")
	}
}

func BenchmarkParseDynamoJSON(b *testing.B) {
	text := []byte(`{"M":` + benchItem + `}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseDynamoJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}
