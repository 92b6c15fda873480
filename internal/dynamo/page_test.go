package dynamo

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

const samplePage = `{"Count":2, "Items" : [ {"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}} ,{"id":{"S":"b"}}],
 "ScannedCount":3,"LastEvaluatedKey":{"id":{"S":"b"}},
 "ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5,"Table":{"CapacityUnits":1.0},"GlobalSecondaryIndexes":{"g":{"CapacityUnits":0.5}}}}`

// itemTexts keeps the text of each item: of those that it reads, as rows are
// read, and of those that it refuses.
type itemTexts struct {
	rows  *attr.Builder // nil refuses all
	items [][]byte
	read  int
}

func (i *itemTexts) ReadItem(text []byte) (int, error) {
	if i.rows == nil {
		return 0, errors.New("refused")
	}
	defer i.rows.Drop()
	n, err := i.rows.TakeItem(text)
	if err == nil {
		i.items = append(i.items, text[:n])
		i.read++
	}
	return n, err
}

func (i *itemTexts) RefuseItem(item []byte, _ error) { i.items = append(i.items, item) }

func readingItems() *itemTexts { return &itemTexts{rows: attr.NewBuilder(memory.DefaultAllocator)} }

func TestParsePage(t *testing.T) {
	for read, items := range map[int]*itemTexts{0: {}, 2: readingItems()} {
		var p Page
		if err := ParsePage([]byte(samplePage), &p, items); err != nil {
			t.Fatal(err)
		}
		if got := string(bytes.Join(items.items, []byte(";"))); got != `{"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}};{"id":{"S":"b"}}` {
			t.Errorf("items %s", got)
		}
		if items.read != read || p.Items != 2 || p.Scanned != 3 || string(p.Last) != `{"id":{"S":"b"}}` {
			t.Errorf("%d items, of which %d were read; scanned %d, last %s", p.Items, items.read, p.Scanned, p.Last)
		}
		c := p.Consumed
		if c.CapacityUnits != 1.5 || c.Table.CapacityUnits != 1 || c.GlobalSecondaryIndexes["g"].CapacityUnits != 0.5 {
			t.Errorf("consumed %+v", c)
		}
	}
}

// An item that is JSON and no item is refused, and the page goes on after it.
func TestParsePageRefuses(t *testing.T) {
	items := readingItems()
	var p Page
	if err := ParsePage([]byte(`{"Items":[{"a":{"S":"1"}},{"a":{"S":"1"},"a":{"S":"2"}},{"a":{"S":"3"}},{"a":1}, 7 ]}`), &p, items); err != nil {
		t.Fatal(err)
	}
	if p.Items != 5 || items.read != 2 || len(items.items) != 5 || string(items.items[1]) != `{"a":{"S":"1"},"a":{"S":"2"}}` || string(items.items[4]) != "7" {
		t.Errorf("%d items, %d read: %q", p.Items, items.read, items.items)
	}
}

func TestParsePageAfterTheLast(t *testing.T) {
	p := Page{Items: 1, Last: []byte("x")}
	if err := ParsePage([]byte(`{"Count":0,"Items":[],"LastEvaluatedKey":null}`), &p, readingItems()); err != nil {
		t.Fatal(err)
	}
	if p.Items != 0 || p.Last != nil {
		t.Errorf("%d items, last %s", p.Items, p.Last)
	}
}

// Every prefix of an answer is an error: a cut answer must never pass for a
// shorter page.
func TestParsePageCut(t *testing.T) {
	for i := range len(samplePage) {
		for _, items := range []*itemTexts{{}, readingItems()} {
			var p Page
			if err := ParsePage([]byte(samplePage[:i]), &p, items); err == nil {
				t.Errorf("the first %d bytes passed for an answer", i)
			}
		}
	}
}

// FuzzParsePage compares with encoding/json on whatever that takes.
func FuzzParsePage(f *testing.F) {
	f.Add([]byte(samplePage))
	f.Add([]byte(`{"Items":[{}],"LastEvaluatedKey":null}`))
	f.Add([]byte(`{"Items":[{"a":{"S":"\\"}}]} {`))
	f.Add([]byte(`{"Items":["\u005d",1,[2,{}]],"ScannedCount":1e3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p Page
		items, framed := readingItems(), &itemTexts{}
		err := ParsePage(body, &p, items)
		if other := ParsePage(body, &p, framed); (err == nil) != (other == nil) {
			t.Fatalf("%q: with its items read: %v, passed over: %v", body, err, other)
		}
		if err == nil && !slices.EqualFunc(items.items, framed.items, bytes.Equal) {
			t.Fatalf("items %q, passed over %q", items.items, framed.items)
		}
		var want struct{ Items []json.RawMessage }
		decoder := json.NewDecoder(bytes.NewReader(body))
		// A duplicate member, and one in another case, mean something else to
		// encoding/json.
		if decoder.Decode(&want) != nil || bytes.Count(bytes.ToLower(body), []byte("tems")) != 1 || bytes.Contains(body, []byte(`\u`)) {
			return
		}
		if err != nil {
			return // stricter: counts, keys, capacity
		}
		if !bytes.Contains(body, []byte(`"Items"`)) {
			return
		}
		for i, item := range items.items {
			if i >= len(want.Items) || !bytes.Equal(bytes.TrimSpace(want.Items[i]), item) {
				t.Fatalf("item %d is %q, want %q", i, item, want.Items)
			}
		}
	})
}

// pageRows keeps the items as rows.
type pageRows struct{ rows *attr.Builder }

func (p pageRows) ReadItem(text []byte) (int, error) {
	n, err := p.rows.TakeItem(text)
	p.rows.EndRow(record.Pos{})
	return n, err
}

func (pageRows) RefuseItem([]byte, error) {}

func BenchmarkParsePage(b *testing.B) {
	item := `{"id":{"S":"customer-000001"},"email":{"S":"someone@example.com"},"balance":{"N":"1234.56"},"note":{"S":"a \"quoted\" note"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}`
	body := []byte(`{"Items":[` + string(bytes.Repeat([]byte(item+","), 5000)) + item + `],"Count":5001,"ScannedCount":5001}`)
	b.SetBytes(int64(len(body)))
	items := pageRows{rows: attr.NewBuilder(memory.NewGoAllocator())}
	var p Page
	for b.Loop() {
		if err := ParsePage(body, &p, items); err != nil {
			b.Fatal(err)
		}
		items.rows.Batch(nil).Release()
	}
}
