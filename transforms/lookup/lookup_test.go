package lookup

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// use has lookups without a connection use the server at an endpoint.
func use(t testing.TB, server *dynamotest.Server, endpoint string) {
	t.Helper()
	setenv := t.(interface{ Setenv(key, value string) }).Setenv
	for _, v := range server.Environ() {
		name, value, _ := strings.Cut(v, "=")
		setenv(name, value)
	}
	if _, err := url.Parse(endpoint); err != nil {
		t.Fatal(err)
	}
	setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
}

// start gives a test a server that lookups without a connection use.
func start(t testing.TB) *dynamotest.Server {
	t.Helper()
	server := dynamotest.Start(t)
	use(t, server, server.Endpoint)
	return server
}

// opened is a lookup under test.
type opened struct {
	transforms.Transform
	mem    *memory.CheckedAllocator
	limits record.Limits
	meter  *progress.Meter

	mu       sync.Mutex
	requests []progress.Request
}

// open opens a lookup whose block has that body. What it took from its
// allocator has to be back at the end of the test.
func open(t testing.TB, body string) *opened {
	t.Helper()
	o, err := tryOpen(t, body)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func tryOpen(t testing.TB, body string) (*opened, error) {
	t.Helper()
	c := New()
	if diags := transformtest.Diagnose(t, c, body); diags.HasErrors() {
		t.Fatal(diags)
	}
	return openConfig(t, c)
}

func openConfig(t testing.TB, c transforms.Config) (*opened, error) {
	t.Helper()
	o := &opened{mem: memory.NewCheckedAllocator(memory.NewGoAllocator()), limits: record.Limits{Rows: 2048, Bytes: 4 << 20}}
	o.meter = progress.NewMeter(transformtest.Node, func(r progress.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.requests = append(o.requests, r)
	})
	var err error
	o.Transform, err = c.Open(t.Context(), transforms.Env{
		Node: transformtest.Node, Limits: o.limits, Mem: o.mem, Run: &expr.Run{ID: "run", Start: time.Unix(1700000000, 0)}, Meter: o.meter,
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := o.Transform.(transforms.Closer).Close(); err != nil {
			t.Error(err)
		}
		o.mem.AssertSize(t, 0)
	})
	return o, nil
}

// result is what became of one batch.
type result struct {
	rows     []string // in DynamoDB JSON
	values   []attr.Value
	lines    []int64
	rejects  []record.Rejection
	filtered int64
	largest  int64 // item bytes in a batch
	batches  int
}

func (r *result) add(out transforms.Out) {
	for _, p := range out.Parts {
		r.batches++
		var bytes int64
		for row := range p.Batch.Rows() {
			text := attr.AppendRow(nil, p.Batch, row)
			v, err := attr.ParseDynamoJSON([]byte(`{"M":` + string(text) + `}`))
			if err != nil {
				panic(err)
			}
			r.rows, r.values = append(r.rows, string(text)), append(r.values, v)
			r.lines = append(r.lines, p.Batch.Origins().Pos[row].Line)
			bytes += int64(len(text))
		}
		r.largest = max(r.largest, bytes)
	}
	r.rejects = append(r.rejects, out.Rejects...)
	r.filtered += out.Filtered
	out.Release()
}

// batch applies the lookup to one batch, whose first row has that number.
func (o *opened) batch(t testing.TB, first int, rows ...string) (*result, error) {
	t.Helper()
	in := transformtest.Batch(t, o.mem, first, rows...)
	defer in.Release()
	r := &result{}
	out := transforms.NewOut(func(piece transforms.Out) error {
		r.add(piece)
		return nil
	})
	err := o.Apply(t.Context(), in, out)
	r.add(*out)
	if ended := len(r.rows) + len(r.rejects) + int(r.filtered); err == nil && ended != len(rows) {
		t.Errorf("%d rows came in, %d are accounted for", len(rows), ended)
	}
	for _, reject := range r.rejects {
		if reject.Operation == "" || reject.Code == "" || reject.Message == "" || len(reject.Item) == 0 || reject.Origin.Line == 0 {
			t.Errorf("a reject lacks what the dead letter needs: %+v", reject)
		}
	}
	return r, err
}

func (o *opened) apply(t testing.TB, rows ...string) *result {
	t.Helper()
	r, err := o.batch(t, 0, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// calls is the items of each request so far, largest first.
func (o *opened) calls() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	var n []int
	for _, r := range o.requests {
		n = append(n, r.Items)
	}
	slices.Sort(n)
	slices.Reverse(n)
	return n
}

// want compares rows, whatever the order of their attributes and sets.
func (r *result) want(t testing.TB, rows ...string) {
	t.Helper()
	if len(r.rows) != len(rows) {
		t.Fatalf("%d rows, want %d: %s; rejects %+v", len(r.rows), len(rows), r.rows, r.rejects)
	}
	for i, text := range rows {
		v, err := attr.ParseDynamoJSON([]byte(`{"M":` + text + `}`))
		if err != nil {
			t.Fatal(err, text)
		}
		if !attr.Equal(r.values[i], v) {
			t.Errorf("row %d is\n%s, want\n%s", i, r.rows[i], text)
		}
	}
	if !slices.IsSorted(r.lines) {
		t.Errorf("rows left out of order: %v", r.lines)
	}
}

// users makes a table of n items {"id": "u<i>", "name": "User <i>"}.
func users(t testing.TB, server *dynamotest.Server, n int) string {
	t.Helper()
	table := server.CreateTable(t, dynamotest.S("id"))
	items := make([]dynamotest.Item, n)
	for i := range items {
		items[i] = dynamotest.Item{
			"id":   &types.AttributeValueMemberS{Value: fmt.Sprintf("u%d", i)},
			"name": &types.AttributeValueMemberS{Value: fmt.Sprintf("User %d", i)},
		}
	}
	server.Put(t, table, items...)
	return table
}

func orders(n, keys int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"order":{"N":"%d"},"user":{"S":"u%d"}}`, i, i%keys)
	}
	return rows
}

func TestContract(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	server.Put(t, table, dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "1"}, "more": &types.AttributeValueMemberN{Value: "5"}})
	for name, body := range map[string]string{
		// One attribute of the item: the server gives several in any order.
		"attribute":   `get "found" { key = { id = row.id }, projection = "more"`,
		"flatten":     `get "found" { key = { id = row.id }, flatten = true`,
		"projection":  `get "found" { key = { id = row.id }, flatten = true, projection = ["more"]`,
		"drop":        `on_missing = "drop", get "found" { key = { id = row.id }, projection = "more"`,
		"reject":      `on_missing = "reject", get "found" { key = { id = row.id }, projection = "more"`,
		"transaction": `mode = "transaction", get "found" { key = { id = row.id }, projection = "more"`,
		"cache":       `cache = 2, get "found" { key = { id = row.id }, projection = "more"`,
		"conflict":    `get "ok" { key = { id = row.id }, projection = "more"`,
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.NewReplacer(", ", "\n", " { key", " {\nkey").Replace(body)
			transformtest.Contract(t, New, body+fmt.Sprintf("\ntable = %q\n}", table))
		})
	}
}

// Equal keys are asked for once, and requests are full.
func TestThousandRowsOverTwoHundredFiftyKeys(t *testing.T) {
	server := start(t)
	table := users(t, server, 250)
	o := open(t, fmt.Sprintf("get \"who\" {\ntable = %q\nkey = { id = row.user }\n}", table))
	rows := orders(1000, 250)
	r := o.apply(t, rows...)
	want := make([]string, len(rows))
	for i, row := range rows {
		want[i] = fmt.Sprintf(`%s,"who":{"M":{"id":{"S":"u%d"},"name":{"S":"User %d"}}}}`, strings.TrimSuffix(row, "}"), i%250, i%250)
	}
	r.want(t, want...)
	if got := o.calls(); !slices.Equal(got, []int{100, 100, 50}) {
		t.Errorf("requests of %v keys", got)
	}
	s := o.meter.Snapshot()
	if s.Requests != 3 || len(s.Capacity) != 1 || s.Capacity[0].Table != table || s.Capacity[0].Units != 125 {
		t.Errorf("counted: %+v", s)
	}
	// The next batch asks anew: nothing is kept without a cache.
	o.apply(t, orders(300, 100)...)
	if got := o.calls(); !slices.Equal(got, []int{100, 100, 100, 50}) {
		t.Errorf("requests of %v keys", got)
	}
}

func TestRequestsAreCutAtHundredKeys(t *testing.T) {
	server := start(t)
	table := users(t, server, 120)
	for n, want := range map[int][]int{1: {1}, 99: {99}, 100: {100}, 101: {100, 1}} {
		o := open(t, fmt.Sprintf("get \"who\" {\ntable = %q\nkey = { id = row.user }\n}", table))
		if r := o.apply(t, orders(n, n)...); len(r.rows) != n {
			t.Errorf("%d rows of %d", len(r.rows), n)
		}
		if got := o.calls(); !slices.Equal(got, want) {
			t.Errorf("%d keys in requests of %v, want %v", n, got, want)
		}
	}
}

// Keys of two tables share requests; two projections of one table can't.
func TestTablesShareRequests(t *testing.T) {
	server := start(t)
	names, places := users(t, server, 60), server.CreateTable(t, dynamotest.N("pk"), dynamotest.S("sk"))
	var items []dynamotest.Item
	for i := range 60 {
		items = append(items, dynamotest.Item{
			"pk": &types.AttributeValueMemberN{Value: fmt.Sprint(i)}, "sk": &types.AttributeValueMemberS{Value: "place"},
			"city": &types.AttributeValueMemberS{Value: fmt.Sprintf("City %d", i)},
		})
	}
	server.Put(t, places, items...)
	body := fmt.Sprintf(`
get "who" {
  table = %q
  key   = { id = row.user }
}
get "where" {
  table      = %q
  key        = { sk = "place", pk = row.order }
  projection = ["city"]
}`, names, places)
	o := open(t, body)
	r := o.apply(t, orders(40, 40)...)
	for i, v := range r.values {
		if got := v.Get("where"); !attr.Equal(got, attr.MapValue([]attr.Field{{Name: "city", Value: attr.StringValue(fmt.Sprintf("City %d", i))}})) {
			t.Errorf("row %d: where is %v", i, got)
		}
		if got := v.Get("who").Get("name").Text(); got != fmt.Sprintf("User %d", i) {
			t.Errorf("row %d: who is %q", i, got)
		}
	}
	if got := o.calls(); !slices.Equal(got, []int{80}) {
		t.Errorf("requests of %v keys", got)
	}
	if s := o.meter.Snapshot(); len(s.Capacity) != 2 || s.Capacity[0].Units != 20 || s.Capacity[1].Units != 20 {
		t.Errorf("capacity: %+v", s.Capacity)
	}

	o = open(t, body+fmt.Sprintf("\nget \"short\" {\ntable = %q\nkey = { id = row.user }\nprojection = [\"name\"]\n}", names))
	r = o.apply(t, orders(10, 10)...)
	if got := r.values[3].Get("short"); !attr.Equal(got, attr.MapValue([]attr.Field{{Name: "name", Value: attr.StringValue("User 3")}})) || r.values[3].Get("who").Get("id").Text() != "u3" {
		t.Errorf("row: %s", r.rows[3])
	}
	if got := o.calls(); !slices.Equal(got, []int{20, 10}) {
		t.Errorf("requests of %v keys", got)
	}
}

// Two gets that read the same of one table ask for a key once.
func TestGetsOfOneTable(t *testing.T) {
	server := start(t)
	table := users(t, server, 3)
	o := open(t, fmt.Sprintf("get \"from\" {\ntable = %q\nkey = { id = row.a }\n}\nget \"to\" {\ntable = %q\nkey = { id = row.b }\n}", table, table))
	o.apply(t, `{"a":{"S":"u0"},"b":{"S":"u1"}}`, `{"a":{"S":"u1"},"b":{"S":"u1"}}`, `{"a":{"S":"u2"}}`).want(t,
		`{"a":{"S":"u0"},"b":{"S":"u1"},"from":{"M":{"id":{"S":"u0"},"name":{"S":"User 0"}}},"to":{"M":{"id":{"S":"u1"},"name":{"S":"User 1"}}}}`,
		`{"a":{"S":"u1"},"b":{"S":"u1"},"from":{"M":{"id":{"S":"u1"},"name":{"S":"User 1"}}},"to":{"M":{"id":{"S":"u1"},"name":{"S":"User 1"}}}}`,
		`{"a":{"S":"u2"},"from":{"M":{"id":{"S":"u2"},"name":{"S":"User 2"}}}}`)
	if got := o.calls(); !slices.Equal(got, []int{3}) {
		t.Errorf("requests of %v keys", got)
	}
}

func TestOnMissing(t *testing.T) {
	server := start(t)
	table := users(t, server, 1)
	rows := []string{`{"user":{"S":"u0"}}`, `{"user":{"S":"nobody"}}`, `{"user":{"NULL":true}}`, `{"other":{"S":"u0"}}`}
	there := `{"user":{"S":"u0"},"who":{"M":{"id":{"S":"u0"},"name":{"S":"User 0"}}}}`
	for _, mode := range []string{"batch", "transaction"} {
		body := func(missing string) string {
			return fmt.Sprintf("mode = %q\non_missing = %q\nget \"who\" {\ntable = %q\nkey = { id = row.user }\n}", mode, missing, table)
		}
		open(t, body("null")).apply(t, rows...).want(t, there, rows[1], rows[2], rows[3])
		r := open(t, body("drop")).apply(t, rows...)
		if r.want(t, there); r.filtered != 3 || len(r.rejects) > 0 {
			t.Errorf("%s: filtered %d, rejects %+v", mode, r.filtered, r.rejects)
		}
		r = open(t, body("reject")).apply(t, rows...)
		r.want(t, there)
		if len(r.rejects) != 3 {
			t.Fatalf("%s: rejects %+v", mode, r.rejects)
		}
		operation := map[string]string{"batch": "GetItem", "transaction": "TransactGetItems"}[mode]
		slices.SortFunc(r.rejects, func(a, b record.Rejection) int { return int(a.Origin.Line - b.Origin.Line) })
		for i, want := range []string{
			`get "who": table ` + table + ` has no item with the row's key`, `get "who": a part of the key is null`, `get "who": a part of the key is null`,
		} {
			if r := r.rejects[i]; r.Code != "NotFound" || r.Operation != operation || r.Message != want || r.Origin.Line != int64(i+2) || string(r.Item) != rows[i+1] {
				t.Errorf("%s: reject %+v, want %s", mode, r, want)
			}
		}
	}
}

// Rows that can't be asked for are rejected, with a reason that names the get
// and the table, and the others go on.
func TestKeysAreChecked(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	o := open(t, fmt.Sprintf("get \"x\" {\ntable = %q\nkey = { pk = row.a, sk = row.b + 1 }\n}", table))
	r := o.apply(t,
		`{"a":{"S":"k"},"b":{"N":"1"}}`,
		`{"a":{"N":"5"},"b":{"N":"1"}}`,
		`{"a":{"S":""},"b":{"N":"1"}}`,
		`{"a":{"S":"k"},"b":{"S":"many"}}`,
		fmt.Sprintf(`{"a":{"S":%q},"b":{"N":"1"}}`, strings.Repeat("k", 2049)),
		`{"a":{"S":"k"},"b":{"N":"1"},"x":{"NULL":true}}`,
		`{"a":{"BOOL":true},"b":{"N":"1"}}`,
	)
	if len(r.rows) != 1 {
		t.Errorf("rows %s", r.rows)
	}
	for i, want := range []struct{ code, message string }{
		{"WrongKeyType", `get "x": "pk" is the partition key of table ` + table + ` and must be a string (S), but key gives a number (N)`},
		{"EmptyKey", `"pk" is the partition key of table ` + table + ` and is empty`},
		{"ExpressionError", `many`},
		{"KeyTooLong", `2049 bytes, more than the 2048`},
		{"NameConflict", `the row already has an attribute "x"`},
		{"WrongKeyType", `a bool (BOOL)`},
	} {
		if got := r.rejects[i]; got.Code != want.code || !strings.Contains(got.Message, want.message) || got.Operation != "GetItem" || got.Origin.Line != int64(i+2) {
			t.Errorf("reject %d: %+v, want %v", i, got, want)
		}
	}
}

// Numbers are one key however they are spelled, and so are the answers.
func TestNumberKeys(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.N("pk"), dynamotest.B("sk"))
	server.Put(t, table, dynamotest.Item{
		"pk": &types.AttributeValueMemberN{Value: "15"}, "sk": &types.AttributeValueMemberB{Value: []byte{0, 255}}, "v": &types.AttributeValueMemberBOOL{Value: true},
	})
	o := open(t, fmt.Sprintf("get \"x\" {\ntable = %q\nkey = { pk = row.n, sk = row.b }\nprojection = [\"v\"]\n}", table))
	var rows, want []string
	for _, n := range []string{"15", "15.0", "1.5e1", "0015", "16"} {
		row := fmt.Sprintf(`{"n":{"N":%q},"b":{"B":"AP8="}`, n)
		rows = append(rows, row+"}")
		if n != "16" {
			row += `,"x":{"M":{"v":{"BOOL":true}}}`
		}
		want = append(want, row+"}")
	}
	o.apply(t, rows...).want(t, want...)
	if got := o.calls(); !slices.Equal(got, []int{2}) {
		t.Errorf("requests of %v keys", got)
	}
}

const everyType = `"s":{"S":"\"ü\u0000\n"},"empty":{"S":""},"n":{"N":"12345678901234567890123456789012345678"},"t":{"BOOL":true},"b":{"B":"AP8="},"null":{"NULL":true},` +
	`"ss":{"SS":["x","y"]},"ns":{"NS":["1","2.5"]},"bs":{"BS":["AA=="]},"l":{"L":[{"N":"1"},{"NULL":true},{"L":[]}]},"m":{"M":{"a b":{"S":"c"},"e":{"M":{}}}},"name":{"S":"reserved"},"a.b":{"N":"-1.5"}`

// putEveryType puts an item with the key id and one attribute of each type.
func putEveryType(t testing.TB, server *dynamotest.Server) (table string) {
	t.Helper()
	table = server.CreateTable(t, dynamotest.S("id"))
	server.Put(t, table, dynamotest.Item{
		"id": &types.AttributeValueMemberS{Value: "a"}, "s": &types.AttributeValueMemberS{Value: "\"ü\x00\n"}, "empty": &types.AttributeValueMemberS{},
		"n": &types.AttributeValueMemberN{Value: "12345678901234567890123456789012345678"}, "t": &types.AttributeValueMemberBOOL{Value: true},
		"b": &types.AttributeValueMemberB{Value: []byte{0, 255}}, "null": &types.AttributeValueMemberNULL{Value: true},
		"ss": &types.AttributeValueMemberSS{Value: []string{"x", "y"}}, "ns": &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"bs": &types.AttributeValueMemberBS{Value: [][]byte{{0}}},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberNULL{Value: true}, &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
		}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"a b": &types.AttributeValueMemberS{Value: "c"}, "e": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}},
		}},
		"name": &types.AttributeValueMemberS{Value: "reserved"}, "a.b": &types.AttributeValueMemberN{Value: "-1.5"},
	})
	return table
}

