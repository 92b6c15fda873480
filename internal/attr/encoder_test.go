package attr

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// An encoder reads a column's memory: also of a part of one, with and without
// absent rows, and of cells and names of every length up to those that are copied
// in other ways.
func TestEncoderOfPartsOfColumns(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := NewBuilder(mem)
	const rows = 2 * framed
	for row := range rows {
		text := strings.Repeat("x", row)
		b.Set("text", StringValue(text))
		b.Set("ümläut", StringValue(strings.Repeat("ü", row)))
		b.Set("odd", StringValue(text+`"`+text))
		b.Set(strings.Repeat("long", 20), StringValue(text))
		b.Set("number", num(fmt.Sprint(row)))
		b.Set("flag", BoolValue(row%3 == 0))
		if row%5 > 0 {
			b.Set("some", StringValue(text))
			b.Set("binary", BinaryValue(text))
		}
		if row%7 == 0 {
			b.Set("some", NullValue())
		}
		b.EndRow(record.Pos{})
	}
	whole := b.Batch(nil)
	defer whole.Release()
	for _, from := range []int{0, 1, 8, 13} {
		columns := make([]record.Column, whole.Columns())
		for i := range columns {
			columns[i] = whole.Column(i)
			columns[i].Nulls = nil // which are not cut with the values
			columns[i].Values = array.NewSlice(columns[i].Values, int64(from), rows-3)
		}
		part := record.New(columns, nil, record.Origins{Pos: make([]record.Pos, rows-3-from)})
		for i := range columns {
			columns[i].Values.Release()
		}
		e := NewEncoder(part)
		lengths := e.Lengths()
		for row := range part.Rows() {
			want := string(AppendRow(nil, part, row))
			exact := make([]byte, 3, 3+len(want)) // with no more room than it takes
			if got := string(e.AppendRow(exact, row)[3:]); got != want {
				t.Fatalf("from %d, row %d: %s, want %s", from, row, got, want)
			}
			if n := int(lengths[row]); n < len(want)*3/4 || n > len(want)+4 {
				t.Fatalf("from %d, row %d: about %d bytes, and it has %d", from, row, n, len(want))
			}
		}
		part.Release()
	}
}

func TestValidText(t *testing.T) {
	for length := range 20 {
		for _, odd := range []string{"é", "漢", "😀", "\xc3", "\xa9", "\xe6\xbc", "\xed\xa0\x80", "\xf8", "é\xff", "éé漢"} {
			for at := range length + 1 {
				text := []byte(strings.Repeat("a", at) + odd + strings.Repeat("b", length-at) + odd)
				if got, want := ValidText(text), utf8.Valid(text); got != want {
					t.Fatalf("%q: %v", text, got)
				}
			}
		}
	}
}

func TestPlainRun(t *testing.T) {
	for length := range 40 {
		for _, odd := range []string{"", `"`, `\`, "\n", "\x00", "é", "\x7f"} {
			for at := range length + 1 {
				text := []byte(strings.Repeat("a", at) + odd + strings.Repeat("b", length-at))
				wantRun, wantHigh := len(text), odd == "é"
				if odd != "" && odd[0] < 0x7f {
					wantRun = at
				}
				if n, high := plainRun(text, 0); n != wantRun || (high != 0) != wantHigh {
					t.Fatalf("%q: %d, %x", text, n, high)
				}
			}
		}
	}
}

// What has no column of its own is a part of the row's bytes.
func TestLengthOfAWideRow(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := NewBuilder(mem)
	defer b.Release()
	for i := range 2 * record.MaxColumns {
		b.Set(fmt.Sprint("attribute", i), StringValue(strings.Repeat("x", 100)))
	}
	b.EndRow(record.Pos{})
	wide := b.Batch(nil)
	defer wide.Release()
	e := NewEncoder(wide)
	if n, is := int(e.Lengths()[0]), len(e.AppendRow(nil, 0)); n < is*3/4 || n > is {
		t.Errorf("about %d bytes, and it has %d", n, is)
	}
}
