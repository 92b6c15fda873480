package transaction

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
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

// transact runs rows through the sink, in batches of seven: groups straddle them.
func transact(t *testing.T, server *dynamotest.Server, endpoint, body string, rows ...string) *sinktest.Outcome {
	t.Helper()
	o, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, endpoint, body), sinks.EndOfInput, 7, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func number(t testing.TB, item dynamotest.Item, name string) int {
	t.Helper()
	v, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		t.Fatalf("%s of %v is no number", name, item)
	}
	n, err := strconv.Atoi(v.Value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestContract(t *testing.T) {
	server := dynamotest.Start(t)
	markers := server.CreateTable(t, dynamotest.S("id"))
	for name, group := range map[string]string{
		"by row": "", "by group": "group_by = row.group", "marked": fmt.Sprintf("group_by = row.group\nexactly_once = true\nmarker_table = %q", markers),
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Suite{
				New: func(t *testing.T) sinktest.Subject {
					table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
					return sinktest.Subject{
						Config: sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("put {\ntable = %q\n}\n%s", table, group)),
						Written: func(t *testing.T) []int {
							var rows []int
							for _, item := range server.Items(t, table) {
								rows = append(rows, number(t, item, "sk"))
							}
							return rows
						},
						Clean: func(*testing.T) {},
					}
				},
				Row: func(b *attr.Builder, n int) {
					b.String("pk", "row")
					b.Number("sk", strconv.Itoa(n))
					b.String("group", strconv.Itoa(n/3)) // a group spans batches, and no two rejects
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
		``:                                      "at least one put, update, delete or condition_check",
		`put {}`:                                `"table"`,
		"put {\ntable = \"ab\"\n}":              `"ab" is no table`,
		"condition_check {\ntable = \"abc\"\n}": `"condition"`,
		"condition_check {\ntable = \"abc\"\ncondition = 1 == 1\n}":                                            "holds whatever is stored",
		"put {\ntable = \"abc\"\n}\non_condition_failure = \"skip\"":                                           "in one of its blocks",
		"put {\ntable = \"abc\"\n}\nput {\ntable = \"abd\"\n}\nwrite_capacity = \"50%\"":                       "Write a number of units",
		"put {\ntable = \"abc\"\nitem = \"x\"\n}":                                                              "map",
		"put {\ntable = \"abc\"\nset = { a = 1 }\n}":                                                           "set",
		"update {\ntable = \"abc\"\nset = { a = item.a * 2 }\n}":                                               "one + or -",
		strings.Repeat("put {\ntable = \"abc\"\n}\n", 101):                                                     "up to 100 actions",
		strings.Repeat("put {\ntable = \"abc\"\n}\n", 100) + "exactly_once = true\nmarker_table = \"markers\"": "here are 100 blocks",
		"put {\ntable = \"abc\"\n}\nmarker_table = \"markers\"":                                                "for exactly_once = true",
		"delete {\ntable = \"abc\"\ncondition = lower(item.a) == \"x\"\n}":                                     "lower()",
	} {
		_, diags := sinktest.Decode(t, New, dynamo.NewConnection(), body)
		if got := sinktest.Text(diags); !diags.HasErrors() || !strings.Contains(got, want) {
			t.Errorf("%.80s\ngives: %s\nwant: %s", body, got, want)
		}
	}
}

// All four kinds of action over two tables, each where its when holds.
func TestActions(t *testing.T) {
	server := dynamotest.Start(t)
	users, log := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	server.Put(t, users, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "old"}}, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "open"}})
	body := fmt.Sprintf(`
put {
  table     = %[1]q
  item      = { pk = row.pk, n = row.n, none = row.none }
  condition = !exists(item.pk)
}
put {
  table = %[2]q
  item  = { id = row.pk, what = { by = row.none, at = row.n } }
  when  = row.n > 1
}
update {
  table = %[2]q
  key   = { id = "count" }
  add   = { n = 1 }
}
delete {
  table = %[1]q
  key   = { pk = "old" }
  when  = row.n == 2
}
condition_check {
  table     = %[1]q
  key       = { pk = "open" }
  condition = exists(item.pk)
}`, users, log)
	o := transact(t, server, server.Endpoint, body, `{"pk":{"S":"a"},"n":{"N":"1"}}`, `{"pk":{"S":"b"},"n":{"N":"2"}}`, `{"pk":{"S":"a"},"n":{"N":"3"}}`)
	o.Want(t, 2, 0, 1)
	if r := o.Rejects[0]; r.Code != "ConditionalCheckFailedException" || r.Origin.Line != 3 || r.Operation != "TransactWriteItems" || r.Attempts != 1 || string(r.Item) != `{"pk":{"S":"a"},"n":{"N":"3"}}` {
		t.Errorf("reject: %+v of %s", r, r.Item)
	}
	if o.Requests() != 3 {
		t.Errorf("%d requests", o.Requests())
	}
	people, entries := server.ItemsBy(t, users, "pk"), server.ItemsBy(t, log, "id")
	if len(people) != 3 || people["open"] == nil || number(t, people["a"], "n") != 1 || len(people["b"]) != 2 {
		t.Errorf("users %v", people)
	}
	if len(entries) != 2 || number(t, entries["count"], "n") != 2 || entries["b"]["what"] == nil {
		t.Errorf("log %v", entries)
	}
}

