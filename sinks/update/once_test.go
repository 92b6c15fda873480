package update

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

// killed runs rows through the sink until some requests have been made, and no
// further.
func killed(t *testing.T, server *dynamotest.Server, body string, requests int64, run sinktest.Process, rows []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int64
	_, url := sinktest.StartForgetful(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation == "TransactWriteItems" && n.Add(1) == requests {
			cancel()
		}
		return nil
	}}})
	o, err := run.Write(ctx, t, sinktest.Configure(t, New, server, url, body), rows...)
	if err == nil || o.Open == 0 {
		t.Fatalf("it was not killed: %v", err)
	}
}

// Counters are exact through kills and lost answers, however much later the rows
// come again: DynamoDB has forgotten every token, and the markers are there.
func TestCountersWithoutTokens(t *testing.T) {
	server := dynamotest.Start(t)
	const keys, each = 10, 30
	var rows []string
	for i := range keys * each {
		rows = append(rows, fmt.Sprintf(`{"pk":{"S":"k%d"},"n":{"N":"%d"}}`, i%keys, i))
	}
	for _, marked := range []bool{true, false} {
		table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
		body := fmt.Sprintf("table = %q\nadd = { count = 1, sum = row.n }\nexactly_once = true\nretry {\nbase_delay = \"1ms\"\nmax_attempts = 30\n}\n", table)
		if marked {
			body += fmt.Sprintf("marker_table = %q\n", markers)
		}
		run := sinktest.Process{Run: "run-" + table, Ending: sinks.EndOfInput, Batch: 100}
		for _, requests := range []int64{50, 120} {
			killed(t, server, body, requests, run, rows)
		}
		p, url := sinktest.StartForgetful(t, server, faultproxy.Config{Faults: faultproxy.Faults{Throttle: 0.05, Error: 0.10, Conflict: 0.10, CutAfter: 0.15}})
		o, err := run.Write(t.Context(), t, sinktest.Configure(t, New, server, url, body), rows...)
		if err != nil {
			t.Fatal(err)
		}
		o.Want(t, keys*each, 0, 0)
		beyond := 0
		for pk, item := range server.ItemsBy(t, table, "pk") {
			k, _ := strconv.Atoi(pk[1:])
			count, _ := strconv.Atoi(text(item, "count"))
			if marked && (count != each || text(item, "sum") != strconv.Itoa(k*each+keys*each*(each-1)/2)) || count < each {
				t.Errorf("marked %t: %s has %v", marked, pk, item)
			}
			beyond += count - each
		}
		if !marked && beyond == 0 {
			t.Error("nothing came twice: the test shows nothing")
		}
		if n := len(server.Items(t, markers)); marked && n != keys*each || !marked && n != 0 {
			t.Errorf("%d markers", n)
		}
		if p.Stats().Faults[faultproxy.CutAfter] == 0 {
			t.Error("no connection was cut after")
		}
	}
}

// A repetition whose own condition fails, because it was carried out, was written.
func TestMarkersBeforeConditions(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	body := fmt.Sprintf("table = %q\nset = { v = row.v }\ncondition = !exists(item.v)\nexactly_once = true\nmarker_table = %q", table, markers)
	_, url := sinktest.StartForgetful(t, server, faultproxy.Config{})
	config := sinktest.Configure(t, New, server, url, body)
	run := sinktest.Process{Run: "run", Ending: sinks.EndOfInput, Batch: 7}
	for range 2 {
		o, err := run.Write(t.Context(), t, config, `{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"b"},"v":{"N":"1"}}`)
		if err != nil {
			t.Fatal(err)
		}
		o.Want(t, 2, 0, 0)
	}
	run.Run = "other"
	o, err := run.Write(t.Context(), t, config, `{"pk":{"S":"a"},"v":{"N":"1"}}`)
	if err != nil {
		t.Fatal(err)
	}
	o.Want(t, 0, 0, 1)
	if r := o.Rejects[0]; r.Code != "ConditionalCheckFailedException" {
		t.Errorf("reject: %+v", r)
	}
	if n := len(server.Items(t, markers)); n != 2 {
		t.Errorf("%d markers", n)
	}
}

