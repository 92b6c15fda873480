package attr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/record"
)

// checked is a builder whose memory must be gone at the end of the test.
func checked(t *testing.T) (*Builder, memory.Allocator) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	b := NewBuilder(mem)
	t.Cleanup(func() {
		b.Release()
		mem.AssertSize(t, 0)
	})
	return b, mem
}

// cut is the builder's batch, released at the end of the test.
func cut(t *testing.T, b *Builder) *record.Batch {
	t.Helper()
	batch := b.Batch(nil)
	t.Cleanup(batch.Release)
	return batch
}

// add keeps rows that are items in DynamoDB JSON.
func add(t *testing.T, b *Builder, items ...string) {
	t.Helper()
	for _, item := range items {
		if err := b.AddItem([]byte(item)); err != nil {
			t.Fatalf("AddItem(%s): %v", item, err)
		}
		b.EndRow(record.Pos{Seq: int64(b.Rows())})
	}
}

// columns describes a batch's columns.
func columns(b *record.Batch) string {
	var out []string
	for i := range b.Columns() {
		out = append(out, b.Column(i).Name+":"+b.Column(i).Type.String())
	}
	return strings.Join(out, " ")
}

func wantRows(t *testing.T, b *record.Batch, items ...string) {
	t.Helper()
	if b.Rows() != len(items) {
		t.Fatalf("%d rows, want %d", b.Rows(), len(items))
	}
	for row, want := range items {
		if got := string(AppendRow(nil, b, row)); got != want {
			t.Errorf("row %d is %s, want %s", row, got, want)
		}
		if got := string(NewEncoder(b).AppendRow(nil, row)); got != want {
			t.Errorf("row %d is encoded as %s, want %s", row, got, want)
		}
	}
}

func TestBuilderTypes(t *testing.T) {
	items := []string{
		`{"s":{"S":"a"},"n":{"N":"1.0"},"b":{"BOOL":true},"x":{"B":"YQ=="},"l":{"L":[{"S":"a"}]},"m":{"M":{}},"ss":{"SS":["a"]},"ns":{"NS":["1"]},"bs":{"BS":["YQ=="]}}`,
		`{"s":{"NULL":true},"n":{"NULL":true},"b":{"NULL":true},"x":{"NULL":true},"l":{"NULL":true}}`,
		`{}`,
		`{"s":{"S":""},"n":{"N":"-007"},"b":{"BOOL":false},"x":{"B":""},"l":{"L":[]}}`,
	}
	b, _ := checked(t)
	add(t, b, items...)
	batch := cut(t, b)
	wantRows(t, batch, items...)
	if got, want := columns(batch), "s:string n:number b:bool x:binary l:any m:any ss:any ns:any bs:any"; got != want {
		t.Errorf("columns are %s, want %s", got, want)
	}
	if batch.Origins().Pos[3].Seq != 3 {
		t.Errorf("origins are %v", batch.Origins())
	}
}

func TestBuilderMixedTypes(t *testing.T) {
	items := []string{
		`{"a":{"NULL":true},"b":{"NULL":true},"c":{"BOOL":true},"d":{"B":"YQ=="}}`,
		`{"a":{"S":"\"x\u0001é"},"b":{"NULL":true},"c":{"BOOL":false},"d":{"NULL":true}}`,
		`{}`,
		`{"a":{"N":"1"},"c":{"L":[]},"d":{"S":"a"}}`,
		`{"a":{"NULL":true},"c":{"NULL":true},"d":{"B":"YQ=="}}`,
		`{"a":{"SS":["a"]},"c":{"BOOL":true},"d":{"NS":["1"]}}`,
	}
	b, _ := checked(t)
	add(t, b, items...)
	held := b.Bytes()
	batch := cut(t, b)
	wantRows(t, batch, items...)
	if got, want := columns(batch), "a:any b:string c:any d:any"; got != want {
		t.Errorf("columns are %s, want %s", got, want)
	}
	size := 0
	for i := range batch.Columns() {
		size += batch.Column(i).Values.Data().Buffers()[2].Len()
	}
	if held != size {
		t.Errorf("Bytes() = %d, the columns hold %d", held, size)
	}
	add(t, b, items[1])
	if got := columns(cut(t, b)); got != "a:string b:string c:bool d:string" {
		t.Errorf("the next batch's columns are %s", got)
	}
}

