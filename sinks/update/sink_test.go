package update

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, sinktest.Idle()...) }

// update runs rows through the sink.
func update(t *testing.T, server *dynamotest.Server, endpoint, body string, rows ...string) *sinktest.Outcome {
	t.Helper()
	o, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, endpoint, body), sinks.EndOfInput, 100, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func text(item dynamotest.Item, name string) string {
	switch v := item[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case nil:
		return "absent"
	}
	return fmt.Sprintf("%T", item[name])
}

func TestContract(t *testing.T) {
	server := dynamotest.Start(t)
	markers := server.CreateTable(t, dynamotest.S("id"))
	for name, body := range map[string]string{
		"single": "", "exactly once": "exactly_once = true", "marked": fmt.Sprintf("exactly_once = true\nmarker_table = %q", markers),
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Suite{
				New: func(t *testing.T) sinktest.Subject {
					table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
					return sinktest.Subject{
						Config: sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("table = %q\n%s", table, body)),
						Written: func(t *testing.T) []int {
							var rows []int
							for _, item := range server.Items(t, table) {
								n, err := strconv.Atoi(text(item, "sk"))
								if err != nil || text(item, "text") != strings.Repeat("x", n%50) {
									t.Errorf("item %v", item)
								}
								rows = append(rows, n)
							}
							return rows
						},
						Clean: func(*testing.T) {},
					}
				},
				Row: func(b *attr.Builder, n int) {
					b.String("pk", "row")
					b.Number("sk", strconv.Itoa(n))
					b.String("text", strings.Repeat("x", n%50))
				},
				Misfit: func(b *attr.Builder) { b.String("pk", "row without a sort key") },
				Ignore: sinktest.Idle(),
			}.Run(t)
		})
	}
}

func TestEverythingIsDocumented(t *testing.T) {
	if missing := schema.Undocumented(New().Schema()); len(missing) > 0 {
		t.Errorf("without a sentence: %v", missing)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:             `"table"`,
		`table = "ab"`: `"ab" is no table`,
		"table = row.t\nwrite_capacity = \"50%\"":                                               "row by row",
		"table = \"abc\"\non_condition_failure = \"skip\"":                                      `for a sink with a "condition"`,
		"table = \"abc\"\nset = { a = item.a * 2 }":                                             "one + or -",
		"table = \"abc\"\nset = { a = 1 }\nremove = [\"a\"]":                                    "overlap",
		"table = \"abc\"\nremove = [\"a.\"]":                                                    "no attribute path",
		"table = \"abc\"\nadd = { a = \"x\" }":                                                  "ADD takes a number",
		"table = \"abc\"\ncondition = row.x":                                                    "filter transform",
		"table = \"abc\"\nkey = { a = item.a }":                                                 "item",
		"table = \"abc\"\nmarker_table = \"markers\"":                                           "for exactly_once = true",
		"table = \"abc\"\nidempotency_key = row.id":                                             "for exactly_once = true",
		"table = \"abc\"\nexactly_once = true\nmarker_table = \"m\"":                            `"m" is no table`,
		"table = \"abc\"\nexactly_once = true\nmarker_ttl = \"3d\"":                             `there is no "marker_table"`,
		"table = \"abc\"\nexactly_once = true\nmarker_table = \"markers\"\nmarker_ttl = \"5m\"": "at least \"1h\"",
		"table = \"abc\"\nexactly_once = true\nmarker_table = \"markers\"\nmarker_ttl = \"x\"":  "a duration like",
	} {
		_, diags := sinktest.Decode(t, New, dynamo.NewConnection(), body)
		if got := sinktest.Text(diags); !diags.HasErrors() || !strings.Contains(got, want) {
			t.Errorf("%s\ngives: %s\nwant: %s", body, got, want)
		}
	}
}

