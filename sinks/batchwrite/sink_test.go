package batchwrite

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

func TestContract(t *testing.T) {
	server := dynamotest.Start(t)
	sinktest.Suite{
		New: func(t *testing.T) sinktest.Subject {
			table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
			return sinktest.Subject{
				Config: configure(t, server, server.Endpoint, fmt.Sprintf("table = %q", table)),
				Written: func(t *testing.T) []int {
					var rows []int
					for _, item := range server.Items(t, table) {
						n, err := strconv.Atoi(item["sk"].(*types.AttributeValueMemberN).Value)
						if err != nil {
							t.Fatal(err)
						}
						rows = append(rows, n)
					}
					return rows
				},
				// Rows that were written stay; there is nothing else to leave.
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
}

// put writes rows to a new table with string keys pk and checks that all are
// written.
func put(t *testing.T, server *dynamotest.Server, body string, rows ...string) *sinktest.Outcome {
	t.Helper()
	o, err := write(t.Context(), t, configure(t, server, server.Endpoint, body), 100, rows...)
	if err != nil {
		t.Fatal(err)
	}
	if o.Open > 0 {
		t.Errorf("%d rows open", o.Open)
	}
	return o
}

func TestEveryTypeArrives(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	o := put(t, server, fmt.Sprintf("table = %q", table),
		`{"pk":{"S":"a"},"s":{"S":"\"ü\u0000\n"},"empty":{"S":""},"n":{"N":"-1.50"},"t":{"BOOL":true},"f":{"BOOL":false},"b":{"B":"AP8="},"null":{"NULL":true},`+
			`"ss":{"SS":["x","y"]},"ns":{"NS":["1","2.5"]},"bs":{"BS":["AA=="]},"l":{"L":[{"N":"1"},{"NULL":true},{"L":[]}]},"m":{"M":{"a b":{"S":"c"},"e":{"M":{}}}}}`,
		`{"pk":{"S":"b"},"s":{"N":"12345678901234567890123456789012345678"}}`)
	want(t, o, 2, 0, 0)
	items := server.ItemsBy(t, table, "pk")
	want := dynamotest.Item{
		"pk": &types.AttributeValueMemberS{Value: "a"}, "s": &types.AttributeValueMemberS{Value: "\"ü\x00\n"},
		"empty": &types.AttributeValueMemberS{}, "n": &types.AttributeValueMemberN{Value: "-1.5"},
		"t": &types.AttributeValueMemberBOOL{Value: true}, "f": &types.AttributeValueMemberBOOL{},
		"b": &types.AttributeValueMemberB{Value: []byte{0, 255}}, "null": &types.AttributeValueMemberNULL{Value: true},
		"ss": &types.AttributeValueMemberSS{Value: []string{"x", "y"}}, "ns": &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"bs": &types.AttributeValueMemberBS{Value: [][]byte{{0}}},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberNULL{Value: true}, &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
		}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"a b": &types.AttributeValueMemberS{Value: "c"}, "e": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}},
		}},
	}
	got := items["a"]
	slices.Sort(got["ss"].(*types.AttributeValueMemberSS).Value) // sets come in any order
	slices.Sort(got["ns"].(*types.AttributeValueMemberNS).Value)
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is %#v, want %#v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d attributes, want %d", len(got), len(want))
	}
	if n := items["b"]["s"].(*types.AttributeValueMemberN).Value; n != "12345678901234567890123456789012345678" {
		t.Errorf("number %s", n)
	}
	if s := o.Meter.Snapshot(); s.Requests != 1 || len(s.Capacity) != 1 || s.Capacity[0].Table != table || s.Capacity[0].Units != 2 {
		t.Errorf("counted: %+v", s)
	}
}

