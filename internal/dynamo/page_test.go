package dynamo

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

const samplePage = `{"Count":2, "Items" : [ {"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}} ,{"id":{"S":"b"}}],
 "ScannedCount":3,"LastEvaluatedKey":{"id":{"S":"b"}},
 "ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5,"Table":{"CapacityUnits":1.0},"GlobalSecondaryIndexes":{"g":{"CapacityUnits":0.5}}}}`

func TestParsePage(t *testing.T) {
	var p Page
	if err := ParsePage([]byte(samplePage), &p); err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, i := range p.Items {
		items = append(items, string(i))
	}
	if !slices.Equal(items, []string{`{"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}}`, `{"id":{"S":"b"}}`}) {
		t.Errorf("items %q", items)
	}
	if p.Scanned != 3 || string(p.Last) != `{"id":{"S":"b"}}` {
		t.Errorf("scanned %d, last %s", p.Scanned, p.Last)
	}
	c := p.Consumed
	if c.CapacityUnits != 1.5 || c.Table.CapacityUnits != 1 || c.GlobalSecondaryIndexes["g"].CapacityUnits != 0.5 {
		t.Errorf("consumed %+v", c)
	}
}

func TestParsePageAfterTheLast(t *testing.T) {
	p := Page{Items: [][]byte{nil}, Last: []byte("x")}
	if err := ParsePage([]byte(`{"Count":0,"Items":[],"LastEvaluatedKey":null}`), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Items) != 0 || p.Last != nil {
		t.Errorf("items %q, last %s", p.Items, p.Last)
	}
}

// Every prefix of an answer is an error: a cut answer must never pass for a
// shorter page.
func TestParsePageCut(t *testing.T) {
	for i := range len(samplePage) {
		var p Page
		if err := ParsePage([]byte(samplePage[:i]), &p); err == nil {
			t.Errorf("the first %d bytes passed for an answer", i)
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
		err := ParsePage(body, &p)
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
		for i, item := range p.Items {
			if i >= len(want.Items) || !bytes.Equal(bytes.TrimSpace(want.Items[i]), item) {
				t.Fatalf("item %d is %q, want %q", i, item, want.Items)
			}
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	item := `{"id":{"S":"customer-000001"},"email":{"S":"someone@example.com"},"balance":{"N":"1234.56"},"note":{"S":"a \"quoted\" note"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}`
	body := []byte(`{"Items":[` + string(bytes.Repeat([]byte(item+","), 5000)) + item + `],"Count":5001,"ScannedCount":5001}`)
	b.SetBytes(int64(len(body)))
	var p Page
	for b.Loop() {
		if err := ParsePage(body, &p); err != nil {
			b.Fatal(err)
		}
	}
}
