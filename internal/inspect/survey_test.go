package inspect

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
)

// batches makes batches of size rows of items in DynamoDB JSON.
func batches(t testing.TB, mem memory.Allocator, size int, items ...string) []*record.Batch {
	t.Helper()
	b := attr.NewBuilder(mem)
	defer b.Release()
	var out []*record.Batch
	place := &record.Place{Source: "source.jsonl.in", Segment: -1}
	for i, item := range items {
		if err := b.AddItem([]byte(item)); err != nil {
			t.Fatalf("%s: %v", item, err)
		}
		b.EndRow(record.Pos{File: -1, Seq: int64(i)})
		if b.Rows() == size || i == len(items)-1 {
			out = append(out, b.Batch(place))
		}
	}
	return out
}

// surveyed adds items in batches of two, and wipes the memory of each.
func surveyed(t testing.TB, text bool, items ...string) *Report {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	s := NewSurvey(text)
	for _, b := range batches(t, mem, 2, items...) {
		s.Add(b, b.Rows())
		b.Release()
	}
	mem.AssertSize(t, 0)
	return s.Report()
}

func (r *Report) attribute(t testing.TB, name string) Attribute {
	t.Helper()
	for _, a := range r.Attributes {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no attribute %q", name)
	return Attribute{}
}

func TestSurveyCountsAttributes(t *testing.T) {
	r := surveyed(t, false,
		`{"id":{"S":"a"},"v":{"N":"1"},"note":{"S":""}}`,
		`{"id":{"S":"bb"},"v":{"S":"x"},"note":{"NULL":true}}`,
		`{"id":{"S":"ccc"},"v":{"N":"1.0"},"tags":{"SS":["p","q"]}}`)
	want := []Attribute{
		{Name: "id", Types: []Count{{"S", 3}}, Present: 3, Bytes: Bytes{1, 2, 3}, Distinct: 3, Example: "a"},
		{Name: "v", Types: []Count{{"N", 2}, {"S", 1}}, Present: 3, Bytes: Bytes{1, 5.0 / 3, 2}, Distinct: 2, Example: "1"}, // 1 is 1.0
		{Name: "note", Types: []Count{{"S", 1}}, Present: 2, Absent: 1, Null: 1, Empty: 1, Distinct: 1},
		{Name: "tags", Types: []Count{{"SS", 1}}, Present: 1, Absent: 2, Bytes: Bytes{2, 2, 2}, Distinct: 1, Example: `["p","q"]`},
	}
	if !reflect.DeepEqual(r.Attributes, want) {
		t.Errorf("attributes\n%+v\nnot\n%+v", r.Attributes, want)
	}
	// By AWS's rule: names and values.
	if r.Items != (Items{Bytes: Bytes{Min: 2 + 1 + 1 + 2 + 4, Avg: (10.0 + 11 + 14) / 3, Max: 2 + 3 + 1 + 2 + 4 + 2}}) {
		t.Errorf("items %+v", r.Items)
	}
	if len(r.Keys) != 1 || r.Keys[0] != (Key{KeyPart{"id", "S"}, 3}) {
		t.Errorf("keys %+v", r.Keys)
	}
}

func TestOnlyTheFirstRowsOfABatch(t *testing.T) {
	b := batches(t, memory.DefaultAllocator, 3, `{"a":{"S":"1"}}`, `{"a":{"S":"2"}}`, `{"a":{"S":"2"}}`)[0]
	defer b.Release()
	s := NewSurvey(false)
	s.Add(b, 2)
	if r := s.Report(); r.Rows != 2 || r.attribute(t, "a").Present != 2 || len(r.Keys) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestItemsOver400KB(t *testing.T) {
	fits := 400<<10 - 1
	r := surveyed(t, false, `{"a":{"S":"`+strings.Repeat("x", fits)+`"}}`, `{"a":{"S":"`+strings.Repeat("x", fits+1)+`"}}`)
	if r.Items.TooLarge != 1 {
		t.Errorf("%d are too large", r.Items.TooLarge)
	}
}

func TestKeyCandidates(t *testing.T) {
	long := func(n int) string { return strings.Repeat("k", n) }
	for name, c := range map[string]struct {
		values []string // of k, as DynamoDB JSON; empty: absent
		is     bool
	}{
		"strings":       {[]string{`{"S":"a"}`, `{"S":"b"}`, `{"S":"c"}`}, true},
		"numbers":       {[]string{`{"N":"1"}`, `{"N":"2"}`, `{"N":"3"}`}, true},
		"binaries":      {[]string{`{"B":"YQ=="}`, `{"B":"Yg=="}`, `{"B":"Yw=="}`}, true},
		"longest":       {[]string{`{"S":"` + long(2048) + `"}`, `{"S":"b"}`, `{"S":"c"}`}, true},
		"repeated":      {[]string{`{"S":"a"}`, `{"S":"b"}`, `{"S":"a"}`}, false},
		"equal numbers": {[]string{`{"N":"1"}`, `{"N":"2"}`, `{"N":"1.0"}`}, false},
		"two types":     {[]string{`{"S":"a"}`, `{"S":"b"}`, `{"N":"1"}`}, false},
		"bools":         {[]string{`{"BOOL":true}`, `{"BOOL":false}`}, false},
		"lists":         {[]string{`{"L":[]}`, `{"L":[{"N":"1"}]}`}, false},
		"too long":      {[]string{`{"S":"` + long(2049) + `"}`, `{"S":"b"}`}, false},
		"empty":         {[]string{`{"S":""}`, `{"S":"b"}`}, false},
		"NULL":          {[]string{`{"S":"a"}`, `{"NULL":true}`}, false},
		"absent first":  {[]string{``, `{"S":"b"}`, `{"S":"c"}`}, false},
		"absent later":  {[]string{`{"S":"a"}`, ``, `{"S":"c"}`}, false},
		"absent last":   {[]string{`{"S":"a"}`, `{"S":"b"}`, ``}, false},
	} {
		var items []string
		for _, v := range c.values {
			if v == "" {
				items = append(items, `{"other":{"S":"same"}}`)
			} else {
				items = append(items, `{"k":`+v+`,"other":{"S":"same"}}`)
			}
		}
		if r := surveyed(t, false, items...); (len(r.Keys) == 1 && r.Keys[0].Name == "k") != c.is || len(r.Pairs) > 0 {
			t.Errorf("%s: keys %v, pairs %v", name, r.Keys, r.Pairs)
		}
	}
}

func TestKeyPairs(t *testing.T) {
	item := func(a, b, c string) string {
		return fmt.Sprintf(`{"order":{"S":%q},"customer":{"S":%q},"kind":{"S":%q}}`, a, b, c)
	}
	r := surveyed(t, false, item("1", "x", "k"), item("2", "x", "k"), item("3", "x", "k"), item("1", "y", "k"))
	// The one with fewer values gathers items, which the other sorts.
	want := []Pair{{Partition: KeyPart{"customer", "S"}, Sort: KeyPart{"order", "S"}, Rows: 4}}
	if len(r.Keys) != 0 || !reflect.DeepEqual(r.Pairs, want) {
		t.Errorf("keys %v, pairs %v", r.Keys, r.Pairs)
	}
	// Only a partition key may be longer than 1,024 bytes.
	long := strings.Repeat("o", 1025)
	r = surveyed(t, false, item(long+"1", "x", "k"), item(long+"2", "x", "k"), item(long+"3", "x", "k"), item(long+"1", "y", "k"))
	if len(r.Pairs) != 1 || r.Pairs[0].Partition.Name != "order" || r.Pairs[0].Sort.Name != "customer" {
		t.Errorf("with a long order: %v", r.Pairs)
	}
	r = surveyed(t, false, item(long+"1", long+"x", "k"), item(long+"2", long+"x", "k"), item(long+"1", long+"y", "k"))
	if len(r.Pairs) != 0 {
		t.Errorf("both too long to sort by: %v", r.Pairs)
	}
}

// TestWhatIsKeptHasAnEnd gives more than there is room for (promise 6).
func TestWhatIsKeptHasAnEnd(t *testing.T) {
	s := NewSurvey(false)
	seq := 0
	for seq < MaxDistinct+5000 {
		b := attr.NewBuilder(memory.DefaultAllocator)
		for range 5000 {
			b.Set("id", attr.StringValue(fmt.Sprint("id", seq)))
			v, err := attr.NumberValue(fmt.Sprint(seq % 7))
			if err != nil {
				t.Fatal(err)
			}
			b.Set("n", v)
			b.EndRow(record.Pos{File: -1, Seq: int64(seq)})
			seq++
		}
		batch := b.Batch(&record.Place{Segment: -1})
		s.Add(batch, batch.Rows())
		batch.Release()
		b.Release()
	}
	r := s.Report()
	if a := r.attribute(t, "id"); a.Distinct != MaxDistinct || !a.DistinctAtLeast {
		t.Errorf("id: %+v", a)
	}
	if a := r.attribute(t, "n"); a.Distinct != 7 || a.DistinctAtLeast {
		t.Errorf("n: %+v", a)
	}
	if len(r.Keys) != 1 || r.Keys[0].Rows != MaxDistinct {
		t.Errorf("keys %+v: unique only as far as values were told apart", r.Keys)
	}
	for _, a := range s.attributes {
		if len(a.hashes) > MaxDistinct || len(a.key.hashes) > maxPairRows {
			t.Errorf("%s keeps %d and %d hashes", a.name, len(a.hashes), len(a.key.hashes))
		}
	}
	if s.distinct != 7 {
		t.Errorf("%d hashes are counted as kept", s.distinct)
	}
}

func TestAttributesBeyondTheColumnsAndBeyondTheRoom(t *testing.T) {
	var wide strings.Builder
	wide.WriteString(`{"pk":{"S":"a"}`)
	for i := range MaxAttributes + 10 {
		fmt.Fprintf(&wide, `,"a%04d":{"N":"%d"}`, i, i)
	}
	wide.WriteString("}")
	r := surveyed(t, false, wide.String(), strings.Replace(wide.String(), `"a"`, `"b"`, 1))
	if len(r.Attributes) != MaxAttributes || r.Beyond != 2*11 {
		t.Errorf("%d attributes, %d values beyond", len(r.Attributes), r.Beyond)
	}
	if a := r.attribute(t, "a0900"); a.Present != 2 || a.Distinct != 1 || a.Example != "900" {
		t.Errorf("an attribute without a column: %+v", a)
	}
	if len(r.Keys) != 1 || r.Keys[0].Name != "pk" {
		t.Errorf("keys %v", r.Keys)
	}
}

func TestExamplesAreShortAndPrintable(t *testing.T) {
	r := surveyed(t, false, `{"a":{"S":"one\ntwo\u001b[2J`+strings.Repeat("é", 500)+`"},"b":{"B":"AAEC"},"c":{"M":{"x":{"L":[{"NULL":true}]}}}}`)
	for name, want := range map[string]string{
		"a": "one two [2J" + strings.Repeat("é", 26) + "...",
		"b": "AAEC",
		"c": `{"x":[null]}`,
	} {
		if got := r.attribute(t, name).Example; got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
}

func TestDynamoDBJSONReadAsPlain(t *testing.T) {
	for text, want := range map[string]bool{
		`{"Item":{"id":{"S":"1"}}}`:            true,
		`{"id":{"S":"1"},"tags":{"SS":["x"]}}`: true,
		`{"id":{"S":"1"},"n":1}`:               false,
		`{"id":{"s":"1"}}`:                     false,
		`{"id":{"S":"1","N":"2"}}`:             false,
	} {
		b := attr.NewBuilder(memory.DefaultAllocator)
		if err := b.AddObject([]byte(text)); err != nil {
			t.Fatal(err)
		}
		b.EndRow(record.Pos{File: -1})
		batch := b.Batch(&record.Place{Segment: -1})
		s := NewSurvey(false)
		s.Add(batch, 1)
		if got := s.Report().LooksLikeItems(); got != want {
			t.Errorf("%s: %t", text, got)
		}
		batch.Release()
		b.Release()
	}
	if (&Report{}).LooksLikeItems() {
		t.Error("nothing looks like items")
	}
}

func TestImportChecksAsASinkDoes(t *testing.T) {
	m := NewImport(&dynamo.Table{Name: "users", Billing: dynamo.BillingOnDemand, Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}, {Name: "sk", Kind: attr.Number}},
		Indexes: []dynamo.Index{
			{Name: "local", Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}, {Name: "at", Kind: attr.Number}}, Projection: "INCLUDE", Included: []string{"note"}},
		}})
	big := strings.Repeat("x", 3000)
	for _, b := range batches(t, memory.DefaultAllocator, 2,
		`{"pk":{"S":"a"},"sk":{"N":"1"},"at":{"N":"5"},"note":{"S":"n"},"big":{"S":"`+big+`"}}`, // 3, and 1 in the index
		`{"pk":{"S":"a"},"sk":{"N":"1.0"},"at":{"N":"5"},"note":{"S":"`+big+`"}}`,               // the same key; 3, and 3
		`{"pk":{"S":"a"},"sk":{"N":"2"}}`, // 1
		`{"pk":{"S":"a"},"sk":{"S":"2"}}`,
		`{"pk":{"S":""},"sk":{"N":"2"}}`,
		`{"sk":{"N":"2"}}`,
		`{"pk":{"S":"b"},"sk":{"N":"1"},"at":{"S":"x"}}`,
		`{"pk":{"S":"b"},"sk":{"N":"1"},"big":{"S":"`+strings.Repeat("x", 400<<10)+`"}}`,
	) {
		m.Add(b, b.Rows())
		b.Release()
	}
	c := m.Cost(80)
	codes := map[string]int64{}
	for _, r := range c.Refusals {
		codes[r.Code] = r.Rows
	}
	if want := map[string]int64{"WrongKeyType": 2, "EmptyKey": 1, "MissingKey": 1, "ItemTooLarge": 1}; !reflect.DeepEqual(codes, want) || c.Refused != 5 {
		t.Errorf("%d refused: %v", c.Refused, codes)
	}
	if c.Rows != 8 || c.Units != 7 || c.Repeats != 1 || len(c.Indexes) != 1 || c.Indexes[0] != (IndexCost{"local", 2, 4}) || c.Total != 11 || c.All != 110 || c.Seconds != 0 {
		t.Errorf("cost %+v", c)
	}
}

