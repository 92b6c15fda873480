package attr

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// A column that is said to be bare is: whatever rows there were before, dropped
// ones too, and however they were spelled.
func TestBareColumnsAreBare(t *testing.T) {
	plain := rapid.SampledFrom([]string{`"plain"`, `""`, `"é"`, `"a \" quote"`, `"\n"`, `"\u00e9"`, `"\u0041"`, `"\\\\\\"`, `"\/"`, `7`, `null`, `true`, `["x"]`, `"`, `"x" "y"`, ""})
	bare := 0
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(memory.NewGoAllocator())
		defer b.Release()
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			items := rapid.Bool().Draw(t, "items")
			for range rapid.IntRange(1, 6).Draw(t, "rows") {
				var members []string
				for _, name := range []string{"a", "b"} {
					v := plain.Draw(t, "value")
					if v == "" {
						continue
					}
					if items {
						kind := map[byte]string{'"': "S", '7': "N", 'n': "NULL", 't': "BOOL", '[': "SS"}[v[0]]
						v = `{"` + kind + `":` + strings.NewReplacer("7", `"7"`, "null", "true").Replace(v) + `}`
					}
					members = append(members, `"`+name+`":`+v)
				}
				text := []byte(`{` + strings.Join(members, ",") + `}`)
				add := b.AddObject
				if items {
					add = b.AddItem
				}
				if add(text) != nil {
					b.Drop()
					continue
				}
				if rapid.Bool().Draw(t, "set") { // also in place of what was read
					b.Set("a", StringValue(rapid.SampledFrom([]string{"plain", "\n", "\""}).Draw(t, "text")))
				}
				b.EndRow(record.Pos{})
			}
			batch := b.Batch(&record.Place{})
			for i := range batch.Columns() {
				c := batch.Column(i)
				if !c.Bare {
					continue
				}
				bare++
				if cells, ok := c.Values.(*array.String); !ok || c.Type != record.String || !JSONHoldsBare(cells.ValueOffsets(), cells.ValueBytes()) {
					t.Fatalf("column %s (%v) is said to be bare: %q", c.Name, c.Type, c.Values)
				}
			}
			batch.Release()
		}
	})
	if bare == 0 {
		t.Error("no column was bare")
	}
}
