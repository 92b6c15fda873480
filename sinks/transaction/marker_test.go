package transaction

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

// Money is neither made nor lost by a run that is killed and goes on, when every
// token has been forgotten meanwhile. What goes on begins in the middle of a
// group, with what was held of it.
func TestTransfersWithoutTokens(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	const accounts, transfers = 12, 240
	want := map[string]int{}
	for i := range accounts {
		pk := fmt.Sprint("a", i)
		want[pk] = 100000
		server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: pk}, "balance": &types.AttributeValueMemberN{Value: "100000"}})
	}
	var rows []string // in groups of two transfers, over four accounts
	for i := range transfers {
		from, to := i*2%accounts, (i*2+1)%accounts
		want[fmt.Sprint("a", from)] -= i
		want[fmt.Sprint("a", to)] += i
		rows = append(rows, fmt.Sprintf(`{"g":{"N":"%d"},"from":{"S":"a%d"},"to":{"S":"a%d"},"amount":{"N":"%d"}}`, i/2, from, to, i))
	}
	body := fmt.Sprintf(`
group_by     = row.g
exactly_once = true
marker_table = %[2]q
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
}`, table, markers)
	faults := faultproxy.Faults{Throttle: 0.05, Error: 0.10, Conflict: 0.20, CutAfter: 0.15}
	_, url := sinktest.StartForgetful(t, server, faultproxy.Config{Faults: faults})

	// The checkpoint is in the middle of a group; the kill comes later.
	run := sinktest.Process{Run: "run", Ending: sinks.Stopped, Batch: 7}
	saved, err := run.Write(t.Context(), t, sinktest.Configure(t, New, server, url, body), rows[:81]...)
	if err != nil || len(saved.Held) != 1 || saved.Tally.Written.Load() != 80 {
		t.Fatalf("held %v, %d written: %v", saved.Held, saved.Tally.Written.Load(), err)
	}
	run.First, run.Held, run.Resume, run.Ending = 81, saved.Held, saved.State, sinks.EndOfInput
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int64
	_, fatal := sinktest.StartForgetful(t, server, faultproxy.Config{Faults: faults, Deciders: []faultproxy.Decider{func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation == "TransactWriteItems" && n.Add(1) == 60 {
			cancel()
		}
		return nil
	}}})
	if o, err := run.Write(ctx, t, sinktest.Configure(t, New, server, fatal, body), rows...); err == nil || o.Open == 0 {
		t.Fatalf("it was not killed: %v", err)
	}
	o, err := run.Write(t.Context(), t, sinktest.Configure(t, New, server, url, body), rows...)
	if err != nil {
		t.Fatal(err)
	}
	o.Want(t, transfers-80, 0, 0)
	for pk, item := range server.ItemsBy(t, table, "pk") {
		if got := number(t, item, "balance"); got != want[pk] {
			t.Errorf("%s has %d, want %d", pk, got, want[pk])
		}
	}
	if n := len(server.Items(t, markers)); n != transfers/2 {
		t.Errorf("%d markers", n)
	}
}

// A marker is one of the actions that a transaction may have, and the rows of a
// group that was cancelled know who was at fault.
func TestGroupsWithMarkers(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	body := fmt.Sprintf("group_by = row.g\nexactly_once = true\nmarker_table = %q\nput {\ntable = %q\ncondition = !exists(item.pk)\n}\n", markers, table)
	rows := grouped(209, func(i int) int { return min(i/99, 2) + i/199 }) // 99, 99, 1, 10
	server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "k203"}})
	o := transact(t, server, server.Endpoint, body, rows...)
	o.Want(t, 199, 0, 10)
	for _, r := range o.Rejects {
		code := "TransactionCancelled: its transaction was cancelled because of the row at rows.jsonl:204"
		if r.Origin.Line == 204 {
			code = "ConditionalCheckFailedException: "
		}
		if !strings.HasPrefix(r.Code+": "+r.Message, code) {
			t.Errorf("reject: %+v", r)
		}
	}
	if n := len(server.Items(t, markers)); n != 3 {
		t.Errorf("%d markers", n)
	}
	o = transact(t, server, server.Endpoint, body, grouped(100, func(int) int { return 7 })...)
	o.Want(t, 0, 0, 100)
	if r := o.Rejects[0]; r.Code != "TransactionTooLarge" || !strings.Contains(r.Message, "more than the 99 actions") {
		t.Errorf("reject: %+v", r)
	}
	if o.Requests() != 0 {
		t.Errorf("%d requests", o.Requests())
	}
}

// What the marker says goes before the conditions: a group that is written again
// by another run with its idempotency_key was written.
func TestMarkersBeforeConditions(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	_, url := sinktest.StartForgetful(t, server, faultproxy.Config{})
	body := fmt.Sprintf("group_by = row.g\nidempotency_key = row.g\nexactly_once = true\nmarker_table = %q\nput {\ntable = %q\ncondition = !exists(item.pk)\n}\n", markers, table)
	rows := grouped(30, func(i int) int { return i / 10 })
	for range 2 {
		transact(t, server, url, body, rows...).Want(t, 30, 0, 0)
	}
	o := transact(t, server, url, body, append(rows, `{"pk":{"S":"k30"},"g":{"N":"2"}}`)...)
	o.Want(t, 20, 0, 11)
	for _, r := range o.Rejects {
		if r.Code != "IdempotentParameterMismatchException" || r.Origin.Line <= 20 {
			t.Errorf("reject: %+v", r)
		}
	}
}

// What a group is expected to take counts its marker in (promise 7).
func TestUnitsOfMarkers(t *testing.T) {
	server := dynamotest.Start(t)
	table, markers := server.CreateTable(t, dynamotest.S("pk")), server.CreateTable(t, dynamotest.S("id"))
	batch := sinktest.Batch(t, memory.DefaultAllocator, 0, grouped(4, func(i int) int { return i / 3 }))
	defer batch.Release()
	for body, more := range map[string]float64{"": 0, fmt.Sprintf("exactly_once = true\nmarker_table = %q", markers): 2} {
		c := sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g\n%s", table, body)).(*Config)
		client, err := c.Connection.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.encoder(t.Context(), sinks.Env{Run: &expr.Run{ID: "run"}, Meter: progress.NewMeter("n", nil)}, client, &deliver.Config{})
		if err != nil {
			t.Fatal(err)
		}
		e.begin(batch, record.NewReceipt("n", &record.Tally{}, batch.Origins(), nil, nil))
		for i := range batch.Rows() {
			if err := e.row(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		if len(e.out) != 1 || e.out[0].Units != 6+more || e.out[0].Actions != 3+int(more/2) {
			t.Errorf("%+v, want %v units", e.out, 6+more)
		}
		e.end()
		client.Close()
	}
}
