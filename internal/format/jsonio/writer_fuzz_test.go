package jsonio

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
	"github.com/dynapipe/dynapipe/internal/record"
)

// FuzzWriter reads back with encoding/json what was written, in both encodings:
// two rows, so that a column's texts touch each other in memory.
func FuzzWriter(f *testing.F) {
	for _, seed := range [][3]string{
		{"plain", "text", "12.50"}, {"", "\"\\\n\x00\u2028", "-0"}, {"é", "😀", "+007."}, {"\xc3", "\xa9", "1E+5"}, {"a long text that needs no escape", "é and then \t", ".5"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, first, second, number string) {
		if attr.CheckNumber(number) != nil {
			number = "1"
		}
		b := attr.NewBuilder(memory.NewGoAllocator())
		for _, text := range []string{first, second} {
			b.String("s", text)
			b.Number("n", number)
			b.EndRow(record.Pos{})
		}
		batch := b.Batch(nil)
		defer batch.Release()
		for _, dynamoDB := range []bool{false, true} {
			var out bytes.Buffer
			w := NewWriter(&out, WriterOptions{DynamoDB: dynamoDB})
			if refused := formattest.Write(t, w, batch); len(refused) > 0 {
				t.Fatal(refused)
			}
			lines := strings.Split(out.String(), "\n")
			if len(lines) != 3 || lines[2] != "" {
				t.Fatalf("%q is not two lines", out.String())
			}
			for i, want := range []string{first, second} {
				s, n := readLine(t, lines[i], dynamoDB)
				if s != strings.ToValidUTF8(want, "\uFFFD") || attr.CompareNumbers(n, number) != 0 {
					t.Fatalf("%q and %s became %s", want, number, lines[i])
				}
			}
		}
	})
}

// readLine is the two attributes of a line.
func readLine(t *testing.T, line string, dynamoDB bool) (s, n string) {
	t.Helper()
	if dynamoDB {
		var row struct {
			Item struct {
				S struct{ S *string } `json:"s"`
				N struct{ N *string } `json:"n"`
			}
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Item.S.S == nil || row.Item.N.N == nil {
			t.Fatalf("%s: %v", line, err)
		}
		return *row.Item.S.S, *row.Item.N.N
	}
	var row struct {
		S *string     `json:"s"`
		N json.Number `json:"n"`
	}
	if err := json.Unmarshal([]byte(line), &row); err != nil || row.S == nil {
		t.Fatalf("%s: %v", line, err)
	}
	return *row.S, row.N.String()
}