// The four clauses, paths, reserved words and odd names, over what is stored.
func TestClauses(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	at := fmt.Sprintf("table = %q\n", table)
	update(t, server, server.Endpoint, at,
		`{"pk":{"S":"a"},"n":{"N":"1"},"m":{"M":{"x":{"N":"1"},"l":{"L":[{"S":"p"},{"S":"q"}]}}},"tags":{"SS":["u","v"]},"gone":{"S":"x"},"odd name":{"S":"o"}}`).Want(t, 1, 0, 0)
	o := update(t, server, server.Endpoint, at+`
set = {
  n         = item.n + row.by
  "m.l[1]"  = row.word
  "m.y"     = if_not_exists(item.m.y, row.by)
  list      = list_append(if_not_exists(item.list, []), [row.word])
  status    = "NEW"
  copy      = item["odd name"]
  left      = row.none
}
add    = { "m.x" = row.by, total = row.by }
remove = ["gone", "[\"odd name\"]"]
delete = { tags = row.tags }`,
		`{"pk":{"S":"a"},"by":{"N":"2.5"},"word":{"S":"w"},"tags":{"SS":["v"]}}`, `{"pk":{"S":"a"},"by":{"N":"2"},"word":{"S":"z"}}`)
	// The second finds neither "odd name" nor what it copies from: it is refused.
	o.Want(t, 1, 0, 1)
	item := server.ItemsBy(t, table, "pk")["a"]
	m := item["m"].(*types.AttributeValueMemberM).Value
	got := []string{text(item, "n"), text(m, "x"), text(m, "y"), text(item, "status"), text(item, "copy"), text(item, "left"), text(item, "total"), text(item, "gone"), text(item, "odd name")}
	if want := "[3.5 3.5 2.5 NEW o absent 2.5 absent absent]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if l := m["l"].(*types.AttributeValueMemberL).Value; len(l) != 2 || l[1].(*types.AttributeValueMemberS).Value != "w" {
		t.Errorf("m.l is %v", l)
	}
	if tags := item["tags"].(*types.AttributeValueMemberSS).Value; len(tags) != 1 || tags[0] != "u" {
		t.Errorf("tags %v", tags)
	}
	if o.Requests() != 2 {
		t.Errorf("%d requests", o.Requests())
	}
}

// Without a clause the row's other attributes are set; what the row lacks stays.
func TestOtherAttributes(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	body := fmt.Sprintf("table = %q", table)
	update(t, server, server.Endpoint, body,
		`{"pk":{"S":"a"},"sk":{"N":"1"},"x":{"S":"1"},"y":{"S":"1"}}`, `{"pk":{"S":"a"},"sk":{"N":"1.0"},"y":{"S":"2"},"z":{"N":"3"}}`, `{"pk":{"S":"b"},"sk":{"N":"2"}}`).Want(t, 3, 0, 0)
	items := server.ItemsBy(t, table, "pk", "sk")
	a := items["a/1"]
	if got := fmt.Sprint(text(a, "x"), " ", text(a, "y"), " ", text(a, "z")); got != "1 2 3" || len(items) != 2 || len(items["b/2"]) != 2 {
		t.Errorf("got %s in %v", got, items)
	}
}

func TestKeys(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	at := fmt.Sprintf("table = %q\n", table)
	o := update(t, server, server.Endpoint, at+`key = { sk = row.n, pk = "P#${row.id}" }
set = { v = row.v }`, `{"id":{"S":"1"},"n":{"N":"7"},"v":{"S":"x"}}`, `{"id":{"S":"1"},"n":{"S":"7"},"v":{"S":"x"}}`, `{"id":{"S":"2"},"v":{"S":"x"}}`)
	o.Want(t, 1, 0, 2)
	if items := server.ItemsBy(t, table, "pk", "sk"); len(items) != 1 || text(items["P#1/7"], "v") != "x" {
		t.Errorf("items %v", items)
	}
	for _, r := range o.Rejects {
		if r.Code == "WrongKeyType" && !strings.Contains(r.Message, "but key gives a string") || r.Code == "MissingKey" && !strings.Contains(r.Message, `key gives nothing for "sk"`) {
			t.Errorf("reject: %+v", r)
		}
	}
	for body, want := range map[string]string{
		`key = { pk = "a" }`:                    "key has no value for sk, the sort key of table",
		`key = { pk = "a", sk = 1, other = 2 }`: "other is not part of the key",
		`set = { sk = 2 }`:                      "sk is part of the key of table",
	} {
		_, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, server.Endpoint, at+body), sinks.EndOfInput, 1)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "test.hcl:3") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Each row may name its table, and each table has its own key.
func TestTablesByRow(t *testing.T) {
	server := dynamotest.Start(t)
	first, second := server.CreateTable(t, dynamotest.S("a")), server.CreateTable(t, dynamotest.S("b"))
	update(t, server, server.Endpoint, "table = row.t",
		fmt.Sprintf(`{"t":{"S":%q},"a":{"S":"1"},"b":{"S":"2"}}`, first), fmt.Sprintf(`{"t":{"S":%q},"a":{"S":"1"},"b":{"S":"2"}}`, second)).Want(t, 2, 0, 0)
	if got := text(server.ItemsBy(t, first, "a")["1"], "b") + text(server.ItemsBy(t, second, "b")["2"], "a"); got != "21" {
		t.Errorf("got %s", got)
	}
}

