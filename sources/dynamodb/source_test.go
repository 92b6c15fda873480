package dynamodb

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
)

func TestContract(t *testing.T) {
	s := dynamotest.Start(t)
	table := s.CreateTable(t, dynamotest.S("id"))
	// Items of one attribute: a server may give attributes in another order
	// each time, and the suite compares rows as text.
	for _, id := range ids(0, 20) {
		s.Put(t, table, dynamotest.Item{"id": &types.AttributeValueMemberS{Value: id}})
	}
	for name, body := range map[string]string{
		"scan":  "segments = 3\npage_size = 5",
		"query": "key_condition = item.id == \"007\"",
	} {
		t.Run(name, func(t *testing.T) {
			rows := map[string]int{"scan": 20, "query": 1}[name]
			sourcetest.Run(t, sourcetest.Suite{
				New: New, Rows: rows,
				Body:   "connection = connection.dynamodb.main\ntable = \"" + table + "\"\n" + body,
				Blocks: map[string]any{"connection.dynamodb.main": connection(s, "")},
			})
		})
	}
}

// everyType is an item with each of DynamoDB's ten types, and the same as the
// service writes it.
const everyType = `{"id":{"S":"é\u0001\"\\x"},"n":{"N":"123456789012345678901234567890.12345678"},"b":{"B":"AAEC/w=="},` +
	`"yes":{"BOOL":true},"no":{"BOOL":false},"nothing":{"NULL":true},"empty":{"S":""},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2.5"]},` +
	`"bs":{"BS":["AQ=="]},"l":{"L":[{"S":"x"},{"M":{}},{"L":[]},{"NULL":true}]},"m":{"M":{"k":{"N":"-1"},"odd.key":{"BOOL":true}}}}`

func TestEveryType(t *testing.T) {
	s := dynamotest.Start(t)
	table := s.CreateTable(t, dynamotest.S("id"))
	client, err := connection(s, "").Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Call(t.Context(), "PutItem", []byte(`{"TableName":"`+table+`","Item":`+everyType+`}`)); err != nil {
		t.Fatal(err)
	}
	got := read(t, decoded(t, connection(s, ""), table, ""))
	want, err := attr.ParseDynamoJSON([]byte(`{"M":` + everyType + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.err != nil || len(got.items) != 1 || !attr.Equal(got.items[0], want) {
		t.Errorf("read %s, %v\nwant %s", attr.AppendDynamoJSON(nil, got.items[0]), got.err, everyType)
	}
}

func TestReads(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 60)
	every3rd := func(from, to int) (out []string) {
		for i, id := range ids(0, to) {
			if i%3 == 0 && i >= from {
				out = append(out, id)
			}
		}
		return out
	}
	tests := []struct {
		name, body string
		want       []string // ids, sorted unless ordered
		ordered    bool
	}{
		{"scan", "", ids(0, 60), false},
		{"segments", "segments = 4", ids(0, 60), false},
		{"small pages", "page_size = 7", ids(0, 60), false},
		{"consistent", "consistent_read = true", ids(0, 60), false},
		{"filter", "filter = item.n < 3 || begins_with(item.id, \"05\")", append(ids(0, 3), ids(50, 60)...), false},
		{"filter that drops whole pages", "page_size = 2\nfilter = item.n == 59", ids(59, 60), false},
		{"filter by a nested value", "filter = item[\"odd.name\"].in[0] != \"x\"", nil, false},
		{"filter by a list", "filter = contains([1, 2, 99], item.n)", ids(1, 3), false},
		{"read capacity", "read_capacity = 1000\nsegments = 2", ids(0, 60), false},
		{"query", "key_condition = item.id == \"042\"", ids(42, 43), true},
		{"query of nothing", "key_condition = item.id == \"x\"", nil, true},
		{"index, query", "index = \"by_group\"\nkey_condition = item.group == \"g0\"\npage_size = 4", every3rd(0, 60), true},
		{"index, query, sort key", "index = \"by_group\"\nkey_condition = item.group == \"g0\" && between(item.n, 30, 40)", every3rd(30, 40), true},
		{"index, query, filter", "index = \"by_group\"\nkey_condition = item.group == \"g0\"\nfilter = item.id < \"010\"", every3rd(0, 10), true},
		{"index, scan", "index = \"by_group\"\nsegments = 2", ids(0, 60), false},
		{"skip_expired without a time to live", "skip_expired = true", ids(0, 60), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := read(t, decoded(t, connection(s, ""), table, test.body))
			if got.err != nil {
				t.Fatal(got.err)
			}
			texts := got.sorted("id")
			if test.ordered {
				texts = got.texts("id")
			}
			if !slices.Equal(texts, test.want) {
				t.Errorf("read %v\nwant %v", texts, test.want)
			}
			if got.meter.Requests == 0 || got.meter.Retries != 0 {
				t.Errorf("%d requests, %d retries", got.meter.Requests, got.meter.Retries)
			}
		})
	}
}

