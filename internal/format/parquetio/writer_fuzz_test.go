package parquetio

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
)

// FuzzWriter reads back with Arrow's reader what was written: rows of every
// type, with more or fewer different values, in runs or not, some absent, over
// several pages. Rows go in whole batches, or one by one where each batch has
// one that needs it.
func FuzzWriter(f *testing.F) {
	f.Add(uint64(1), uint16(9), uint16(3), uint8(0), uint8(0), false)
	f.Add(uint64(2), uint16(3000), uint16(1), uint8(50), uint8(1), false)
	f.Add(uint64(3), uint16(5000), uint16(700), uint8(20), uint8(2), false)
	f.Add(uint64(4), uint16(9000), uint16(60000), uint8(100), uint8(3), false) // nothing there
	f.Add(uint64(5), uint16(20000), uint16(20000), uint8(3), uint8(0), false)  // several pages
	f.Add(uint64(6), uint16(4000), uint16(4000), uint8(10), uint8(1), true)
	f.Fuzz(func(t *testing.T, seed uint64, rows, different uint16, absent, compression uint8, odd bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := layout.Layout{Fixed: true, Columns: []layout.Column{
			{Name: "s"}, {Name: "i", Type: layout.Type{Kind: attr.Number, Integer: true}}, {Name: "d", Type: layout.Type{Kind: attr.Number}},
			{Name: "t", Type: layout.Type{Kind: attr.Bool}}, {Name: "b", Type: layout.Type{Kind: attr.Binary}}}}
		var out bytes.Buffer
		w, err := NewWriter(&out, WriterOptions{Layout: l,
			Compression: []Compression{None, Snappy, Zstd, Gzip}[compression%4]})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{}
		for left := int(rows); left > 0; {
			n := min(left, 1+random.IntN(4000))
			left -= n
			b := drawBatch(random, n, int(different)+1, int(absent), want)
			if odd {
				b.String("d", "1.5") // converted: its batch goes row by row
				b.EndRow(record.Pos{})
				for name, value := range map[string]string{"s": "~", "i": "~", "d": "1.5", "t": "~", "b": "~"} {
					want[name] = append(want[name], value)
				}
			}
			batch := b.Batch(nil)
			if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
				t.Fatal(err)
			}
			batch.Release()
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if rows == 0 {
			return
		}
		table := read(t, out.Bytes())
		for name, want := range want {
			got := cells(table, name)
			if len(got) != len(want) {
				t.Fatalf("%s: %d rows of %d", name, len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s, row %d: %q, want %q", name, i, got[i], want[i])
				}
			}
		}
	})
}

// drawBatch draws rows, in runs here and there, and notes their cells as text.
func drawBatch(random *rand.Rand, rows, different, absent int, want map[string][]string) *attr.Builder {
	b := attr.NewBuilder(memory.NewGoAllocator())
	n, again := 0, 0
	for range rows {
		if again--; again < 0 {
			n, again = random.IntN(different), random.IntN(1+random.IntN(40))
		}
		for _, name := range []string{"s", "i", "d", "t", "b"} {
			if random.IntN(100) < absent {
				want[name] = append(want[name], "~")
				continue
			}
			var cell string
			switch name {
			case "s":
				cell = strings.Repeat("é", n%70) + fmt.Sprint(n)
				b.String(name, cell)
			case "i":
				cell = fmt.Sprint(n - 100)
				b.Number(name, cell)
			case "d":
				cell = attr.CanonicalNumber(fmt.Sprintf("-%d.%d", n, n%10))
				b.Number(name, cell)
			case "t":
				cell = fmt.Sprint(n%2 == 0)
				b.Bool(name, n%2 == 0)
			case "b":
				cell = fmt.Sprintf("%x", fmt.Sprint(n))
				b.Binary(name, []byte(fmt.Sprint(n)))
			}
			want[name] = append(want[name], cell)
		}
		b.EndRow(record.Pos{})
	}
	return b
}

// Statistics are the least and the greatest of a chunk, and how many are null,
// with a dictionary or without.
func TestStatistics(t *testing.T) {
	b := attr.NewBuilder(memory.NewGoAllocator())
	const rows = 3000
	for i := range rows {
		if i%3 == 0 {
			b.String("s", fmt.Sprintf("value %05d, of which there is one", (i*7919)%rows))
			b.Number("i", fmt.Sprint(i*7919%rows-1000))
			b.String("few", []string{"b", "", "ab", "é"}[i/3%4])
		}
		b.Bool("t", true)
		b.EndRow(record.Pos{})
	}
	batch := b.Batch(nil)
	defer batch.Release()
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: learn(batch)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"value 00000, of which there is one to value 02997, of which there is one, 2000 null",
		"\x18\xfc\xff\xff\xff\xff\xff\xff to \xcd\x07\x00\x00\x00\x00\x00\x00, 2000 null", // -1000 and 1997
		" to é, 2000 null",
		"\x01 to \x01, 0 null",
	} {
		chunk, err := f.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := chunk.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s to %s, %d null", stats.EncodeMin(), stats.EncodeMax(), stats.NullCount()); got != want {
			t.Errorf("column %d: %q, want %q", i, got, want)
		}
		if i == 2 != chunk.HasDictionaryPage() {
			t.Errorf("column %d: dictionary %v", i, chunk.HasDictionaryPage())
		}
	}
}
