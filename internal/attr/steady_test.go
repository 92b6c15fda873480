package attr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/record"
)

// A steady builder makes the batches that any other does, in memory that is
// given back, whatever becomes of its columns from batch to batch.
func TestSteadyBuilder(t *testing.T) {
	value := rapid.SampledFrom([]string{`"x"`, `""`, `"a longer text than any that came before it"`, `7`, `true`, `null`, `["x"]`, `"\n"`, `"`, ""})
	rapid.Check(t, func(t *rapid.T) {
		mem := memory.NewCheckedAllocator(record.NewPool()) // which gives more room than was asked for
		steady, plain := NewBuilder(mem).Steady(), NewBuilder(mem)
		var kept []*record.Batch
		var want []string
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			for range rapid.IntRange(0, 9).Draw(t, "rows") {
				var members []string
				for _, name := range []string{"a", "b", "c"} {
					if v := value.Draw(t, "value"); v != "" {
						members = append(members, fmt.Sprintf("%q:%s", name, v))
					}
				}
				text := []byte(`{` + strings.Join(members, ",") + `}`)
				for _, b := range []*Builder{steady, plain} {
					if b.AddObject(text) != nil {
						b.Drop()
						continue
					}
					b.EndRow(record.Pos{})
				}
			}
			batch := plain.Batch(&record.Place{})
			want = append(want, linesOf(batch))
			batch.Release()
			kept = append(kept, steady.Batch(&record.Place{}))
		}
		steady.Release()
		plain.Release()
		for i, batch := range kept { // none of them was written over by a later one
			if got := linesOf(batch); got != want[i] {
				t.Fatalf("batch %d is %s, want %s", i, got, want[i])
			}
			batch.Release()
		}
		if n := mem.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes were not given back", n)
		}
	})
}

func linesOf(b *record.Batch) string {
	var out []byte
	for row := range b.Rows() {
		out = append(AppendRow(out, b, row), '\n')
	}
	return string(out)
}
