package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// manyRows is a batch of more than two chunks, with rows that differ in shape.
func manyRows(t testing.TB) *record.Batch {
	t.Helper()
	rows := make([]string, 2*chunkRows+77)
	for i := range rows {
		switch i % 5 {
		case 0:
			rows[i] = fmt.Sprintf(`{"n":{"N":"%d.50"},"s":{"S":"row %d"},"b":{"BOOL":true}}`, i, i)
		case 1:
			rows[i] = fmt.Sprintf(`{"n":{"S":"%d"},"s":{"NULL":true},"m":{"M":{"x":{"N":"%d"}}}}`, i, i)
		case 2:
			rows[i] = `{"s":{"S":"é"},"b":{"BOOL":false}}`
		case 3:
			rows[i] = fmt.Sprintf(`{"n":{"N":"%d"},"s":{"S":""},"m":{"L":[{"S":"%d"}]}}`, -i, i)
		default:
			rows[i] = `{}`
		}
	}
	return batchOf(t, rows...)
}

// Loops go over batches of several chunks, in which every row finds its place.
func TestColumnsOfManyChunks(t *testing.T) {
	b := manyRows(t)
	for _, src := range []string{
		`row.n`, `row.s`, `row.m.x`, `row.m`, `"fixed"`, `row.n * 2`, `"<${row.s}>"`, `row.b ? row.n : row.s`, `row.n > 500`,
		`try(row.n * 2, "none")`, `upper(coalesce(row.s, "-"))`, `[row.n, row.s]`, `{ n = row.n, m = row.m }`, `uuid()`, `meta.line * 2`,
		`[for i in [1, 2] : "${i}${row.s}"]`, `try([for i in [1, 2] : i * row.n], null)`, `row.b && row.n < 900`, `row.missing`,
		`row.n == row.n && row.s != ""`, `row.s == null || startswith(row.s, "row 1")`,
	} {
		x := compiled(t, runScope(), src)
		why := map[int]string{}
		c := x.Column(memory.DefaultAllocator, "made", b, func(row int, err error) { why[row] = err.Error() })
		for row := range b.Rows() {
			want, err := x.Eval(b, row)
			if got := attr.At(c, row); !identical(got, want) || err != nil && err.Error() != why[row] || err == nil && why[row] != "" {
				t.Fatalf("%s on row %d: %s %q, the walk gives %s %v", src, row, show(got), why[row], show(want), err)
			}
		}
		if c.Name != "made" || c.Values.Len() != b.Rows() {
			t.Errorf("%s: column %q of %d rows", src, c.Name, c.Values.Len())
		}
		c.Values.Release()
		agreeOnConditions(t, x, b)
		agreeOneByOne(t, x, b)
	}
}

// agreeOneByOne holds a cursor that leaves rows out against the walk.
func agreeOneByOne(t *testing.T, x *Expr, b *record.Batch) {
	t.Helper()
	cursor := x.Over(b)
	defer cursor.Done()
	for row := 3; row < b.Rows(); row += 1 + row%7 {
		got, err := cursor.At(row)
		want, walked := x.Eval(b, row)
		if !identical(got, want) || fmt.Sprint(err) != fmt.Sprint(walked) {
			t.Fatalf("%s at row %d: %s %v, the walk gives %s %v", x.Source(), row, show(got), err, show(want), walked)
		}
	}
}

// What is usual runs in loops from end to end: no row of it is left to the walk.
func TestUsualRowsAreDecidedByLoops(t *testing.T) {
	b := batchOf(t, testRow)
	for _, src := range []string{
		`row.id`, `"USER#${row.id}#${row.balance}#${row.vip}"`, `upper(row.name)`, `lower("É${row.name}")`, `row.balance * 1.19 > 100 ? "gold" : "standard"`,
		`row.balance / 7`, `row.n % 4 + row.balance - 1`, `row.big == 1`, `row.big < row.balance`, `row.big * 2`, `row.exp + 1`, `row.zip + 1`,
		`row.address.city`, `row.address["city"]`, `row.address.geo.lat * 2`, `row.tags[1]`, `row.tags[row.n - 6]`, `row.missing.x`, `row.users[0].name`,
		`row.missing == null && row.gone == null`, `!row.vip || row.name == "Ada"`, `coalesce(row.missing, row.empty, row.name)`, `try(row.name * 2, row.n)`,
		`can(regex("^A", row.name))`, `regex("[a-z]+", row.name)`, `replace(row.name, "d", "-")`, `replace(row.name, "/d/", "-")`, `substr(row.name, -2, 1)`,
		`trimspace(row.name)`, `length(row.tags) + length(row.name) + length(row.ss)`, `tonumber(row.id) + 1`, `tostring(row.exp)`, `tobool("true")`,
		`abs(row.neg) + floor(row.balance) + ceil(row.balance) + max(row.n, row.balance) + min(1, row.n)`, `sha256(row.id)`, `md5(row.bin)`, `base64encode(row.bin)`,
		`formatdate("DD.MM.YYYY", "2024-0${row.n}-01T00:00:00Z")`, `timeadd("2024-0${row.n}-01T00:00:00Z", "24h")`, `epoch("2024-0${row.n}-01T00:00:00Z")`,
		`contains(["Ada", "Bob"], row.name)`, `uuid()`, `ulid()`, `meta.line + 1`, `meta.file`, `{ id = row.id, tags = [row.n, row.bin, row.gone, row.missing] }`,
		`jsonencode({ id = row.id })`, `split(",", row.name)`, `join("-", row.tags)`, `format("%05d", row.n)`, `[for t in row.tags : "${t}x"]`, `"${length(keys(row))}"`,
	} {
		x := compiled(t, runScope(), src)
		if x.program == nil {
			if !strings.Contains(src, " : ") {
				t.Errorf("%s is walked", src)
			}
			continue
		}
		m := x.program.machine(b, x.run, x.slots)
		v, mask := x.program.chunk(m, 0, allRows[:1])
		if !v.tags[0&mask].decided() {
			t.Errorf("%s is left to the walk: %d", src, v.tags[0&mask])
		}
		x.program.done(m)
	}
}

