package dynamo

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const sampleBatch = `{"Responses":{"users":[{"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}} ,{"id":{"S":"b"}}],"ord\u0065rs":[]},
 "UnprocessedKeys" : {"orders":{"ConsistentRead":true,"Keys":[{"pk":{"S":"x"},"sk":{"N":"1"}}],"ProjectionExpression":"#n0"}},
 "ConsumedCapacity":[{"TableName":"users","CapacityUnits":1.5}]}`

func TestParseBatchPage(t *testing.T) {
	p := BatchPage{Found: []TableItem{{Table: "old"}}}
	if err := ParseBatchPage([]byte(sampleBatch), &p); err != nil {
		t.Fatal(err)
	}
	text := func(items []TableItem) (out []string) {
		for _, i := range items {
			out = append(out, i.Table+" "+string(i.Item))
		}
		return out
	}
	if got := text(p.Found); !slices.Equal(got, []string{`users {"id":{"S":"a}]\"\\"},"l":{"L":[{"N":"1"},{"M":{}}]}}`, `users {"id":{"S":"b"}}`}) {
		t.Errorf("found %q", got)
	}
	if got := text(p.Back); !slices.Equal(got, []string{`orders {"pk":{"S":"x"},"sk":{"N":"1"}}`}) {
		t.Errorf("given back %q", got)
	}
	if string(p.Consumed) != `[{"TableName":"users","CapacityUnits":1.5}]` {
		t.Errorf("consumed %s", p.Consumed)
	}
	if err := ParseBatchPage([]byte(`{"Responses":null,"UnprocessedKeys":{}}`), &p); err != nil || len(p.Found)+len(p.Back) > 0 || p.Consumed != nil {
		t.Errorf("%v, %+v", err, p)
	}
}

const sampleTransact = `{"Responses":[{"Item":{"id":{"S":"a"}}},{}, null,{"Item":null},{"Item":{}}],"ConsumedCapacity":[]}`

func TestParseTransactPage(t *testing.T) {
	var p TransactPage
	if err := ParseTransactPage([]byte(sampleTransact), &p); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range p.Items {
		got = append(got, string(i))
	}
	if !slices.Equal(got, []string{`{"id":{"S":"a"}}`, "", "", "", "{}"}) || string(p.Consumed) != "[]" {
		t.Errorf("%q, %s", got, p.Consumed)
	}
}

// Every prefix of an answer is an error: a cut answer must never pass for one
// in which items are missing.
func TestParseBatchPagesCut(t *testing.T) {
	for i := range len(sampleBatch) {
		if err := ParseBatchPage([]byte(sampleBatch[:i]), &BatchPage{}); err == nil {
			t.Errorf("the first %d bytes passed for an answer", i)
		}
	}
	for i := range len(sampleTransact) {
		if err := ParseTransactPage([]byte(sampleTransact[:i]), &TransactPage{}); err == nil {
			t.Errorf("the first %d bytes passed for an answer", i)
		}
	}
	for _, text := range []string{`{"Responses":[]}`, `{"Responses":{"t":{}}}`, `{"Responses":{"t":[1]}}`, `{"UnprocessedKeys":{"t":[]}}`, sampleBatch + "x"} {
		if err := ParseBatchPage([]byte(text), &BatchPage{}); err == nil {
			t.Errorf("%s passed for an answer", text)
		}
	}
	for _, text := range []string{`{"Responses":{}}`, `{"Responses":[1]}`, sampleTransact + "x"} {
		if err := ParseTransactPage([]byte(text), &TransactPage{}); err == nil {
			t.Errorf("%s passed for an answer", text)
		}
	}
}

func TestPick(t *testing.T) {
	got, err := Pick([][]byte{[]byte("before")}, []byte(`{"x":{"M":{"pk":{"S":"inner"}}},"s\u006b":{"N":"1"},"pk":{"S":"a"}}`), []string{"pk", "sk", "none"})
	if err != nil || len(got) != 4 || string(got[1]) != `{"S":"a"}` || string(got[2]) != `{"N":"1"}` || got[3] != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Pick(nil, []byte(`{"pk":{"S":"a"}`), []string{"pk"}); err == nil {
		t.Error("half an item passed for one")
	}
}

// FuzzParseBatchPage compares with encoding/json on whatever that takes.
func FuzzParseBatchPage(f *testing.F) {
	f.Add([]byte(sampleBatch))
	f.Add([]byte(`{"Responses":{"t":[{}]},"UnprocessedKeys":{"t":{"Keys":[{"a":{"S":"\\"}}]}}}`))
	f.Add([]byte(`{"Responses":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p BatchPage
		if err := ParseBatchPage(body, &p); err != nil {
			return // stricter
		}
		var want struct {
			Responses       map[string][]json.RawMessage
			UnprocessedKeys map[string]struct{ Keys []json.RawMessage }
		}
		// A member that stands twice, or in another case or spelling, means
		// something else to encoding/json.
		lower := string(bytes.ToLower(body))
		if json.Unmarshal(body, &want) != nil || strings.Count(lower, "responses") > 1 || strings.Count(lower, "unprocessedkeys") > 1 ||
			strings.Count(lower, `"keys"`) > 1 || bytes.Contains(body, []byte(`\`)) || !bytes.Contains(body, []byte(`"Responses"`)) {
			return
		}
		if len(want.Responses) == 1 {
			for table, items := range want.Responses {
				for i, item := range p.Found {
					if item.Table != table || i < len(items) && !bytes.Equal(bytes.TrimSpace(items[i]), item.Item) {
						t.Fatalf("item %d is %s %q, want %s %q", i, item.Table, item.Item, table, items)
					}
				}
			}
		}
	})
}

func BenchmarkParseBatchPage(b *testing.B) {
	item := `{"id":{"S":"customer-000001"},"email":{"S":"someone@example.com"},"balance":{"N":"1234.56"},"note":{"S":"a \"quoted\" note"},"tags":{"L":[{"S":"a"},{"S":"b"}]}}`
	body := []byte(`{"Responses":{"users":[` + strings.Repeat(item+",", 99) + item + `]},"UnprocessedKeys":{}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var p BatchPage
	for b.Loop() {
		if err := ParseBatchPage(body, &p); err != nil {
			b.Fatal(err)
		}
	}
}