// A row without an action is filtered by its own expressions.
func TestNothingToDo(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("put {\ntable = %q\nwhen = row.yes\n}\n", table)
	o := transact(t, server, server.Endpoint, body, `{"pk":{"S":"a"}}`, `{"pk":{"S":"b"},"yes":{"BOOL":true}}`)
	o.Want(t, 1, 1, 0)
	o = transact(t, server, server.Endpoint, body+"group_by = row.g", `{"pk":{"S":"a"},"g":{"N":"1"}}`, `{"pk":{"S":"b"},"g":{"N":"2"}}`, `{"pk":{"S":"c"},"g":{"N":"2.0"},"yes":{"BOOL":true}}`)
	o.Want(t, 2, 1, 0) // b is in c's transaction
	if o.Requests() != 1 {
		t.Errorf("%d requests", o.Requests())
	}
}

func grouped(n int, group func(int) int) []string {
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"k%d"},"g":{"N":"%d"}}`, i, group(i)))
	}
	return rows
}

// Rows of equal value that follow each other are one transaction, up to 100
// actions; a larger group is rejected whole and the next goes on.
func TestGroups(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table)
	rows := grouped(100+101+30+1, func(i int) int {
		switch {
		case i < 100:
			return 1
		case i < 201:
			return 2
		case i < 231:
			return 1
		}
		return 3
	})
	o := transact(t, server, server.Endpoint, body, rows...)
	o.Want(t, 131, 0, 101)
	if o.Requests() != 3 {
		t.Errorf("%d requests", o.Requests())
	}
	var lines []int64
	for _, r := range o.Rejects {
		lines = append(lines, r.Origin.Line)
		if r.Code != "TransactionTooLarge" || !strings.Contains(r.Message, "rows.jsonl:101 has more than the 100 actions") || string(r.Item) != rows[r.Origin.Seq] {
			t.Errorf("reject: %+v of %s", r, r.Item)
		}
	}
	if slices.Sort(lines); lines[0] != 101 || lines[100] != 201 {
		t.Errorf("lines %v", lines)
	}
	if n := len(server.Items(t, table)); n != 131 {
		t.Errorf("%d items", n)
	}
}

// A group that is open when the run is stopped is not sent; its rows stay open.
func TestStoppedInAGroup(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	config := sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table))
	o, err := sinktest.Write(t.Context(), t, config, sinks.Stopped, 7, grouped(25, func(i int) int { return i / 10 })...)
	if err != nil || o.Tally.Written.Load() != 20 || o.Open != 5 {
		t.Errorf("%d written, %d open: %v", o.Tally.Written.Load(), o.Open, err)
	}
}

// 4 MB of items are what a transaction may have, and 400 KB an item.
func TestBytesOfATransaction(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table)
	row := func(i, group, size int) string {
		head := len("pk") + 2 + len("g") + 2 + len("x")
		return fmt.Sprintf(`{"pk":{"S":"%02d"},"g":{"N":"%d"},"x":{"S":%q}}`, i, group, strings.Repeat("x", size-head))
	}
	var rows []string
	for i := range 16 { // 16 of 256 KB are 4 MB; one byte more is too many
		rows = append(rows, row(i, 1, 256<<10))
	}
	for i := range 16 {
		size := 256 << 10
		if i == 15 {
			size++
		}
		rows = append(rows, row(20+i, 2, size))
	}
	rows = append(rows, row(50, 3, 400<<10), row(51, 4, 400<<10+1))
	for group := 5; group < 7; group++ { // so are small items among large ones
		left := 4<<20 + group - 5
		for i := range 20 {
			size := min(left, 256<<10)
			if i%5 == 1 {
				size = 64
			}
			rows = append(rows, row(20*group-40+i, group, size))
			left -= size
		}
	}
	o := transact(t, server, server.Endpoint, body, rows...)
	o.Want(t, 37, 0, 37)
	for _, r := range o.Rejects {
		if want := map[bool]string{true: "TransactionTooLarge", false: "ItemTooLarge"}[r.Origin.Line != 34]; r.Code != want {
			t.Errorf("line %d: %s: %s", r.Origin.Line, r.Code, r.Message)
		}
	}
}

func sameItem(t *testing.T, a, b string) bool {
	t.Helper()
	v, err := attr.ParseDynamoJSON([]byte(`{"M":` + a + `}`))
	w, other := attr.ParseDynamoJSON([]byte(`{"M":` + b + `}`))
	if err != nil || other != nil {
		t.Fatal(err, other)
	}
	return attr.Equal(v, w)
}

// A row that can't be written keeps its whole group from being sent, and so do
// two rows of one item. Each row is told of the one at fault.
func TestGroupsThatCannotBeSent(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table)
	rows := grouped(30, func(i int) int { return i / 10 })
	rows[14] = `{"g":{"N":"1"}}`
	rows[29] = `{"pk":{"S":"k25"},"g":{"N":"2"}}`
	o := transact(t, server, server.Endpoint, body, rows...)
	o.Want(t, 10, 0, 20)
	for _, r := range o.Rejects {
		code, message := "TransactionNotSent", `its transaction was not sent because of the row at rows.jsonl:15: the row has no attribute "pk"`
		switch {
		case r.Origin.Line == 15:
			code, message = "MissingKey", `the row has no attribute "pk"`
		case r.Origin.Line > 20:
			code, message = "DuplicateItem", "the rows at rows.jsonl:26 and rows.jsonl:30 name the same item of table "+table
		}
		if r.Code != code || !strings.HasPrefix(r.Message, message) || !sameItem(t, string(r.Item), rows[r.Origin.Seq]) {
			t.Errorf("line %d: %s: %s (%s)", r.Origin.Line, r.Code, r.Message, r.Item)
		}
	}
	o = transact(t, server, server.Endpoint, fmt.Sprintf("put {\ntable = %q\n}\ndelete {\ntable = %q\n}", table, table), `{"pk":{"S":"x"}}`)
	o.Want(t, 0, 0, 1)
	if r := o.Rejects[0]; !strings.Contains(r.Message, "two actions of the row at rows.jsonl:1 name the same item") {
		t.Errorf("reject: %+v", r)
	}
}

// A condition that fails cancels its whole transaction: the row at fault has
// its own reason.
func TestConditionsOfGroups(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "k13"}}, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "k17"}})
	body := fmt.Sprintf("put {\ntable = %q\ncondition = !exists(item.pk)\n}\ngroup_by = row.g\non_condition_failure = ", table)
	rows := grouped(20, func(i int) int { return i / 10 })
	o := transact(t, server, server.Endpoint, body+`"reject"`, rows...)
	o.Want(t, 10, 0, 10)
	for _, r := range o.Rejects {
		code, message := "TransactionCancelled", "its transaction was cancelled because of the row at rows.jsonl:14: the condition does not hold"
		if r.Origin.Line == 14 || r.Origin.Line == 18 {
			code, message = "ConditionalCheckFailedException", "the condition does not hold"
		}
		if r.Code != code || !strings.HasPrefix(r.Message, message) || string(r.Item) != rows[r.Origin.Seq] {
			t.Errorf("line %d: %s: %s (%s)", r.Origin.Line, r.Code, r.Message, r.Item)
		}
	}
	if n := len(server.Items(t, table)); n != 12 {
		t.Errorf("%d items", n)
	}
	transact(t, server, server.Endpoint, body+`"skip"`, rows[10:]...).Want(t, 0, 10, 0)
	_, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, server.Endpoint, body+`"fail"`), sinks.EndOfInput, 7, rows[10:]...)
	if err == nil || !strings.Contains(err.Error(), "the row at rows.jsonl:4: the condition does not hold") {
		t.Errorf("error: %v", err)
	}
}

// Money is neither made nor lost, whatever fails, and each transfer happens once.
func TestTransfersThroughFaults(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	const accounts, transfers = 12, 300
	want := map[string]int{}
	for i := range accounts {
		pk := fmt.Sprint("a", i)
		want[pk] = 100000
		server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: pk}, "balance": &types.AttributeValueMemberN{Value: "100000"}})
	}
	var rows []string
	for i := range transfers {
		from, to := i%accounts, (i*5+1)%accounts
		if from == to {
			to = (to + 1) % accounts
		}
		want[fmt.Sprint("a", from)] -= i
		want[fmt.Sprint("a", to)] += i
		rows = append(rows, fmt.Sprintf(`{"from":{"S":"a%d"},"to":{"S":"a%d"},"amount":{"N":"%d"}}`, from, to, i))
	}
	p, url := sinktest.StartProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Throttle: 0.10, Error: 0.10, Conflict: 0.20, CutBefore: 0.05, CutAfter: 0.15}})
	o := transact(t, server, url, fmt.Sprintf(`