// Promise 3, as an attribute and as attributes.
func TestEveryTypeArrives(t *testing.T) {
	server := start(t)
	table := putEveryType(t, server)
	for _, mode := range []string{"batch", "transaction"} {
		body := fmt.Sprintf("mode = %q\nget \"x\" {\ntable = %q\nkey = { id = row.id }\n", mode, table)
		open(t, body+"}").apply(t, `{"id":{"S":"a"}}`, `{"id":{"S":"b"}}`).want(t, `{"id":{"S":"a"},"x":{"M":{"id":{"S":"a"},`+everyType+`}}}`, `{"id":{"S":"b"}}`)
		open(t, body+"flatten = true\n}").apply(t, `{"id":{"S":"b"}}`, `{"id":{"S":"a"},"own":{"N":"1"}}`).want(t, `{"id":{"S":"b"}}`, `{"id":{"S":"a"},"own":{"N":"1"},`+everyType+`}`)
	}
}

func TestProjection(t *testing.T) {
	server := start(t)
	table := putEveryType(t, server)
	for projection, want := range map[string]string{
		`["name", "n"]`:                  `"name":{"S":"reserved"},"n":{"N":"12345678901234567890123456789012345678"}`,
		`["m[\"a b\"]", "[\"a.b\"]"]`:    `"m":{"M":{"a b":{"S":"c"}}},"a.b":{"N":"-1.5"}`,
		`["l[1]", "id"]`:                 `"id":{"S":"a"},"l":{"L":[{"NULL":true}]}`,
		`["nothing", "id.deeper", "ss"]`: `"ss":{"SS":["x","y"]}`,
		`"nothing"`:                      ``,
	} {
		for _, mode := range []string{"batch", "transaction"} {
			o := open(t, fmt.Sprintf("mode = %q\nget \"x\" {\ntable = %q\nkey = { id = row.k }\nprojection = %s\n}", mode, table, projection))
			o.apply(t, `{"k":{"S":"a"}}`, `{"k":{"S":"b"}}`).want(t, `{"k":{"S":"a"},"x":{"M":{`+want+`}}}`, `{"k":{"S":"b"}}`)
		}
	}
}

