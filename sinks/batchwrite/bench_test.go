package batchwrite

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// BenchmarkEncode is the cost of checking and encoding one row of ten
// attributes, some 350 bytes.
func BenchmarkEncode(b *testing.B) {
	rows := make([]string, 2048)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":{"S":"USER#%d"},"email":{"S":"user%d@example.org"},"name":{"S":"A name, of two parts"},"status":{"S":"active"},`+
			`"balance":{"N":"%d.25"},"since":{"S":"2021-03-04T05:06:07Z"},"age":{"N":"42"},"country":{"S":"NL"},"vip":{"BOOL":true},"note":{"S":"a note with \"quotes\" and a line\nend"}}`, i, i, i)
	}
	batch := sinktest.Batch(b, memory.NewGoAllocator(), 0, rows)
	defer batch.Release()
	e := encoder{fixedOp: deliver.Put, fixed: delivery.NewTable("users", &dynamo.Table{
		Keys:    []dynamo.Key{{Name: "id", Kind: attr.String}},
		Indexes: []dynamo.Index{{Name: "by-email", Keys: []dynamo.Key{{Name: "email", Kind: attr.String}}}},
	})}
	b.ReportAllocs()
	p, i := delivery.NewPage(batch), 0
	for b.Loop() {
		if i == len(rows) {
			p, i = delivery.NewPage(batch), 0
		}
		var out deliver.Row
		no, err := e.row(b.Context(), p, i, &out)
		if no.Refused() || err != nil || out.Bytes == 0 {
			b.Fatal(no, err)
		}
		i++
	}
}

// BenchmarkRequestBody is the cost of the body of a request of 25 rows.
func BenchmarkRequestBody(b *testing.B) {
	rows := make([]*deliver.Row, 25)
	for i := range rows {
		rows[i] = &deliver.Row{Table: "users", Body: make([]byte, 350)}
	}
	b.ReportAllocs()
	for b.Loop() {
		appendRequest(make([]byte, 0, 25*351+128), rows)
	}
}

// BenchmarkAnswer is the cost of reading the usual answer.
func BenchmarkAnswer(b *testing.B) {
	s, rows := example(b)
	text := []byte(`{"UnprocessedItems":{},"ConsumedCapacity":[{"TableName":"orders","CapacityUnits":25,"Table":{"CapacityUnits":25}}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.parse(text, rows); err != nil {
			b.Fatal(err)
		}
	}
}