update {
  table     = %[1]q
  key       = { pk = row.from }
  set       = { balance = item.balance - row.amount }
  condition = item.balance >= row.amount
}
update {
  table = %[1]q
  key   = { pk = row.to }
  add   = { balance = row.amount }
}
retry {
  base_delay   = "1ms"
  max_attempts = 30
}`, table), rows...)
	o.Want(t, transfers, 0, 0)
	for pk, item := range server.ItemsBy(t, table, "pk") {
		if got := number(t, item, "balance"); got != want[pk] {
			t.Errorf("%s has %d, want %d", pk, got, want[pk])
		}
	}
	stats := p.Stats()
	for _, fault := range []faultproxy.Kind{faultproxy.Throttled, faultproxy.FailedAfter, faultproxy.Conflict, faultproxy.CutAfter} {
		if stats.Faults[fault] == 0 {
			t.Errorf("the proxy never did this: %s", fault)
		}
	}
}

func cancelled(reasons ...string) string {
	var list []map[string]string
	for _, r := range reasons {
		code, message, _ := strings.Cut(r, ":")
		list = append(list, map[string]string{"Code": code, "Message": message})
	}
	text, _ := json.Marshal(map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "message": "cancelled", "CancellationReasons": list})
	return string(text)
}

// What DynamoDB says of a cancelled transaction, reason by reason.
func TestCancellationReasons(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table)
	row := func(pk, mark string) string { return fmt.Sprintf(`{"pk":{"S":%q},"g":{"S":%q}}`, pk, mark) }
	const bad = http.StatusBadRequest
	marked := func(mark, body string) faultproxy.Decider {
		return sinktest.Marked("TransactWriteItems", mark, bad, body)
	}
	_, url := sinktest.StartProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{
		marked("VALID", cancelled("None", "ValidationError:an item is poisoned")),
		marked("MIXED", cancelled("TransactionConflict", "ItemCollectionSizeLimitExceeded:too much")),
		marked("TOKEN", `{"__type":"com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException","message":"differs"}`),
		marked("WHOLE", `{"__type":"com.amazon.coral.validate#ValidationException","message":"no such thing"}`),
	}})
	for mark, want := range map[string][2]string{
		"VALID": {"TransactionCancelled: its transaction was cancelled because of the row at rows.jsonl:2", "ValidationError: DynamoDB refused the row's part of the transaction: an item is poisoned"},
		"MIXED": {"TransactionCancelled: its", "ItemCollectionSizeLimitExceeded: DynamoDB"},
		"TOKEN": {"IdempotentParameterMismatchException: another transaction had the same token", "IdempotentParameterMismatchException: another"},
		"WHOLE": {"ValidationException: no such thing", "ValidationException: no such thing"},
	} {
		o := transact(t, server, url, body, row("a", mark), row("b", mark))
		o.Want(t, 0, 0, 2)
		for _, r := range o.Rejects {
			if got := r.Code + ": " + r.Message; !strings.HasPrefix(got, want[r.Origin.Line-1]) {
				t.Errorf("%s, line %d: %s, want %s", mark, r.Origin.Line, got, want[r.Origin.Line-1])
			}
		}
	}
}

// What passes is tried again until it has, and takes no row with it.
func TestWhatPasses(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	answers := []string{
		`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionInProgressException","message":"in progress"}`,
		cancelled("None", "TransactionConflict:ongoing"), cancelled("ThrottlingError:slow down", "None"), cancelled("TransactionConflict", "ProvisionedThroughputExceeded"),
	}
	var n atomic.Int64
	_, url := sinktest.StartProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation != "TransactWriteItems" {
			return nil
		}
		i := int(n.Add(1)) - 1
		if i >= len(answers) {
			return nil
		}
		return &faultproxy.Fault{Kind: "passing", Answer: &faultproxy.Answer{Status: http.StatusBadRequest, Body: []byte(answers[i])}}
	}}})
	o := transact(t, server, url, fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g\nretry {\nbase_delay = \"1ms\"\nmax_attempts = 1\n}", table), grouped(2, func(int) int { return 1 })...)
	o.Want(t, 2, 0, 0)
	if s := o.Meter.Snapshot(); int(o.Requests()) != len(answers)+1 || s.Throttles != 2 {
		t.Errorf("%d requests, %d throttles", o.Requests(), s.Throttles)
	}
}