// Rows that can't be items of their table are rejected before they are sent,
// with a reason that names table, attribute and index.
func TestRowsAreChecked(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.Create(t, dynamotest.Table{
		Keys: []dynamotest.Key{dynamotest.S("pk"), dynamotest.N("sk")},
		Indexes: []dynamotest.Index{
			{Name: "by-email", Keys: []dynamotest.Key{dynamotest.S("email")}},
			{Name: "by-age", Keys: []dynamotest.Key{dynamotest.N("age"), dynamotest.S("pk")}},
		},
	})
	row := func(pk, sk, rest string) string { return fmt.Sprintf(`{"pk":%s,"sk":%s%s}`, pk, sk, rest) }
	const pk, sk = `{"S":"p"}`, `{"N":"1"}`
	long := func(n int) string { return fmt.Sprintf(`{"S":%q}`, strings.Repeat("k", n)) }
	cases := []struct{ row, code, message string }{
		{`{"sk":{"N":"1"}}`, "MissingKey", `no attribute "pk", the partition key of table ` + table},
		{`{}`, "MissingKey", `"pk"`},
		{`{"pk":{"S":"p"}}`, "MissingKey", `no attribute "sk", the sort key`},
		{row(`{"N":"1"}`, sk, ""), "WrongKeyType", `"pk" is the partition key of table ` + table + ` and must be a string (S), but the row has a number (N): convert it in a map transform, set = { pk = tostring(row["pk"]) }`},
		{row(pk, `{"S":"1"}`, ""), "WrongKeyType", `sk = tonumber(row["sk"])`},
		{row(`{"NULL":true}`, sk, ""), "WrongKeyType", `must be a string (S), but the row has NULL`},
		{row(`{"BOOL":true}`, sk, ""), "WrongKeyType", `a bool (BOOL)`},
		{row(`{"S":""}`, sk, ""), "EmptyKey", `"pk" is the partition key of table ` + table + ` and is empty`},
		{row(long(2049), sk, ""), "KeyTooLong", "2049 bytes, more than the 2048"},
		{row(pk, sk, `,"email":{"N":"1"}`), "WrongKeyType", `"email" is a key of index by-email of table ` + table + ` and must be a string (S) or absent`},
		{row(pk, sk, `,"email":{"S":""}`), "EmptyKey", `"email" is a key of index by-email`},
		{row(pk, sk, `,"email":{"NULL":true}`), "WrongKeyType", `but the row has NULL`},
		{row(pk, sk, `,"age":{"S":"3"}`), "WrongKeyType", `index by-age`},
		{row(pk, sk, `,"big":`+long(400<<10)), "ItemTooLarge", "more than the 409600 (400 KB)"},
	}
	rows := []string{row(pk, `{"N":"100"}`, ""), row(pk, `{"N":"101"}`, `,"email":{"S":"e"},"age":{"N":"3"}`), row(long(2048), sk, "")}
	for _, c := range cases {
		rows = append(rows, c.row)
	}
	o := put(t, server, fmt.Sprintf("table = %q", table), rows...)
	want(t, o, 3, 0, int64(len(cases)))
	for i, c := range cases {
		r := o.Rejects[i]
		if r.Code != c.code || !strings.Contains(r.Message, c.message) || r.Operation != "PutRequest" || r.Origin.Line != int64(i+4) {
			t.Errorf("%s\ngives: %+v\nwant: %s: %s", abridge(c.row), r.Message, c.code, c.message)
		}
		if got, err := attr.ParseDynamoJSON([]byte(`{"M":` + string(r.Item) + `}`)); err != nil {
			t.Errorf("%v in %s", err, r.Item)
		} else if want, _ := attr.ParseDynamoJSON([]byte(`{"M":` + c.row + `}`)); !attr.Equal(got, want) {
			t.Errorf("item %s, want %s", abridge(string(r.Item)), abridge(c.row))
		}
	}
	if n := len(server.Items(t, table)); n != 3 {
		t.Errorf("%d items", n)
	}
}

func abridge(s string) string { return s[:min(len(s), 100)] }

