package batchwrite

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// A row takes units of the indexes that it is in, and of no other.
func TestUnitsOfARow(t *testing.T) {
	users := delivery.NewTable("users", &dynamo.Table{
		Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}},
		Indexes: []dynamo.Index{
			{Name: "by-email", Keys: []dynamo.Key{{Name: "email", Kind: attr.String}}},
			{Name: "by-city", Keys: []dynamo.Key{{Name: "city", Kind: attr.String}, {Name: "zip", Kind: attr.Number}}},
			{Name: "by-pk", Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}}},
		},
	})
	for row, want := range map[string]float64{
		`{"pk":{"S":"1"}}`:                                                    2,
		`{"pk":{"S":"1"},"email":{"S":"e"}}`:                                  3,
		`{"pk":{"S":"1"},"city":{"S":"c"}}`:                                   2,
		`{"pk":{"S":"1"},"zip":{"N":"1"},"email":{"S":"e"}}`:                  3,
		`{"pk":{"S":"1"},"city":{"S":"c"},"zip":{"N":"1"},"email":{"S":"e"}}`: 4,
		`{"pk":{"S":"1"},"x":{"S":"` + strings.Repeat("x", 1500) + `"}}`:      4,
	} {
		b := sinktest.Batch(t, memory.DefaultAllocator, 0, []string{row})
		e := encoder{fixed: users, fixedOp: deliver.Put}
		var out deliver.Row
		no, err := e.row(t.Context(), delivery.NewPage(b), 0, &out)
		b.Release()
		if err != nil || no.Refused() || out.Units != want {
			t.Errorf("%.80s: %v units, want %v (%v, %v)", row, out.Units, want, no, err)
		}
	}
}

// A row that deletes is kept by its batch, and counts as what is held (promise 6).
func TestDeletesCountAsTheyAreKept(t *testing.T) {
	b := sinktest.Batch(t, memory.DefaultAllocator, 0, []string{`{"pk":{"S":"1"},"x":{"S":"` + strings.Repeat("x", 1500) + `"}}`})
	defer b.Release()
	users := delivery.NewTable("users", &dynamo.Table{Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}}})
	e := encoder{fixed: users, fixedOp: deliver.Delete}
	var out deliver.Row
	no, err := e.row(t.Context(), delivery.NewPage(b), 0, &out)
	if err != nil || no.Refused() || out.Kept < 1500 || out.Kept > 1600 || len(out.Body) > 100 {
		t.Errorf("%d bytes kept, %d sent (%v, %v)", out.Kept, len(out.Body), no, err)
	}
}