// An idempotency key carries a transaction out once, also in another run.
func TestIdempotencyKeys(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("update {\ntable = %q\nadd = { n = 1 }\n}\nidempotency_key = row.id", table)
	for range 2 {
		o := transact(t, server, server.Endpoint, body, `{"pk":{"S":"a"},"id":{"S":"x"}}`, `{"pk":{"S":"a"},"id":{"S":"y"}}`)
		o.Want(t, 2, 0, 0)
	}
	if n := number(t, server.ItemsBy(t, table, "pk")["a"], "n"); n != 2 {
		t.Errorf("counted %d", n)
	}
	o := transact(t, server, server.Endpoint, body, `{"pk":{"S":"b"},"id":{"S":"x"}}`, `{"pk":{"S":"a"}}`, `{"pk":{"S":"c"},"id":{"S":""}}`)
	o.Want(t, 0, 0, 3)
	for _, r := range o.Rejects {
		if want := []string{"IdempotentParameterMismatchException", "ExpressionError", "ExpressionError"}[r.Origin.Line-1]; r.Code != want {
			t.Errorf("reject: %+v", r)
		}
	}
}

// Transactions that share an item go in the order of their rows (promise 4).
func TestOrder(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	var rows []string
	for i := range 120 {
		rows = append(rows, fmt.Sprintf(`{"a":{"S":"k%d"},"b":{"S":"l%d"},"n":{"N":"%d"}}`, i%7, i%11, i))
	}
	update := func(key string) string {
		return fmt.Sprintf("update {\ntable = %q\nkey = { pk = row.%s }\nset = { n = row.n }\ncondition = !exists(item.n) || item.n < row.n\n}\n", table, key)
	}
	transact(t, server, server.Endpoint, update("a")+update("b"), rows...).Want(t, 120, 0, 0)
}