func TestSortKeyTooLong(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.B("pk"), dynamotest.S("sk"))
	o := put(t, server, fmt.Sprintf("table = %q", table),
		fmt.Sprintf(`{"pk":{"B":"AA=="},"sk":{"S":%q}}`, strings.Repeat("k", 1024)),
		fmt.Sprintf(`{"pk":{"B":"AA=="},"sk":{"S":%q}}`, strings.Repeat("k", 1025)),
		`{"pk":{"B":""},"sk":{"S":"k"}}`)
	want(t, o, 1, 0, 2)
	if o.Rejects[0].Code != "KeyTooLong" || o.Rejects[1].Code != "EmptyKey" {
		t.Errorf("%+v", o.Rejects)
	}
}

// Puts and deletes of a key happen in the order of the rows, and equal numbers
// are one key however they are spelled.
func TestPutsAndDeletesByRow(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.N("pk"))
	body := fmt.Sprintf("table = %q\noperation = row.gone ? \"delete\" : row.what", table)
	o := put(t, server, body,
		`{"pk":{"N":"1"},"what":{"S":"put"},"v":{"N":"1"}}`,
		`{"pk":{"N":"2"},"what":{"S":"put"}}`,
		`{"pk":{"N":"1.0"},"gone":{"BOOL":true}}`,
		`{"pk":{"N":"3"},"gone":{"BOOL":true}}`,
		`{"pk":{"N":"3e0"},"what":{"S":"put"},"v":{"N":"2"}}`,
		`{"pk":{"N":"4"},"what":{"S":"upsert"}}`,
		`{"pk":{"N":"5"}}`,
		`{"pk":{"N":"6"},"what":{"N":"7"}}`,
		`{"pk":{"S":"1"},"gone":{"BOOL":true}}`,
	)
	want(t, o, 3, 2, 4)
	codes := make([]string, len(o.Rejects))
	for i, r := range o.Rejects {
		codes[i] = r.Operation + " " + r.Code
	}
	if want := []string{"PutRequest InvalidOperation", "PutRequest InvalidOperation", "PutRequest InvalidOperation", "DeleteRequest WrongKeyType"}; !slices.Equal(codes, want) {
		t.Errorf("rejects %v: %+v", codes, o.Rejects)
	}
	items := server.ItemsBy(t, table, "pk")
	if len(items) != 2 || items["2"] == nil || items["3"]["v"].(*types.AttributeValueMemberN).Value != "2" {
		t.Errorf("items %v", items)
	}
}

func TestDeleteSendsTheKeyAlone(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	put(t, server, fmt.Sprintf("table = %q", table), `{"pk":{"S":"a"},"sk":{"N":"1"},"x":{"S":"y"}}`, `{"pk":{"S":"a"},"sk":{"N":"2"}}`)
	o := put(t, server, fmt.Sprintf("table = %q\noperation = \"delete\"\nmax_deletes = 2", table),
		`{"other":{"S":"z"},"sk":{"N":"1.00"},"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"sk":{"N":"99"}}`)
	want(t, o, 2, 0, 0)
	if items := server.ItemsBy(t, table, "pk", "sk"); len(items) != 1 || items["a/2"] == nil {
		t.Errorf("items %v", items)
	}
}

func TestTooManyDeletesStopTheRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	var rows []string
	for i := range 10 {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"%d"}}`, i))
	}
	put(t, server, fmt.Sprintf("table = %q", table), rows...)
	o, err := write(t.Context(), t, configure(t, server, server.Endpoint, fmt.Sprintf("table = %q\noperation = \"delete\"\nmax_deletes = 5", table)), 3, rows...)
	if err == nil || !strings.Contains(err.Error(), "the row at rows.jsonl:6 would be delete number 6, and max_deletes is 5") {
		t.Errorf("error: %v", err)
	}
	left := len(server.Items(t, table))
	if left < 5 || int64(10-left) != o.Tally.Written.Load() || o.Open != 6-int(o.Tally.Written.Load()) {
		t.Errorf("%d items left, %d deletes counted, %d rows open", left, o.Tally.Written.Load(), o.Open)
	}
}

// Deletes are counted over the whole of a run that goes on.
func TestTooManyDeletesOfAResumedRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	var rows []string
	for i := range 10 {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"%d"}}`, i))
	}
	put(t, server, fmt.Sprintf("table = %q", table), rows...)
	config := configure(t, server, server.Endpoint, fmt.Sprintf("table = %q\noperation = \"delete\"\nmax_deletes = 7", table))
	run := sinktest.Process{Run: "run", Ending: sinks.Stopped, Batch: 2}
	for _, upTo := range []int{4, 6} {
		o, err := run.Write(t.Context(), t, config, rows[:upTo]...)
		if err != nil || string(o.State) != fmt.Sprintf(`{"deletes":%d}`, upTo) {
			t.Fatalf("up to %d: state %s, %v", upTo, o.State, err)
		}
		run.First, run.Resume = upTo, o.State
	}
	if _, err := run.Write(t.Context(), t, config, rows...); err == nil || !strings.Contains(err.Error(), "the row at rows.jsonl:8 would be delete number 8, and max_deletes is 7") {
		t.Errorf("error: %v", err)
	}
	if left := len(server.Items(t, table)); left < 3 {
		t.Errorf("%d items left", left)
	}
	run.Resume = []byte("no JSON")
	if _, err := run.Write(t.Context(), t, config); err == nil || !strings.Contains(err.Error(), "saved state") {
		t.Errorf("error: %v", err)
	}
}

func TestDuplicatesAreRejectedWhenAskedTo(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.N("pk"))
	o := put(t, server, fmt.Sprintf("table = %q\nduplicates = \"error\"", table), `{"pk":{"N":"1"},"v":{"S":"first"}}`, `{"pk":{"N":"1.0"}}`, `{"pk":{"N":"2"}}`)
	want(t, o, 2, 0, 1)
	if r := o.Rejects[0]; r.Code != "DuplicateKey" || !strings.Contains(r.Message, "rows.jsonl:1") || string(r.Item) != `{"pk":{"N":"1.0"}}` {
		t.Errorf("reject: %+v", r)
	}
	if item := server.ItemsBy(t, table, "pk")["1"]; item["v"] == nil {
		t.Errorf("the first did not stay: %v", item)
	}
}

// Rows choose their table, and one request holds several.
func TestSeveralTables(t *testing.T) {
	server := dynamotest.Start(t)
	users := server.CreateTable(t, dynamotest.S("pk"))
	orders := server.CreateTable(t, dynamotest.S("user"), dynamotest.N("number"))
	row := func(table, rest string) string { return fmt.Sprintf(`{"t":{"S":%q},%s}`, table, rest) }
	o := put(t, server, "table = row.t\ntables = [\""+users+"\"]",
		row(users, `"pk":{"S":"a"},"v":{"N":"1"}`),
		row(orders, `"user":{"S":"a"},"number":{"N":"1"}`),
		row(users, `"pk":{"S":"a"},"v":{"N":"2"}`),
		row(orders, `"user":{"S":"a"}`),
		row("no table", `"pk":{"S":"a"}`),
		`{"t":{"N":"5"},"pk":{"S":"a"}}`,
		`{"pk":{"S":"a"}}`,
	)
	want(t, o, 2, 1, 4)
	codes := make([]string, len(o.Rejects))
	for i, r := range o.Rejects {
		codes[i] = r.Code
	}
	if want := []string{"MissingKey", "InvalidTable", "InvalidTable", "InvalidTable"}; !slices.Equal(codes, want) {
		t.Errorf("rejects: %+v", o.Rejects)
	}
	if item := server.ItemsBy(t, users, "pk")["a"]; item["v"].(*types.AttributeValueMemberN).Value != "2" {
		t.Errorf("item %v", item)
	}
	if s := o.Meter.Snapshot(); s.Requests != 1 || len(s.Capacity) != 2 {
		t.Errorf("counted: %+v", s)
	}
}