func TestBuilderSetters(t *testing.T) {
	b, _ := checked(t)
	name := []byte("id")
	b.StringBytes(string(name), []byte("a"))
	b.NumberBytes("n", []byte("1"))
	b.Bool("b", true)
	b.Binary("x", []byte{0})
	b.Null("z")
	b.Any("l", []byte(`{"L":[]}`))
	b.Any("t", []byte(`{"S":"\n"}`))
	b.Set("gone", Value{})
	b.EndRow(record.Pos{})
	b.String("id", "first")
	b.Number("n", "1")
	b.String("id", "second") // replaces
	b.Set("n", NullValue())
	b.Null("z")
	b.String("z", "now a string")
	b.Set("l", StringValue("s"))
	b.Set("l", MapValue(nil))
	b.EndRow(record.Pos{})
	batch := cut(t, b)
	wantRows(t, batch,
		`{"id":{"S":"a"},"n":{"N":"1"},"b":{"BOOL":true},"x":{"B":"AA=="},"z":{"NULL":true},"l":{"L":[]},"t":{"S":"\n"}}`,
		`{"id":{"S":"second"},"n":{"NULL":true},"z":{"S":"now a string"},"l":{"M":{}}}`)
	if got, want := columns(batch), "id:string n:number b:bool x:binary z:string l:any t:string"; got != want {
		t.Errorf("columns are %s, want %s", got, want)
	}
}

func TestDropLeavesNoTrace(t *testing.T) {
	b, _ := checked(t)
	add(t, b, `{"a":{"S":"x"},"n":{"NULL":true}}`)
	held := b.Bytes()
	b.Number("a", "1") // makes the column any
	b.String("n", "x") // gives the column a type
	b.Bool("new", true)
	b.Set("l", ListValue(nil))
	b.Drop()
	if err := b.AddItem([]byte(`{"a":{"L":[]},"other":{"S":"y"},"n":{"N":"one"}}`)); err == nil {
		t.Fatal("a number that is none was taken")
	}
	b.Drop()
	if err := b.AddItem([]byte(`{"a":{"S":"half`)); err == nil {
		t.Fatal("half a string was taken")
	}
	b.Drop()
	if b.Rows() != 1 || b.Bytes() != held {
		t.Errorf("%d rows of %d bytes, want 1 of %d", b.Rows(), b.Bytes(), held)
	}
	add(t, b, `{"a":{"S":"y"},"n":{"N":"2"}}`)
	b.String("a", "not ended")
	batch := cut(t, b)
	wantRows(t, batch, `{"a":{"S":"x"},"n":{"NULL":true}}`, `{"a":{"S":"y"},"n":{"N":"2"}}`)
	if got := columns(batch); got != "a:string n:number" {
		t.Errorf("columns are %s", got)
	}
	if empty := cut(t, b); empty.Rows() != 0 || empty.Columns() != 0 {
		t.Errorf("the next batch has %d rows, %d columns", empty.Rows(), empty.Columns())
	}
}