// The budget is hard, and knows that transactions take twice (promise 7).
func TestBudget(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	p, url := sinktest.StartProxy(t, server, faultproxy.Config{})
	const budget, rows = 80, 70
	o := transact(t, server, url, fmt.Sprintf("put {\ntable = %q\n}\nwrite_capacity = %d", table, budget), grouped(rows, func(i int) int { return i })...)
	o.Want(t, rows, 0, 0)
	// Not every server counts transactions twice.
	if took := p.Stats().Tables[table].Write; took.Units < rows || took.Peak > budget {
		t.Errorf("%v units, %v in a second; want %d or more, and at most %d", took.Units, took.Peak, rows, budget)
	}
}

// Rows are kept by their batches until they have ended, and count as what is
// held, however little of them is sent (promise 6).
func TestRowsCountAsTheyAreKept(t *testing.T) {
	row := `{"id":{"S":"%d"},"x":{"S":"` + strings.Repeat("x", 1500) + `"}}`
	b := sinktest.Batch(t, memory.DefaultAllocator, 0, []string{fmt.Sprintf(row, 1), fmt.Sprintf(row, 2)})
	defer b.Release()
	e := testEncoder(t, "group_by = 1\nupdate {\ntable = \"users\"\nadd = { count = 1 }\n}")
	e.begin(b, record.NewReceipt("node", &record.Tally{}, b.Origins(), nil, nil))
	defer e.shelf.Close()
	defer e.end()
	for row := range b.Rows() {
		if err := e.row(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	e.close()
	if len(e.out) != 1 || e.out[0].Kept < 3000 || e.out[0].Kept > 3200 || len(e.out[0].Body) > 1000 {
		t.Errorf("%d transactions: %+v", len(e.out), e.out)
	}
}

// testEncoder is one over a table "users" with the key id.
func testEncoder(t testing.TB, body string) *encoder {
	t.Helper()
	config, diags := sinktest.Decode(t, New, dynamo.NewConnection(), body)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c := config.(*Config)
	tables := delivery.NewTables(nil, nil, nil)
	tables.Adopt("users", &dynamo.Table{Keys: []dynamo.Key{{Name: "id", Kind: attr.String}}})
	steps, err := newSteps(t.Context(), memory.DefaultAllocator, c.actions(), tables)
	if err != nil {
		t.Fatal(err)
	}
	return &encoder{steps: steps, groupBy: c.groupBy, identities: delivery.NewIdentities(nil, "run", "node")}
}

// BenchmarkEncode is the cost of one row of a transaction of 100 puts, and of a
// transfer, with two updates.
func BenchmarkEncode(b *testing.B) {
	rows := make([]string, 2000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":{"S":"USER#%d"},"email":{"S":"user%d@example.org"},"name":{"S":"A name, of two parts"},"status":{"S":"active"},`+
			`"balance":{"N":"%d.25"},"since":{"S":"2021-03-04T05:06:07Z"},"age":{"N":"42"},"country":{"S":"NL"},"vip":{"BOOL":true},"g":{"N":"%d"},"to":{"S":"TO#%d"}}`, i, i, i, i/100, i)
	}
	batch := sinktest.Batch(b, memory.DefaultAllocator, 0, rows)
	defer batch.Release()
	for name, body := range map[string]string{
		"put 100": "put {\ntable = \"users\"\n}\ngroup_by = row.g",
		"put 1":   "put {\ntable = \"users\"\n}",
		"transfer": "update {\ntable = \"users\"\nset = { balance = item.balance - row.balance }\n}\n" +
			"update {\ntable = \"users\"\nkey = { id = row.to }\nadd = { balance = row.balance }\n}",
	} {
		b.Run(name, func(b *testing.B) {
			e := testEncoder(b, body)
			r := record.NewReceipt("node", &record.Tally{}, batch.Origins(), nil, nil)
			i := 0
			e.begin(batch, r)
			b.ReportAllocs()
			for b.Loop() {
				if i == len(rows) {
					e.end()
					e.shelf.Close()
					e.begin(batch, r)
					i = 0
				}
				if err := e.row(b.Context(), i); err != nil {
					b.Fatal(err)
				}
				i++
			}
			e.end()
		})
	}
}