// A batch whose values would not fit a column rejects the rows that are too
// much (promise 6).
func TestColumnsAreBounded(t *testing.T) {
	b := manyRows(t)
	for _, src := range []string{`"0123456789${meta.line}"`, `[for i in [1] : "0123456789"]`} {
		x := compiled(t, Scope{}, src)
		var failed []int
		var why error
		w := &columnWriter{x: x, maker: &attr.ColumnMaker{}, batch: b, most: 9000, failed: func(row int, err error) { failed, why = append(failed, row), err }}
		w.write()
		if len(failed) == 0 || failed[len(failed)-1] != b.Rows()-1 || !slices.IsSorted(failed) || !strings.Contains(why.Error(), "batch_rows") {
			t.Errorf("%s: %d rows failed: %v", src, len(failed), why)
		}
		c := w.maker.Column(memory.DefaultAllocator, "made")
		if c.Values.Len() != b.Rows() || c.Values.NullN() != len(failed) {
			t.Errorf("%s: %d rows, %d absent, %d failed", src, c.Values.Len(), c.Values.NullN(), len(failed))
		}
		c.Values.Release()
	}
}

// A text that the walk keeps account of is left to it, whatever makes it.
func TestLongTextsAreLeftToTheWalk(t *testing.T) {
	long := strings.Repeat("ab", mostLong)
	b := batchOf(t, `{"s":{"S":"`+long+`"}}`)
	for _, src := range []string{
		`"${row.s}."`, `upper(row.s)`, `trimspace(row.s)`, `substr(row.s, 1, -1)`, `replace(row.s, "a", "x")`, `coalesce(row.s)`, `tostring(row.s)`,
		`[row.s]`, `{ s = row.s }.s`, `split("a", row.s)`, `base64encode(row.s)`, `[for i in [1] : "${row.s}"]`,
		strings.Repeat(`"${`, 40) + `row.s` + strings.Repeat(`}."`, 40),
	} {
		x := compiled(t, Scope{}, src)
		if x.program != nil {
			m := x.program.machine(b, x.run, x.slots)
			if v, _ := x.program.chunk(m, 0, allRows[:1]); v.tags[0] != isUndecided {
				t.Errorf("%s: %d", shorten(src), v.tags[0])
			}
			x.program.done(m)
		}
		agree(t, x, b)
	}
}

// Columns of many goroutines do not mix.
func TestColumnsByGoroutines(t *testing.T) {
	b := manyRows(t)
	x := compiled(t, runScope(), `try("${row.n}${upper(row.s)}${uuid()}", [for i in [1] : row.m], row.n)`)
	done := make(chan string)
	for range 4 {
		go func() {
			for range 5 {
				c := x.Column(memory.DefaultAllocator, "made", b, func(int, error) {})
				for row := range b.Rows() {
					want, _ := x.Eval(b, row)
					if !identical(attr.At(c, row), want) {
						done <- fmt.Sprintf("row %d: %s", row, show(attr.At(c, row)))
						return
					}
				}
				c.Values.Release()
			}
			done <- ""
		}()
	}
	for range 4 {
		if wrong := <-done; wrong != "" {
			t.Error(wrong)
		}
	}
}

// BenchmarkForms is a column of each of some forms, for a row of a full batch.
func BenchmarkForms(b *testing.B) {
	rows := make([]string, benchmarkRows)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":{"S":"%d"},"s":{"S":"Ada Lovelace %d"},"n":{"N":"%d.25"},"t":{"S":"2024-03-01T10:%02d:00Z"},
			"tags":{"L":[{"S":"a"},{"S":"b"}]},"m":{"M":{"city":{"S":"London"},"geo":{"M":{"lat":{"N":"51.%d"}}}}}}`, i, i, i, i%60, i)
	}
	batch := batchOf(b, rows...)
	for _, src := range []string{
		`row.n + 1 > 100 && row.s != ""`, `row.n / 7`, `row.n * 123456789012.5`, `"${row.id}/${row.s}/${row.n}"`, `lower(row.s)`, `substr(row.s, 4, 3)`,
		`replace(row.s, "a", "b")`, `replace(row.s, "/[0-9]+/", "#")`, `regex("[0-9]+", row.s)`, `can(regex("^A", row.s))`, `sha256(row.s)`, `coalesce(row.missing, row.s)`,
		`try(row.missing * 2, 0)`, `formatdate("YYYY/MM", row.t)`, `epoch(row.t)`, `timeadd(row.t, "1h")`, `row.m.geo.lat`, `row.tags[1]`, `length(row.tags)`,
		`{ id = row.id, tags = [row.s, row.n] }`, `jsonencode({ id = row.id, n = row.n })`, `split(" ", row.s)`, `join("-", split(" ", row.s))`, `format("%s-%05d", row.s, floor(row.n))`,
		`contains(["x", "y"], row.id)`, `lookup({ "1" = "one" }, row.id, "many")`, `uuid()`, `[for t in row.tags : upper(t)]`, `merge(row.m, { x = 1 })`, `tostring(row.n)`,
	} {
		x := compiled(b, runScope(), src)
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%benchmarkRows == 0 {
					x.Column(memory.DefaultAllocator, "made", batch, func(_ int, err error) { b.Fatal(err) }).Values.Release()
				}
			}
		})
	}
}