// A consistent read costs twice as much, a transaction twice that.
func TestConsistentReads(t *testing.T) {
	server := start(t)
	table := users(t, server, 10)
	for settings, units := range map[string]float64{"": 5, "consistent_read = true\n": 10} {
		o := open(t, fmt.Sprintf("get \"x\" {\ntable = %q\nkey = { id = row.user }\n%s}", table, settings))
		o.apply(t, orders(10, 10)...)
		if c := o.meter.Snapshot().Capacity; len(c) != 1 || c[0].Units != units {
			t.Errorf("%q took %+v", settings, c)
		}
	}
	o := open(t, fmt.Sprintf("mode = \"transaction\"\nget \"x\" {\ntable = %q\nkey = { id = row.user }\nconsistent_read = true\n}", table))
	o.apply(t, orders(10, 5)...)
	if s := o.meter.Snapshot(); len(s.Capacity) != 1 || s.Capacity[0].Units != 10 || s.Requests != 5 {
		t.Errorf("counted %+v", s)
	}
}

// Rows with an attribute of the item's are rejected, unless it has the same
// value; an attribute that is absent is filled in.
func TestFlatten(t *testing.T) {
	server := start(t)
	table := users(t, server, 3)
	extra := server.CreateTable(t, dynamotest.S("id"))
	server.Put(t, extra,
		dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "u0"}, "age": &types.AttributeValueMemberN{Value: "30"}, "name": &types.AttributeValueMemberS{Value: "User 0"}},
		dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "u1"}, "name": &types.AttributeValueMemberS{Value: "another"}})
	o := open(t, fmt.Sprintf("get \"a\" {\ntable = %q\nkey = { id = row.id }\nflatten = true\n}\nget \"b\" {\ntable = %q\nkey = { id = row.id }\nflatten = true\n}\nget \"c\" {\ntable = %q\nkey = { id = row.id }\n}", table, extra, table))
	r := o.apply(t,
		`{"id":{"S":"u0"},"n":{"N":"1"}}`,
		`{"id":{"S":"u1"}}`,
		`{"id":{"S":"u2"},"name":{"S":"User 2"}}`,
		`{"id":{"S":"u2"},"name":{"S":"else"}}`,
		`{"id":{"S":"u2"},"name":{"NULL":true}}`,
		`{"id":{"S":"nobody"},"age":{"S":"old"}}`)
	r.want(t,
		`{"id":{"S":"u0"},"n":{"N":"1"},"name":{"S":"User 0"},"age":{"N":"30"},"c":{"M":{"id":{"S":"u0"},"name":{"S":"User 0"}}}}`,
		`{"id":{"S":"u2"},"name":{"S":"User 2"},"c":{"M":{"id":{"S":"u2"},"name":{"S":"User 2"}}}}`,
		`{"id":{"S":"nobody"},"age":{"S":"old"}}`)
	if len(r.rejects) != 3 {
		t.Fatalf("rejects %+v", r.rejects)
	}
	for i, want := range []struct {
		get  string
		line int64
	}{{"a", 4}, {"a", 5}, {"b", 2}} {
		got := r.rejects[i]
		if got.Code != "NameConflict" || got.Origin.Line != want.line || !strings.Contains(got.Message, fmt.Sprintf("get %q: the item has an attribute \"name\", and the row has it with another value", want.get)) {
			t.Errorf("reject %+v", got)
		}
	}
}

