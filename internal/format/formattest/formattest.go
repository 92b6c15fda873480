// Package formattest makes batches for the tests of the formats.
package formattest

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Batch is a batch of rows given as DynamoDB JSON maps.
func Batch(t testing.TB, items ...string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.NewGoAllocator())
	for i, item := range items {
		if err := b.AddItem([]byte(item)); err != nil {
			t.Fatalf("item %s: %v", item, err)
		}
		b.EndRow(record.Pos{File: -1, Seq: int64(i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
}

// Writer is a writer of a format.
type Writer interface {
	Write(b *record.Batch, reject func(row int, err error) error) error
	Close() error
}

// Write writes batches and closes the writer; it returns why rows were
// refused, by their number over all batches.
func Write(t testing.TB, w Writer, batches ...*record.Batch) map[int]string {
	t.Helper()
	refused, first := map[int]string{}, 0
	for _, b := range batches {
		err := w.Write(b, func(row int, err error) error {
			refused[first+row] = err.Error()
			return nil
		})
		if err != nil {
			t.Fatalf("Write: %v", err)
		}
		first += b.Rows()
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return refused
}

// Row is a batch of one row of values.
func Row(t testing.TB, fields ...attr.Field) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.NewGoAllocator())
	for _, f := range fields {
		b.Set(f.Name, f.Value)
	}
	b.EndRow(record.Pos{File: -1})
	return b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
}

// Wide is a batch of the ten columns of a usual import: text that needs
// quotes, a decimal, a date, and an attribute that some rows do not have.
func Wide(t testing.TB, rows int) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.NewGoAllocator())
	for i := range rows {
		b.String("id", "user-000042")
		b.String("email", "ada.lovelace@example.org")
		b.String("name", "Ada Lovelace")
		b.String("status", "active")
		b.Number("balance", "1234.50")
		b.String("created", "2026-11-22T10:15:30Z")
		b.Number("age", "36")
		b.String("country", "GB")
		b.Bool("vip", i%3 == 0)
		if i%4 != 0 {
			b.String("note", "says \"hello, world\"\nand more — ünïcode")
		}
		b.EndRow(record.Pos{File: -1, Seq: int64(i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
}