func TestTableNamedByARow(t *testing.T) {
	server := dynamotest.Start(t)
	o, err := write(t.Context(), t, configure(t, server, server.Endpoint, "table = row.t"), 10, `{"t":{"S":"nowhere"},"pk":{"S":"a"}}`)
	if err == nil || !strings.Contains(err.Error(), "DescribeTable nowhere (") || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("error: %v", err)
	}
	if o.Open != 1 {
		t.Errorf("%d rows open", o.Open)
	}
}

func TestExpressionsThatFailRejectTheRow(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	o := put(t, server, fmt.Sprintf("table = \"%s${row.n + 1 > 5 ? \"\" : \"\"}\"\noperation = \"put\"", table),
		`{"pk":{"S":"a"},"n":{"N":"1"}}`, `{"pk":{"S":"b"},"n":{"S":"many"}}`)
	want(t, o, 1, 0, 1)
	if r := o.Rejects[0]; r.Code != "ExpressionError" || !strings.Contains(r.Message, "test.hcl:2,") || !strings.Contains(r.Message, "many") {
		t.Errorf("reject: %+v", r)
	}
}

func TestCreateTable(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.TableName(t)
	create := func(partition string) string {
		return fmt.Sprintf("table = %q\ncreate_table {\npartition_key = %q\nsort_key = \"sk\"\nsort_type = \"N\"\n}", table, partition)
	}
	for range 2 { // the second time it is there
		want(t, put(t, server, create("pk"), `{"pk":{"S":"a"},"sk":{"N":"1"}}`), 1, 0, 0)
	}
	_, err := write(t.Context(), t, configure(t, server, server.Endpoint, create("id")), 10)
	if err == nil || !strings.Contains(err.Error(), " exists, with the key pk (S), sk (N), and create_table says id (S), sk (N)") {
		t.Errorf("error: %v", err)
	}
}

// Tables that rows name are created as they come.
func TestCreateTablesByRow(t *testing.T) {
	server := dynamotest.Start(t)
	first, second := server.TableName(t), server.TableName(t)
	body := fmt.Sprintf("table = row.t\ntables = [%q]\ncreate_table {\npartition_key = \"pk\"\nbilling = \"provisioned\"\nread_capacity = 3\nwrite_capacity = 4\n}", first)
	o := put(t, server, body, fmt.Sprintf(`{"t":{"S":%q},"pk":{"S":"a"}}`, second))
	want(t, o, 1, 0, 0)
	for _, table := range []string{first, second} {
		out, err := server.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		if p := out.Table.ProvisionedThroughput; aws.ToInt64(p.ReadCapacityUnits) != 3 || aws.ToInt64(p.WriteCapacityUnits) != 4 {
			t.Errorf("%s has %d and %d units", table, aws.ToInt64(p.ReadCapacityUnits), aws.ToInt64(p.WriteCapacityUnits))
		}
	}
}