func TestConditions(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "a"}})
	for _, once := range []string{"false", "true"} {
		body := fmt.Sprintf("table = %q\nset = { v = row.v }\ncondition = exists(item.pk)\nexactly_once = %s\non_condition_failure = ", table, once)
		row := func(pk string) string { return fmt.Sprintf(`{"pk":{"S":%q},"v":{"S":"x"}}`, pk) }
		update(t, server, server.Endpoint, body+`"skip"`, row("a"), row("b")).Want(t, 1, 1, 0)
		o := update(t, server, server.Endpoint, body+`"reject"`, row("a"), row("b"))
		o.Want(t, 1, 0, 1)
		if r := o.Rejects[0]; r.Code != "ConditionalCheckFailedException" || r.Origin.Line != 2 || !strings.Contains(r.Message, "does not hold") {
			t.Errorf("reject: %+v", r)
		}
		_, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, server.Endpoint, body+`"fail"`), sinks.EndOfInput, 1, row("b"))
		if err == nil || !strings.Contains(err.Error(), "the row at rows.jsonl:1: the condition does not hold") {
			t.Errorf("error: %v", err)
		}
	}
	if n := len(server.Items(t, table)); n != 1 {
		t.Errorf("%d items", n)
	}
}

// Counters are exact through every fault with exactly_once: nothing is lost and
// nothing counted twice. Without it a lost answer may count twice, never lose.
func TestCountersThroughFaults(t *testing.T) {
	server := dynamotest.Start(t)
	const keys, each = 20, 25
	var rows []string
	for i := range keys * each {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"k%d"},"n":{"N":"%d"}}`, i%keys, i))
	}
	for _, once := range []bool{true, false} {
		table := server.CreateTable(t, dynamotest.S("pk"))
		p, url := sinktest.StartProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Throttle: 0.10, Error: 0.10, Conflict: 0.10, CutBefore: 0.05, CutAfter: 0.15}})
		o := update(t, server, url, fmt.Sprintf(`table = %q
set = { last = row.n }
add = { count = 1, sum = row.n }
exactly_once = %t
retry {
  base_delay = "1ms"
  max_attempts = 30
}`, table, once), rows...)
		o.Want(t, keys*each, 0, 0)
		beyond := 0
		for pk, item := range server.ItemsBy(t, table, "pk") {
			k, _ := strconv.Atoi(pk[1:])
			count, _ := strconv.Atoi(text(item, "count"))
			if once && (count != each || text(item, "sum") != strconv.Itoa(k*each+keys*each*(each-1)/2)) || count < each {
				t.Errorf("exactly once %t: %s has %v", once, pk, item)
			}
			beyond += count - each
			// Rows of a key go in their order (promise 4).
			if text(item, "last") != strconv.Itoa(k+keys*(each-1)) {
				t.Errorf("%s was last %s", pk, text(item, "last"))
			}
		}
		if !once && beyond == 0 {
			t.Error("no answer was lost: the test shows nothing")
		}
		if p.Stats().Faults[faultproxy.CutAfter] == 0 {
			t.Error("no connection was cut after")
		}
	}
}

// A conditional update whose answer was lost is known by what it left.
func TestLostAnswersOfConditionalUpdates(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := sinktest.StartProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{CutAfter: 0.40}})
	var rows []string
	for i := range 200 {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"k%d"},"v":{"N":"%d"}}`, i%50, i))
	}
	o := update(t, server, url, fmt.Sprintf("table = %q\nset = { v = row.v }\ncondition = !exists(item.v) || item.v < row.v\nretry {\nbase_delay = \"1ms\"\nmax_attempts = 30\n}", table), rows...)
	o.Want(t, 200, 0, 0)
}

// A run that goes on sends rows again that the process before it had written,
// and knows them by what they left: their condition fails because of themselves.
func TestConditionsOfAResumedRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	config := sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("table = %q\nset = { v = row.v }\ncondition = !exists(item.v)", table))
	run := sinktest.Process{Run: "run", Ending: sinks.EndOfInput, Batch: 7}
	rows := []string{`{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"b"},"v":{"N":"2"}}`}
	for range 2 {
		o, err := run.Write(t.Context(), t, config, rows...)
		if err != nil {
			t.Fatal(err)
		}
		o.Want(t, 2, 0, 0)
		run.Resume = o.State
	}
	o, err := run.Write(t.Context(), t, config, rows[0], `{"pk":{"S":"b"},"v":{"N":"3"}}`)
	if err != nil {
		t.Fatal(err)
	}
	o.Want(t, 1, 0, 1)
	run.Resume = nil
	if o, err = run.Write(t.Context(), t, config, rows...); err != nil {
		t.Fatal(err)
	}
	o.Want(t, 0, 0, 2)
}