// With an idempotency_key a row is carried out once by all runs; another row with
// its key is not taken for it.
func TestIdempotencyKeys(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	_, url := sinktest.StartForgetful(t, server, faultproxy.Config{})
	body := fmt.Sprintf("table = %q\nkey = { pk = row.pk }\nadd = { n = row.n }\nexactly_once = true\nidempotency_key = row.id\nmarker_table = %q", table, markers)
	for range 2 {
		update(t, server, url, body, `{"pk":{"S":"a"},"id":{"S":"x"},"n":{"N":"1"}}`, `{"pk":{"S":"a"},"id":{"N":"7"},"n":{"N":"10"}}`).Want(t, 2, 0, 0)
	}
	o := update(t, server, url, body, `{"n":{"N":"1.0"},"id":{"S":"x"},"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"id":{"S":"x"},"n":{"N":"100"}}`, `{"pk":{"S":"a"},"n":{"N":"1"}}`)
	o.Want(t, 1, 0, 2)
	for _, r := range o.Rejects {
		want := map[int64]string{2: "IdempotentParameterMismatchException: another transaction was written under the same key", 3: "ExpressionError: test.hcl"}[r.Origin.Line]
		if !strings.HasPrefix(r.Code+": "+r.Message, want) {
			t.Errorf("reject: %+v", r)
		}
	}
	if n := text(server.ItemsBy(t, table, "pk")["a"], "n"); n != "11" {
		t.Errorf("counted %s", n)
	}
}

// A marker expires by the table's time to live, under the attribute that it has;
// a table without says so. It may be the table that is written to.
func TestMarkerTables(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.S("sk"))
	body := fmt.Sprintf("table = %q\nadd = { n = 1 }\nexactly_once = true\n", table)
	row := `{"pk":{"S":"a"},"sk":{"S":"b"}}`
	before := time.Now()
	o := update(t, server, server.Endpoint, body+fmt.Sprintf("marker_table = %q\nmarker_ttl = \"2d\"", table), row)
	o.Want(t, 1, 0, 0)
	after := time.Now()
	if w := o.Meter.Snapshot().Warnings; len(w) != 1 || !strings.Contains(w[0].Message, "no time to live, so that markers stay in it: turn it on for attribute expires_at") {
		t.Errorf("warnings %+v", w)
	}
	items := server.ItemsBy(t, table, "sk")
	marker := items["marker"]
	expires, _ := strconv.ParseInt(text(marker, "expires_at"), 10, 64)
	if len(items) != 2 || text(items["b"], "n") != "1" || !strings.HasPrefix(text(marker, "pk"), "dynapipe#") || text(marker, "dynapipe_sink") != "sink.kind.t" ||
		expires < before.Add(48*time.Hour).Unix() || expires > after.Add(48*time.Hour).Unix() {
		t.Errorf("items %v", items)
	}

	markers := server.CreateTable(t, dynamotest.S("id"))
	if _, err := server.Client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &markers, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	o = update(t, server, server.Endpoint, body+fmt.Sprintf("marker_table = %q", markers), row)
	if w := o.Meter.Snapshot().Warnings; slices.ContainsFunc(w, func(w progress.Warning) bool { return w.Key == "markers" }) {
		t.Errorf("warnings %+v", w)
	}
	for _, item := range server.Items(t, markers) {
		if n, err := strconv.ParseInt(text(item, "until"), 10, 64); err != nil || n < before.Add(7*24*time.Hour).Unix() {
			t.Errorf("marker %v", item)
		}
	}

	for marker, want := range map[string]string{
		server.CreateTable(t, dynamotest.N("id")):                     "the partition key of table",
		server.CreateTable(t, dynamotest.S("id"), dynamotest.N("at")): "the sort key of table",
		"nowhere-at-all": "ResourceNotFoundException",
	} {
		_, err := sinktest.Write(t.Context(), t, sinktest.Configure(t, New, server, server.Endpoint, body+fmt.Sprintf("marker_table = %q", marker)), sinks.EndOfInput, 1, row)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "marker_table") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// What an update is expected to take counts its marker in (promise 7).
func TestUnitsOfMarkers(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	batch := sinktest.Batch(t, memory.DefaultAllocator, 0, []string{`{"pk":{"S":"a"},"n":{"N":"1"}}`})
	defer batch.Release()
	for body, want := range map[string]float64{"": 2, fmt.Sprintf("marker_table = %q", markers): 4} {
		c := sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("table = %q\nexactly_once = true\n%s", table, body)).(*Config)
		client, err := c.Connection.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := c.prepare(t.Context(), sinks.Env{Run: &expr.Run{ID: "run"}, Meter: progress.NewMeter("n", nil)}, client)
		if err != nil {
			t.Fatal(err)
		}
		s.encoder.begin(batch, record.NewReceipt("n", &record.Tally{}, batch.Origins(), nil, nil))
		row, no, err := s.encoder.row(t.Context(), 0)
		if no.Refused() || err != nil || row.Units != want || row.Actions != int(want/2) {
			t.Errorf("%v units, %d actions, want %v: %v, %v", row.Units, row.Actions, want, no, err)
		}
		s.encoder.end()
		client.Close()
	}
}
