package batchwrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// startProxy puts a fault proxy before a server and returns its URL. Rows that
// say so are poison or denied.
func startProxy(t *testing.T, server *dynamotest.Server, c faultproxy.Config) (*faultproxy.Proxy, string) {
	t.Helper()
	c.Deciders = append(c.Deciders,
		marked("POISON", "ValidationException", "an item is poisoned"),
		marked("DENIED", "AccessDeniedException", "not allowed"))
	return sinktest.StartProxy(t, server, c)
}

// marked refuses batches that hold a text.
func marked(text, exception, message string) faultproxy.Decider {
	return func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation != "BatchWriteItem" || !bytes.Contains(r.Body, []byte(text)) {
			return nil
		}
		return &faultproxy.Fault{Kind: "marked", Answer: faultproxy.Refuse(http.StatusBadRequest, exception, message)}
	}
}

// numbered are n rows whose keys repeat every so many.
func numbered(n, keys int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"pk":{"S":"user-%d"},"n":{"N":"%d"},"text":{"S":"%s"}}`, i%keys, i, strings.Repeat("x", i%200))
	}
	return rows
}

// Through a network and a table that do everything wrong, every item arrives,
// and of each key the last one.
func TestTwentyThousandItemsThroughFaults(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	p, url := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{
		Unprocessed: 0.20, Throttle: 0.10, Error: 0.05, CutBefore: 0.01, CutAfter: 0.02,
	}})
	const n, keys = 20_000, 18_000
	body := fmt.Sprintf("table = %q\nretry {\nbase_delay = \"1ms\"\nmax_delay = \"20ms\"\n}", table)
	o, err := write(t.Context(), t, configure(t, server, url, body), 1000, numbered(n, keys)...)
	if err != nil {
		t.Fatal(err)
	}
	items := server.ItemsBy(t, table, "pk")
	if len(items) != keys {
		t.Fatalf("%d items, want %d", len(items), keys)
	}
	for i := range keys {
		want := i
		if i+keys < n {
			want = i + keys
		}
		item := items[fmt.Sprintf("user-%d", i)]
		if got := item["n"].(*types.AttributeValueMemberN).Value; got != fmt.Sprint(want) {
			t.Fatalf("user-%d is row %s, want %d", i, got, want)
		}
	}
	if done := o.Tally.Written.Load() + o.Tally.Coalesced.Load(); done != n || o.Open != 0 {
		t.Errorf("%d rows ended of %d, %d open", done, n, o.Open)
	}
	stats := p.Stats()
	for _, fault := range []faultproxy.Kind{
		faultproxy.Unprocessed, faultproxy.Throttled, faultproxy.Failed, faultproxy.FailedAfter,
		faultproxy.Unavailable, faultproxy.CutBefore, faultproxy.CutAfter,
	} {
		if stats.Faults[fault] == 0 {
			t.Errorf("the proxy never did this: %s", fault)
		}
	}
	s := o.Meter.Snapshot()
	if s.Unprocessed == 0 || s.Throttles == 0 || s.Retries == 0 {
		t.Errorf("counted: %+v", s)
	}
	t.Logf("%d items in %d requests (%d at best), faults %v", n, s.Requests, n/deliver.BatchWriteCaps().Items, stats.Faults)
}

// An item that DynamoDB calls invalid is found in its batch; the others arrive,
// and so does the row before it of the same key (promise 4).
func TestPoisonIsFoundAndTheOthersArrive(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, faultproxy.Config{})
	rows := numbered(100, 100)
	rows[41] = `{"pk":{"S":"user-41"},"text":{"S":"POISON"}}`
	rows = append(rows, `{"pk":{"S":"user-7"},"text":{"S":"POISON"}}`)
	o, err := write(t.Context(), t, configure(t, server, url, fmt.Sprintf("table = %q", table)), 200, rows...)
	if err != nil {
		t.Fatal(err)
	}
	want(t, o, 99, 0, 2)
	for _, r := range o.Rejects {
		if r.Code != "ValidationException" || r.Message != "an item is poisoned" || r.Attempts < 2 || !strings.Contains(string(r.Item), "POISON") {
			t.Errorf("reject: %+v", r)
		}
	}
	items := server.ItemsBy(t, table, "pk")
	if len(items) != 99 || items["user-7"] == nil || items["user-41"] != nil {
		t.Errorf("%d items", len(items))
	}
}

func TestDeniedFailsTheRunAndNamesTheTable(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, faultproxy.Config{})
	o, err := write(t.Context(), t, configure(t, server, url, fmt.Sprintf("table = %q", table)), 10,
		`{"pk":{"S":"a"},"x":{"S":"DENIED"}}`, `{"pk":{"S":"b"}}`)
	if err == nil || !strings.Contains(err.Error(), "table "+table+": ") || !strings.Contains(err.Error(), "AccessDeniedException: not allowed") {
		t.Errorf("error: %v", err)
	}
	if o.Open != 2 {
		t.Errorf("%d rows open, want 2", o.Open)
	}
}

// With retry_unprocessed = false what the table gives back is in the dead
// letter, and only that.
func TestUnprocessedRowsCanBeRejected(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	p, url := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Unprocessed: 0.30}})
	body := fmt.Sprintf("table = %q\nbatch_size = 10\nconcurrency = 2\nretry {\nretry_unprocessed = false\n}", table)
	o, err := write(t.Context(), t, configure(t, server, url, body), 100, numbered(500, 500)...)
	if err != nil {
		t.Fatal(err)
	}
	back := p.Stats().Faults[faultproxy.Unprocessed]
	if back == 0 {
		t.Fatal("the proxy gave nothing back")
	}
	want(t, o, 500-back, 0, back)
	items := server.ItemsBy(t, table, "pk")
	if int64(len(items)) != 500-back {
		t.Errorf("%d items and %d rejects", len(items), back)
	}
	for _, r := range o.Rejects {
		if r.Code != "Unprocessed" || items[fmt.Sprintf("user-%d", r.Origin.Seq)] != nil {
			t.Errorf("rejected and written: %+v", r)
		}
	}
}

func TestFailuresPastMaxAttemptsFailTheRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation != "BatchWriteItem" {
			return nil
		}
		return &faultproxy.Fault{Kind: faultproxy.Failed, Answer: faultproxy.Refuse(http.StatusInternalServerError, "InternalServerError", "failing")}
	}}})
	body := fmt.Sprintf("table = %q\nretry {\nmax_attempts = 3\nbase_delay = \"1ms\"\n}", table)
	o, err := write(t.Context(), t, configure(t, server, url, body), 100, numbered(30, 30)...)
	if err == nil || !strings.Contains(err.Error(), "failed 3 times (retry.max_attempts)") || !strings.Contains(err.Error(), "InternalServerError") {
		t.Errorf("error: %v", err)
	}
	if o.Open != 30 {
		t.Errorf("%d rows open, want all 30", o.Open)
	}
}