// wide is an item of n attributes that start with prefix.
func wide(prefix string, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"%s%d":{"N":"%d"}`, prefix, i, i))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func TestOverflow(t *testing.T) {
	items := []string{
		wide("a", record.MaxColumns+50),
		wide("b", 20),
		`{"a0":{"S":"x"},"c":{"NULL":true},"d":{"L":[{"S":"x"}]},"e":{"B":"YQ=="}}`,
		`{"a1":{"S":"x"}}`,
	}
	b, mem := checked(t)
	add(t, b, items...)
	if err := b.AddItem([]byte(`{"new":{"S":"x"},"new":{"S":"y"}}`)); err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("a name twice in the overflow: %v", err)
	}
	b.Drop()
	b.String("c", "once")
	b.String("d", "x")
	b.String("c", "again")
	b.EndRow(record.Pos{})
	items = append(items, `{"d":{"S":"x"},"c":{"S":"again"}}`)
	batch := cut(t, b)
	wantRows(t, batch, items...)
	if batch.Columns() != record.MaxColumns || !batch.HasOverflow() {
		t.Fatalf("%d columns, overflow %t", batch.Columns(), batch.HasOverflow())
	}
	if v := Get(batch, fmt.Sprintf("a%d", record.MaxColumns+3), 0); v.Text() != fmt.Sprint(record.MaxColumns+3) {
		t.Errorf("an attribute of the overflow is %v", v)
	}
	if v := Get(batch, "c", 3); v.Kind() != Absent {
		t.Errorf("an attribute that the row does not have is %v", v)
	}
	if got := len(Fields(batch, 0)); got != record.MaxColumns+50 {
		t.Errorf("%d fields", got)
	}
	if got := string(AppendRowJSON(nil, batch, 2, func(name string) { t.Log(name) })); got != `{"a0":"x","c":null,"d":["x"],"e":"YQ=="}` {
		t.Errorf("plain JSON: %s", got)
	}
	picked := Select(mem, batch, []int{3, 0, 0})
	t.Cleanup(picked.Release)
	wantRows(t, picked, items[3], items[0], items[0])
	none := Select(mem, batch, []int{3})
	t.Cleanup(none.Release)
	if none.HasOverflow() {
		t.Error("a row without overflow has overflow cells")
	}
	add(t, b, wide("z", record.MaxColumns))
	if next := cut(t, b); next.Columns()+strings.Count(string(AppendRow(nil, next, 0)), "z") < record.MaxColumns {
		t.Errorf("%d columns", next.Columns())
	}
}

func TestAddItemMakesNoValues(t *testing.T) {
	b, _ := checked(t)
	item, object := []byte(benchItem), []byte(benchObject)
	for name, f := range map[string]func() error{
		"AddItem":   func() error { return b.AddItem(item) },
		"AddObject": func() error { return b.AddObject(object) },
	} {
		row := func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
			b.EndRow(record.Pos{})
		}
		for range 1000 {
			row()
		}
		b.Batch(nil).Release()
		if n := testing.AllocsPerRun(900, row); n != 0 {
			t.Errorf("%s: %v allocations a row", name, n)
		}
		b.Batch(nil).Release()
	}
}

// TestNamesThatAreNoUTF8 has two names which JSON spells the same way.
func TestNamesThatAreNoUTF8(t *testing.T) {
	b, _ := checked(t)
	b.String("\xff", "first")
	b.EndRow(record.Pos{})
	add(t, b, `{"�":{"S":"second"}}`)
	batch := cut(t, b)
	if first, second := Get(batch, "\xff", 0), Get(batch, "\uFFFD", 1); first.Text() != "first" || second.Text() != "second" {
		t.Errorf("got %v and %v", first, second)
	}
}

func TestAddErrors(t *testing.T) {
	b, _ := checked(t)
	for text, want := range map[string]string{
		``:                  "an item must be an object",
		`[]`:                "an item must be an object",
		`{"a":{"S":"x"}} x`: "expected the end of the text",
		`{"a":"x"}`:         "at byte 5: a value in DynamoDB JSON must be an object",
		`{"a":{"S":"x"},"b":{"S":"x"},"a":{"S":"y"}}`: `at byte 29: the name "a" stands twice`,
		`{"a":{"N":5}}`: "at byte 10: N must be a string, found '5'",
	} {
		if err := b.AddItem([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AddItem(%s): %v, want an error with %q", text, err, want)
		}
		b.Drop()
	}
	for text, want := range map[string]string{
		`[1]`:                    "a row must be an object",
		`{"a":1,"a":2}`:          `at byte 7: the name "a" stands twice`,
		`{"a":1,"b":01}`:         "expected ',' or '}'",
		`{"a":x}`:                "expected a value, found 'x'",
		`{"a":`:                  "expected a value, found the end",
		`{"a":[{"b":1,"b":1}]}`:  "stands twice",
		`{"a":` + nines38 + `1}`: "39 significant digits",
	} {
		if err := b.AddObject([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AddObject(%s): %v, want an error with %q", text, err, want)
		}
		b.Drop()
	}
	if batch := cut(t, b); batch.Rows() != 0 || batch.Columns() != 0 {
		t.Errorf("%d rows, %d columns", batch.Rows(), batch.Columns())
	}
}

func TestAddObject(t *testing.T) {
	b, _ := checked(t)
	for _, text := range []string{
		`{"s":"x","n":1.50,"b":true,"z":null,"l":[1,{"a":null}],"m":{}}`,
		"\t{ \"s\" : 5 , \"n\" : null , \"b\" : false }\n",
		`{}`,
	} {
		if err := b.AddObject([]byte(text)); err != nil {
			t.Fatal(err)
		}
		b.EndRow(record.Pos{})
	}
	batch := cut(t, b)
	wantRows(t, batch,
		`{"s":{"S":"x"},"n":{"N":"1.50"},"b":{"BOOL":true},"z":{"NULL":true},"l":{"L":[{"N":"1"},{"M":{"a":{"NULL":true}}}]},"m":{"M":{}}}`,
		`{"s":{"N":"5"},"n":{"NULL":true},"b":{"BOOL":false}}`,
		`{}`)
	if got, want := string(AppendRowJSON(nil, batch, 0, nil)), `{"s":"x","n":1.50,"b":true,"z":null,"l":[1,{"a":null}],"m":{}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendRowJSONSaysWhatIsLost(t *testing.T) {
	b, _ := checked(t)
	add(t, b, `{"a":{"S":"x"},"b":{"B":"YQ=="},"c":{"SS":["x"]},"d":{"M":{"e":{"NS":["1"]}}}}`)
	var lost []string
	got := AppendRowJSON(nil, cut(t, b), 0, func(name string) { lost = append(lost, name) })
	if want := `{"a":"x","b":"YQ==","c":["x"],"d":{"e":[1]}}`; string(got) != want || !slices.Equal(lost, []string{"b", "c", "d"}) {
		t.Errorf("%s, lost %v", got, lost)
	}
}

func TestRowTooLarge(t *testing.T) {
	b, _ := checked(t)
	if err := b.AddItem(make([]byte, MaxRowBytes+1)); err == nil || !strings.Contains(err.Error(), "64 MB") {
		t.Errorf("AddItem of too much: %v", err)
	}
	b.Drop()
	big := strings.Repeat("x", MaxRowBytes/2)
	b.String("a", big)
	b.String("b", big)
	if err := b.Err(); err != nil {
		t.Errorf("a row of just the most: %v", err)
	}
	b.Set("c", ListValue([]Value{StringValue("one more")}))
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "more than 64 MB") {
		t.Errorf("a row of too much: %v", err)
	}
	b.Drop()
	b.held = MaxBatchBytes + 1
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "lower batch_bytes") {
		t.Errorf("a row for a batch of too much: %v", err)
	}
}

func TestItemSize(t *testing.T) {
	// Worked by hand from AWS's page "DynamoDB item sizes and formats".
	for item, want := range map[string]int{
		`{}`:                                     0,
		`{"id":{"S":"é"}}`:                       2 + 2,
		`{"n":{"N":"-1.50"}}`:                    1 + 3,
		`{"b":{"BOOL":false},"z":{"NULL":true}}`: 2 + 2,
		`{"x":{"B":"YWI="}}`:                     1 + 2,
		`{"l":{"L":[]}}`:                         1 + 3,
		`{"l":{"L":[{"S":"ab"},{"N":"1"}]}}`:     1 + 3 + 1 + 2 + 1 + 2,
		`{"m":{"M":{"key":{"S":"\"\n"},"l":{"L":[]}}}}`:                     1 + 3 + 1 + 3 + 2 + 1 + 1 + 3,
		`{"s":{"SS":["ab","c"]},"t":{"NS":["1","22"]},"u":{"BS":["YQ=="]}}`: 3 + 3 + 4 + 1,
	} {
		b, _ := checked(t)
		add(t, b, item)
		batch := cut(t, b)
		if got := Size(batch, 0); got != want {
			t.Errorf("Size of %s = %d, want %d", item, got, want)
		}
		got := 0
		for _, f := range Fields(batch, 0) {
			got += len(f.Name) + f.Value.Size()
		}
		if got != want {
			t.Errorf("sizes of the values of %s add up to %d, want %d", item, got, want)
		}
	}
}

func TestColumnOf(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	for want, values := range map[string][]Value{
		"string": {StringValue("a"), {}, NullValue(), StringValue("")},
		"number": {NullValue(), num("1"), {}},
		"bool":   {BoolValue(true), {}, BoolValue(false), BoolValue(true), NullValue()},
		"binary": {BinaryValue("\x00")},
		"any":    {StringValue("a"), {}, NullValue(), num("1"), ListValue([]Value{NullValue()}), BoolValue(true)},
	} {
		c := ColumnOf(mem, "x", values)
		if c.Type.String() != want || c.Name != "x" || c.Values.Len() != len(values) {
			t.Errorf("%v make a column %s %s of %d", values, c.Name, c.Type, c.Values.Len())
		}
		for row, v := range values {
			if got := At(c, row); !Equal(got, v) {
				t.Errorf("%s column: row %d is %v, want %v", want, row, got, v)
			}
		}
		c.Values.Release()
	}
	none := ColumnOf(mem, "x", make([]Value, 20))
	if none.Values.NullN() != 20 || none.Type != record.String {
		t.Errorf("a column of nothing: %s, %d absent", none.Type, none.Values.NullN())
	}
	none.Values.Release()
}