// More attributes than a batch has columns are no obstacle.
func TestFlattenWideItems(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	item := dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "wide"}}
	var attributes []string
	for i := range 300 {
		item[fmt.Sprintf("a%d", i)] = &types.AttributeValueMemberN{Value: fmt.Sprint(i)}
		attributes = append(attributes, fmt.Sprintf(`"a%d":{"N":"%d"}`, i, i))
	}
	server.Put(t, table, item)
	all := strings.Join(attributes, ",")
	o := open(t, fmt.Sprintf("get \"x\" {\ntable = %q\nkey = { id = row.id }\nflatten = true\n}", table))
	r := o.apply(t, `{"id":{"S":"wide"},"own":{"BOOL":true}}`, `{"id":{"S":"wide"},"a299":{"N":"299.0"}}`, `{"id":{"S":"wide"},"a299":{"N":"3"}}`, `{"id":{"S":"none"},"own":{"S":"y"}}`)
	r.want(t, `{"id":{"S":"wide"},"own":{"BOOL":true},`+all+`}`, `{"id":{"S":"wide"},`+all+`}`, `{"id":{"S":"none"},"own":{"S":"y"}}`)
	if len(r.rejects) != 1 || !strings.Contains(r.rejects[0].Message, `"a299"`) {
		t.Errorf("rejects %+v", r.rejects)
	}
}