func TestDescending(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 30)
	got := read(t, decoded(t, connection(s, ""), table,
		"index = \"by_group\"\nkey_condition = item.group == \"g1\"\ndescending = true\npage_size = 3\nlimit = 5"))
	if want := []string{"028", "025", "022", "019", "016"}; got.err != nil || !slices.Equal(got.texts("id"), want) {
		t.Errorf("read %v, %v; want %v", got.texts("id"), got.err, want)
	}
}

func TestProjection(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 3)
	config := decoded(t, connection(s, ""), table, `projection = ["id", "[\"odd.name\"].in[0]"]`)
	got := read(t, config)
	if got.err != nil || len(got.items) != 3 {
		t.Fatalf("%d items, %v", len(got.items), got.err)
	}
	for _, item := range got.items {
		if len(item.Fields()) != 2 || item.Get("odd.name").Get("in").Elems()[0].Text() != "x" {
			t.Errorf("read %s", attr.AppendDynamoJSON(nil, item))
		}
	}
	shape := config.Shape()
	if _, ok := shape.Attrs["odd.name"]; !ok || !shape.Attr("other").Nullable() || shape.Attr("other") == shape.Attr("id") {
		t.Errorf("shape %+v", shape)
	}
}

func TestReadsWhatIsUsed(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 3)
	for _, test := range []struct {
		body string
		use  expr.Use
		want int // attributes of an item
	}{
		{"", expr.Everything(), 4},
		{"", expr.UseOf("n", ""), 2},
		{"", expr.UseOf("odd.name"), 2},
		{"", expr.UseOf(), 1},
		{"", expr.UseOf(strings.Repeat("x", 300)), 4},
		{"all_attributes = true", expr.UseOf("n"), 4},
		{`projection = ["n", "group"]`, expr.UseOf("n"), 1},
		{`projection = ["n", "group"]`, expr.UseOf("id"), 1},
		{`index = "by_group"`, expr.UseOf("n"), 4},
		{"key_condition = item.id == \"001\"\nfilter = exists(item.group)", expr.UseOf("n"), 2},
	} {
		config := decoded(t, connection(s, ""), table, test.body)
		config.Narrow(test.use)
		got := read(t, config)
		if got.err != nil || len(got.items) == 0 {
			t.Fatalf("%q: %d items, %v", test.body, len(got.items), got.err)
		}
		for _, item := range got.items {
			if len(item.Fields()) != test.want {
				t.Errorf("%q: read %s, want %d attributes", test.body, attr.AppendDynamoJSON(nil, item), test.want)
			}
		}
	}
}

func TestLimitIsExactOverAllSegments(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 60)
	for _, body := range []string{"limit = 17", "limit = 17\nsegments = 5", "limit = 17\npage_size = 2\nsegments = 3", "limit = 17\nfilter = item.n >= 0"} {
		got := read(t, decoded(t, connection(s, ""), table, body))
		if got.err != nil || len(got.items) != 17 || len(slices.Compact(got.sorted("id"))) != 17 {
			t.Errorf("%q: %d items, %v", body, len(got.items), got.err)
		}
	}
}

func TestOriginsAndCapacity(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 40)
	got := read(t, decoded(t, connection(s, ""), table, "segments = 2\nindex = \"by_group\""))
	next := map[int]int64{}
	for _, o := range got.origins {
		if o.Source != sourcetest.Node || o.Segment < 0 || o.Segment > 1 || o.File != "" || o.Seq != next[o.Segment] {
			t.Fatalf("origin %+v", o)
		}
		next[o.Segment]++
	}
	var units float64
	for _, c := range got.meter.Capacity {
		if c.Table != table {
			t.Errorf("capacity of %+v", c)
		}
		if c.Index == "by_group" {
			units += c.Units
		}
	}
	if units == 0 || got.meter.BytesRead == 0 {
		t.Errorf("capacity %+v, %d bytes read", got.meter.Capacity, got.meter.BytesRead)
	}
	query := read(t, decoded(t, connection(s, ""), table, "key_condition = item.id == \"001\""))
	if len(query.origins) != 1 || query.origins[0].Segment != -1 {
		t.Errorf("origins of a query %+v", query.origins)
	}
}