func TestWhatDynamoDBRefuses(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("table = %q\nset = { n = item.n + 1 }", table)
	o := update(t, server, server.Endpoint, body, `{"pk":{"S":"a"}}`)
	o.Want(t, 0, 0, 1)
	if r := o.Rejects[0]; r.Code != "ValidationException" || r.Operation != "UpdateItem" {
		t.Errorf("reject: %+v", r)
	}
	_, url := sinktest.StartProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{
		sinktest.Marked("UpdateItem", "DENIED", http.StatusBadRequest, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not allowed"}`),
	}})
	_, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, url, fmt.Sprintf("table = %q", table)), sinks.EndOfInput, 1, `{"pk":{"S":"a"},"x":{"S":"DENIED"}}`)
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(err.Error(), table) {
		t.Errorf("error: %v", err)
	}
}

func TestFacts(t *testing.T) {
	for body, want := range map[string]string{
		`set = { a = row.a }`:                  "at least once: a request whose answer was lost, and rows of a resumed run, are sent again, which leaves the same items",
		`add = { a = 1 }`:                      "exactly_once = true prevents that",
		`set = { a = item.a + 1 }`:             "exactly_once = true prevents that",
		"add = { a = 1 }\nexactly_once = true": "exactly once within 10 minutes of the first attempt, by a token; at least once after a longer pause",
		"add = { a = 1 }\nexactly_once = true\nmarker_table = \"markers\"\nmarker_ttl = \"36h\"": "exactly once: each transaction leaves a marker in table markers, by which a repetition is recognised for 36h",
	} {
		config, diags := sinktest.Decode(t, New, dynamo.NewConnection(), "table = row.t\n"+body)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		f, err := config.Facts(t.Context())
		if err != nil || !strings.Contains(f.Guarantee, want) {
			t.Errorf("%s: %s (%v)", body, f.Guarantee, err)
		}
	}
}

// A row is kept by its batch until it has ended, and counts as what is held,
// however little of it is sent (promise 6).
func TestRowsCountAsTheyAreKept(t *testing.T) {
	b := sinktest.Batch(t, memory.DefaultAllocator, 0, []string{`{"id":{"S":"1"},"x":{"S":"` + strings.Repeat("x", 1500) + `"}}`})
	defer b.Release()
	e := testEncoder(t, "add = { count = 1 }", deliver.UpdateItem)
	e.begin(b, record.NewReceipt("node", &record.Tally{}, b.Origins(), nil, nil))
	defer e.shelf.Close()
	defer e.end()
	out, no, err := e.row(t.Context(), 0)
	if err != nil || no.Refused() || out.Kept < 1500 || out.Kept > 1600 || len(out.Body) > 500 {
		t.Errorf("%d bytes kept, %d sent (%v, %v)", out.Kept, len(out.Body), no, err)
	}
}

// testEncoder is one for a table "users" with the key id.
func testEncoder(t testing.TB, body string, operation deliver.Operation) *encoder {
	t.Helper()
	config, diags := sinktest.Decode(t, New, dynamo.NewConnection(), "table = \"users\"\n"+body)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	tables := delivery.NewTables(nil, nil, nil)
	tables.Adopt("users", &dynamo.Table{Keys: []dynamo.Key{{Name: "id", Kind: attr.String}}})
	writer, err := delivery.NewWriter(t.Context(), memory.DefaultAllocator, config.(*Config).Write, tables)
	if err != nil {
		t.Fatal(err)
	}
	return &encoder{operation: operation, writer: writer, once: once{identities: delivery.NewIdentities(nil, "run", "node")}}
}

// BenchmarkEncode is the cost of one row of an update.
func BenchmarkEncode(b *testing.B) {
	var rows []string
	for i := range 2048 {
		rows = append(rows, fmt.Sprintf(`{"id":{"S":"USER#%d"},"email":{"S":"user%d@example.org"},"name":{"S":"A name, of two parts"},"status":{"S":"active"},`+
			`"balance":{"N":"%d.25"},"since":{"S":"2021-03-04T05:06:07Z"},"age":{"N":"42"},"country":{"S":"NL"},"vip":{"BOOL":true}}`, i, i, i))
	}
	batch := sinktest.Batch(b, memory.DefaultAllocator, 0, rows)
	defer batch.Release()
	for name, body := range map[string]string{
		"others":  "",
		"clauses": "set = { name = row.name, since = row.since }\nadd = { balance = row.balance }",
	} {
		for _, operation := range []deliver.Operation{deliver.UpdateItem, deliver.TransactWrite} {
			b.Run(name+" "+operation.String(), func(b *testing.B) {
				e := testEncoder(b, body, operation)
				r := record.NewReceipt("node", &record.Tally{}, batch.Origins(), nil, nil)
				e.begin(batch, r)
				defer e.end()
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if _, no, err := e.row(b.Context(), i%len(rows)); no.Refused() || err != nil {
						b.Fatal(no, err)
					}
					i++
				}
			})
		}
	}
}