func TestCache(t *testing.T) {
	server := start(t)
	table := users(t, server, 20)
	o := open(t, fmt.Sprintf("cache = 10\nget \"who\" {\ntable = %q\nkey = { id = row.user }\n}", table))
	ask := func(ids ...string) {
		t.Helper()
		var rows, want []string
		for _, id := range ids {
			row := fmt.Sprintf(`{"user":{"S":%q}`, id)
			rows = append(rows, row+"}")
			if id != "nobody" {
				row += fmt.Sprintf(`,"who":{"M":{"id":{"S":%q},"name":{"S":"User %s"}}}`, id, id[1:])
			}
			want = append(want, row+"}")
		}
		o.apply(t, rows...).want(t, want...)
	}
	ask("u0", "u1", "u2", "nobody")
	ask("u2", "nobody", "u0", "u1") // all kept, also that there is none
	if got := o.calls(); !slices.Equal(got, []int{4}) {
		t.Fatalf("requests of %v keys", got)
	}
	ask("u3", "u4", "u5", "u6", "u7", "u8") // ten are kept
	ask("u2")                               // used again
	ask("u9")                               // the oldest goes: nobody
	ask("u2", "nobody")
	if got := o.calls(); !slices.Equal(got, []int{6, 4, 1, 1}) {
		t.Errorf("requests of %v keys", got)
	}
}