func TestSkipExpired(t *testing.T) {
	s := dynamotest.Start(t)
	table := s.CreateTable(t, dynamotest.S("id"))
	if _, err := s.Client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &table, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	put := func(id string, expires types.AttributeValue) dynamotest.Item {
		item := dynamotest.Item{"id": &types.AttributeValueMemberS{Value: id}}
		if expires != nil {
			item["expires"] = expires
		}
		return item
	}
	// The run of the test starts at 1700000000.
	s.Put(t, table,
		put("never", nil),
		put("past", &types.AttributeValueMemberN{Value: "1699999999"}),
		put("future", &types.AttributeValueMemberN{Value: "1700000001"}),
		put("text", &types.AttributeValueMemberS{Value: "1699999999"}),
		put("six years ago", &types.AttributeValueMemberN{Value: "1510000000"}))
	for body, want := range map[string][]string{
		"":                    {"future", "never", "past", "six years ago", "text"},
		"skip_expired = true": {"future", "never", "six years ago", "text"},
		"skip_expired = true\nfilter = item.id == \"past\" || item.id == \"text\"": {"text"},
	} {
		got := read(t, decoded(t, connection(s, ""), table, body))
		if got.err != nil || !slices.Equal(got.sorted("id"), want) {
			t.Errorf("%q: read %q, %v; want %q", body, got.sorted("id"), got.err, want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 1)
	for body, want := range map[string]string{
		"index = \"by_grup\"":                                                           "by_group",
		"index = \"by_group\"\nconsistent_read = true":                                  "global secondary index",
		"key_condition = item.n == 1":                                                   "n is no key",
		"key_condition = item.id == 1":                                                  "id is compared with a number",
		"index = \"by_group\"\nkey_condition = item.n == 1":                             "item.group ==",
		"index = \"by_group\"\nkey_condition = item.group > \"a\" && item.n == 1":       "only be compared by ==",
		"key_condition = item.id == \"x\"\nfilter = item.id == \"x\" || exists(item.n)": "put it into key_condition",
	} {
		got := read(t, decoded(t, connection(s, ""), table, body))
		if got.err == nil || !strings.Contains(got.err.Error(), want) || strings.Contains(got.err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", body, got.err, want)
		}
	}
	got := read(t, decoded(t, connection(s, ""), "no-such-table", ""))
	if got.err == nil || !strings.Contains(got.err.Error(), "no-such-table") || !strings.Contains(got.err.Error(), s.Endpoint) {
		t.Errorf("missing table: %v", got.err)
	}
}

func TestDiagnostics(t *testing.T) {
	for body, want := range map[string]string{
		``:                                 "table",
		`table = ""`:                       "empty",
		"table = \"t\"\nsegments = 0":      "1",
		"table = \"t\"\nlimit = 0":         "at least 1",
		"table = \"t\"\nsegmnts = 2":       "segments",
		"table = \"t\"\ndescending = true": "key_condition",
		"table = \"t\"\nsegments = 2\nkey_condition = item.a == 1": "no segments",
		"table = \"t\"\nprojection = [\"a\", \"a.b\"]":             "overlap",
		"table = \"t\"\nprojection = [\"a..b\"]":                   "no attribute path",
		"table = \"t\"\nprojection = []":                           "Empty projection",
		"table = \"t\"\nfilter = item.a + 1 == 2":                  "arithmetic",
		"table = \"t\"\nkey_condition = item.a > 2":                "partition key equal",
		"table = \"t\"\nconnection = connection.dynamodb.other":    "connection.dynamodb",
	} {
		diags := sourcetest.Decode(t, New(), body, nil)
		if len(diags.Errs()) != 1 || !strings.Contains(diags[0].Summary+diags[0].Detail, want) {
			t.Errorf("%q: %v, want one with %q", body, diags, want)
		}
	}
}

func TestFacts(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 2)
	facts, err := decoded(t, connection(s, ""), table, "segments = 3").Facts(t.Context())
	if err != nil || len(facts.Tables) != 1 || !slices.Equal(facts.Tables[0].Keys, []string{"id (S)"}) || facts.Notes[0] != "segments: 3" {
		t.Errorf("facts %+v, %v", facts, err)
	}
	facts, err = decoded(t, connection(s, ""), "no-such-table", "key_condition = item.a == 1").Facts(t.Context())
	if err != nil || !strings.Contains(facts.Tables[0].Note, "ResourceNotFound") || !slices.Contains(facts.Calls, "Query") {
		t.Errorf("facts of a missing table %+v, %v", facts, err)
	}
}

func TestSegmentsByTheTablesSize(t *testing.T) {
	for size, want := range map[int64]int{0: 1, 1: 1, bytesPerSegment: 1, bytesPerSegment + 1: 2} {
		if got := (&Config{}).segmentsFor(&dynamo.Table{SizeBytes: size}); got != want {
			t.Errorf("%d bytes: %d segments, want %d", size, got, want)
		}
	}
	huge := &dynamo.Table{SizeBytes: 1 << 50}
	if got := (&Config{}).segmentsFor(huge); got < 4 || got > 4096 {
		t.Errorf("a huge table: %d segments", got)
	}
	if got := (&Config{limit: 10}).segmentsFor(huge); got != 1 {
		t.Errorf("a few items of a huge table: %d segments", got)
	}
}

func TestChunksOfAPage(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 25)
	got := read(t, decoded(t, connection(s, ""), table, ""), func(s *source) { s.env.Limits.Rows = 10 })
	if !slices.Equal(got.chunks, []int{10, 10, 5}) || got.meter.Requests != 1 {
		t.Errorf("chunks of %v rows in %d requests", got.chunks, got.meter.Requests)
	}
}

var _ sources.Partition = (*partition)(nil)