func TestOpenFailsBeforeAnyRowMoves(t *testing.T) {
	server := dynamotest.Start(t)
	onDemand := server.CreateTable(t, dynamotest.S("pk"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	for name, c := range map[string]struct{ endpoint, body, want string }{
		"no such table":      {server.Endpoint, `table = "nowhere"`, "DescribeTable nowhere ("},
		"one of the tables":  {server.Endpoint, "table = row.t\ntables = [\"" + onDemand + "\", \"nowhere\"]", "DescribeTable nowhere ("},
		"percent of nothing": {server.Endpoint, fmt.Sprintf("table = %q\nwrite_capacity = \"50%%\"", onDemand), "is on demand: write a number"},
		"nobody there":       {nobody, `table = "users"`, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := write(t.Context(), t, configure(t, server, c.endpoint, c.body), 10, `{"pk":{"S":"a"}}`)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestPercentOfAProvisionedTable(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.TableName(t)
	create := "create_table {\npartition_key = \"pk\"\nbilling = \"provisioned\"\nwrite_capacity = 20\n}"
	var rows []string
	for i := range 12 {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"%d"}}`, i))
	}
	start := time.Now()
	o := put(t, server, fmt.Sprintf("table = %q\nwrite_capacity = \"50%%\"\n%s", table, create), rows...)
	want(t, o, 12, 0, 0)
	if s := o.Meter.Snapshot(); s.Requests < 2 || time.Since(start) < time.Second {
		t.Errorf("12 units at 10 a second took %v and %d requests", time.Since(start), s.Requests)
	}
}

func TestFacts(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.S("pk"), dynamotest.N("sk")},
		Indexes: []dynamotest.Index{{Name: "by-email", Keys: []dynamotest.Key{dynamotest.S("email")}}},
	})
	facts := func(endpoint, body string) string {
		f, err := configure(t, server, endpoint, body).Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%+v", f)
	}
	const createTable = "\ncreate_table {\npartition_key = \"id\"\n}"
	for name, c := range map[string]struct{ endpoint, body, want string }{
		"table":        {server.Endpoint, fmt.Sprintf("table = %q", table), fmt.Sprintf("{Name:%s Use:write Keys:[pk (S) sk (N)] Note:0 items when DynamoDB last counted", table)},
		"calls":        {server.Endpoint, fmt.Sprintf("table = %q", table), "Calls:[DescribeTable DescribeContinuousBackups BatchWriteItem]"},
		"index":        {server.Endpoint, fmt.Sprintf("table = %q", table), "index by-email by email (S)"},
		"missing":      {server.Endpoint, `table = "nowhere"`, "there is no such table: a run would fail"},
		"stakes":       {server.Endpoint, fmt.Sprintf("table = %q\noperation = \"delete\"", table), "point-in-time recovery off, deletion protection off"},
		"create":       {server.Endpoint, `table = "nowhere"` + createTable, "{Name:nowhere Use:create Keys:[id (S)] Note:on_demand "},
		"other keys":   {server.Endpoint, fmt.Sprintf("table = %q", table) + createTable, " exists, with the key pk (S), sk (N)"},
		"unreachable":  {"http://127.0.0.1:1", `table = "users"`, "{Name:users Use:write Keys:[] Note:not looked up: "},
		"by row":       {server.Endpoint, `table = row.t`, "the tables are named by the rows"},
		"listed":       {server.Endpoint, "table = row.t\ntables = [\"" + table + "\"]", "Keys:[pk (S) sk (N)]"},
		"deletes":      {server.Endpoint, "table = \"nowhere\"\noperation = \"delete\"", "deletes an item for every row, any number of them"},
		"some deletes": {server.Endpoint, "table = \"nowhere\"\noperation = row.o\nmax_deletes = 7", "deletes items, as the row says, at most 7 of them"},
	} {
		if got := facts(c.endpoint, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nwant: %s", name, got, c.want)
		}
	}
}

// A key attribute that has no column of its own, in a batch of very wide rows,
// is found all the same.
func TestKeyBeyondTheColumns(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	var wide strings.Builder
	for i := range 300 {
		fmt.Fprintf(&wide, `"a%d":{"N":"%d"},`, i, i)
	}
	o := put(t, server, fmt.Sprintf("table = %q", table), `{`+wide.String()+`"pk":{"S":"w"}}`, `{"pk":{"S":"n"}}`, `{`+wide.String()+`"other":{"S":"w"}}`)
	want(t, o, 2, 0, 1)
	if items := server.ItemsBy(t, table, "pk"); len(items["w"]) != 301 || len(items["n"]) != 1 {
		t.Errorf("%d and %d attributes", len(items["w"]), len(items["n"]))
	}
}