// A permanent error ends the run and names the table (promise: within seconds).
func TestOpenSaysWhatIsWrong(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	for body, want := range map[string]string{
		`table = "nowhere", key = { pk = row.a }`:        `get "x": DescribeTable nowhere (`,
		`table = "T", key = { id = row.a }`:              `test.hcl:4,9-11: get "x": key names "id", which is no key: table T has the key pk, sk`,
		`table = "T", key = { pk = row.a }`:              `test.hcl:2,5-8: get "x": key lacks "sk": table T has the key pk, sk`,
		`table = "T", key = { pk = row.a, sk = "text" }`: `key gives string for "sk", and table T has the key pk, sk: it must be a number`,
	} {
		body := strings.ReplaceAll(strings.ReplaceAll("get \"x\" {\n"+body+"\n}", ", key", "\nkey"), `"T"`, fmt.Sprintf("%q", table))
		_, err := tryOpen(t, body)
		if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "table T", "table "+table)) {
			t.Errorf("%s\ngives %v\nwant %s", body, err, want)
		}
	}
}

func TestApplyEndsWithTheContext(t *testing.T) {
	server := start(t)
	table := users(t, server, 1)
	o := open(t, fmt.Sprintf("get \"x\" {\ntable = %q\nkey = { id = row.user }\n}", table))
	in := transformtest.Batch(t, o.mem, 0, orders(3, 3)...)
	defer in.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := &transforms.Out{}
	if err := o.Apply(ctx, in, out); err == nil {
		t.Error("no error")
	}
	out.Release()
}
