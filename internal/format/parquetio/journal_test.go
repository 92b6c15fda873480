package parquetio

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
)

var everyType = layout.Layout{Fixed: true, Columns: []layout.Column{
	{Name: "s"}, {Name: "i", Type: layout.Type{Kind: attr.Number, Integer: true}}, {Name: "d", Type: layout.Type{Kind: attr.Number}},
	{Name: "t", Type: layout.Type{Kind: attr.Bool}}, {Name: "b", Type: layout.Type{Kind: attr.Binary}}}}

func begin(t testing.TB, out *bytes.Buffer, journal []byte) (*Writer, error) {
	t.Helper()
	o := WriterOptions{Layout: everyType}
	if journal != nil {
		o.Journal, o.Length = bytes.NewReader(journal), int64(out.Len())
	}
	return NewWriter(out, o)
}

// A file that is taken over at any checkpoint, again and again, has the rows of
// one that is not. Rows that don't fill a row group are not made into one of
// their own, however many checkpoints there are.
func TestGoesOnFromAJournal(t *testing.T) {
	for _, c := range []struct {
		batches, rows, absent int
		groups                int
	}{
		{batches: 20, rows: 9, absent: 30, groups: 1},
		{batches: 20, rows: 7, absent: 0, groups: 1},
		{batches: 5, rows: 1, absent: 100, groups: 1},
		{batches: 3, rows: decentGroupRows + 3, absent: 20, groups: 3}, // each is one that readers like
		{batches: 4, rows: decentGroupRows / 2, absent: 10, groups: 2},
	} {
		for _, gone := range []int{0, 2} { // of how many runs the first are killed after each batch
			random := rand.New(rand.NewPCG(uint64(c.rows), uint64(gone)))
			var out bytes.Buffer
			journal := []byte{}
			w, err := begin(t, &out, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][]string{}
			for i := range c.batches {
				batch := drawBatch(random, c.rows, 1000, c.absent, want).Batch(nil)
				lost := w.rows%3 == 1 // this run is killed after a checkpoint that is not kept
				if lost {
					if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
						t.Fatal(err)
					}
					before := out.Len()
					if _, err := w.Checkpoint(); err != nil {
						t.Fatal(err)
					}
					out.Truncate(before)
					if w, err = begin(t, &out, journal); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
					t.Fatal(err)
				}
				batch.Release()
				lines, err := w.Checkpoint()
				if err != nil {
					t.Fatal(err)
				}
				journal = append(journal, lines...)
				if gone > 0 && i%gone == 0 {
					out.WriteString("what came after")
					out.Truncate(out.Len() - len("what came after"))
					if w, err = begin(t, &out, journal); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if f.NumRowGroups() != c.groups {
				t.Errorf("%d batches of %d rows: %d row groups, not %d", c.batches, c.rows, f.NumRowGroups(), c.groups)
			}
			table := read(t, out.Bytes())
			for name, want := range want {
				if got := cells(table, name); strings.Join(got, "|") != strings.Join(want, "|") {
					t.Errorf("%d batches of %d rows: %s differs", c.batches, c.rows, name)
				}
			}
		}
	}
}

// The statistics of row groups that an earlier run wrote are in the footer.
func TestJournalKeepsStatistics(t *testing.T) {
	files := [2]bytes.Buffer{}
	for i := range files {
		out := &files[i]
		w, err := begin(t, out, nil)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		batch := drawBatch(random, decentGroupRows, 5000, 10, map[string][]string{}).Batch(nil)
		defer batch.Release()
		if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
		journal, err := w.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if w, err = begin(t, out, journal); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("the footer is another when the file was taken over")
	}
}

// Whatever a journal has become, a file is either taken over and can be read, or
// the damage is an error.
func FuzzJournal(f *testing.F) {
	var out bytes.Buffer
	w, err := begin(f, &out, nil)
	if err != nil {
		f.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, rows := range []int{3, decentGroupRows, 2} {
		batch := drawBatch(random, rows, 2, 30, map[string][]string{}).Batch(nil)
		defer batch.Release()
		if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
			f.Fatal(err)
		}
		lines, err := w.Checkpoint()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(lines)
	}
	for _, text := range []string{"", "{}\n", "null\n", "{\"group\":{\"rows\":1}}\n", "{\"pending\":null}\n", "{\"pending\":{\"rows\":9999999}}\n", "{\"pending\":{\"rows\":1,\"columns\":[{},{},{},{},{}]}}\n",
		"{\"pending\":{\"rows\":1,\"columns\":[{\"lengths\":[4294967295,1]},{},{},{},{}]}}\n", "{\"group\""} {
		f.Add([]byte(text))
	}
	length := out.Len()
	f.Fuzz(func(t *testing.T, journal []byte) {
		for _, length := range []int{length, len(magic)} {
			file := bytes.NewBuffer(bytes.Clone(out.Bytes()[:length]))
			w, err := begin(t, file, journal)
			if err != nil {
				if !errors.Is(err, errJournal) {
					t.Errorf("%v is no damage", err)
				}
				continue
			}
			if err := w.Close(); err != nil {
				t.Errorf("taken over, and then: %v", err)
			}
		}
	})
}

// BenchmarkCheckpoint is what a checkpoint costs where rows come slowly: those
// that came since the last one are noted.
func BenchmarkCheckpoint(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	batch := drawBatch(random, 2048, 1000, 10, map[string][]string{}).Batch(nil)
	defer batch.Release()
	var out bytes.Buffer
	w, err := begin(b, &out, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	bytes := 0
	for b.Loop() {
		out.Reset()
		if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
			b.Fatal(err)
		}
		lines, err := w.Checkpoint()
		if err != nil {
			b.Fatal(err)
		}
		bytes += len(lines)
	}
	b.ReportMetric(float64(bytes)/float64(b.N*batch.Rows()), "journal-B/row")
}