func TestTimeAtProvisionedCapacity(t *testing.T) {
	for _, c := range []struct {
		table, index int64
		global       bool
		seconds      float64
		by           string
	}{
		{10, 5, true, 20, "index x"},
		{5, 100, true, 20, "table users"},
		{10, 0, false, 20, "table users"}, // a local index takes of the table's capacity
		{0, 0, true, 0, ""},
	} {
		m := NewImport(&dynamo.Table{Name: "users", ProvisionedWrite: c.table, Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}},
			Indexes: []dynamo.Index{{Name: "x", Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}}, Projection: "ALL", Global: c.global, ProvisionedWrite: c.index}}})
		b := batches(t, memory.DefaultAllocator, 1, `{"pk":{"S":"a"}}`)[0]
		m.Add(b, 1)
		b.Release()
		if got := m.Cost(100); got.Seconds != c.seconds || got.Slowest != c.by {
			t.Errorf("%+v: %v s by %s", c, got.Seconds, got.Slowest)
		}
	}
}

func BenchmarkSurvey(b *testing.B) {
	var items []string
	for i := range 2048 {
		items = append(items, fmt.Sprintf(`{"id":{"S":"user-%d"},"name":{"S":"Name %d"},"age":{"N":"%d"},"mail":{"S":"u%d@example.com"},"vip":{"BOOL":true}}`, i, i%100, i%90, i))
	}
	batch := batches(b, memory.DefaultAllocator, len(items), items...)[0]
	defer batch.Release()
	b.ReportAllocs()
	for b.Loop() {
		NewSurvey(true).Add(batch, batch.Rows())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
}
