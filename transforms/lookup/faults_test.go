package lookup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/sourcegraph/conc"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
)

// startProxy has lookups without a connection use a fault proxy before a server.
func startProxy(t *testing.T, server *dynamotest.Server, c faultproxy.Config) *faultproxy.Proxy {
	t.Helper()
	var err error
	if c.Backend, err = url.Parse(server.Endpoint); err != nil {
		t.Fatal(err)
	}
	c.Seed = 7
	// The server may be one that verifies signatures.
	c.Sign = func(ctx context.Context, r *http.Request, body []byte) error {
		sum := sha256.Sum256(body)
		return v4.NewSigner().SignHTTP(ctx, server.Credentials, r, hex.EncodeToString(sum[:]), "dynamodb", server.Config.Region, time.Now())
	}
	p, err := faultproxy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		s.Close()
		p.Close()
	})
	use(t, server, s.URL)
	return p
}

const impatient = "retry {\nbase_delay = \"1ms\"\nmax_delay = \"20ms\"\nmax_attempts = 50\n}\n"

// Through a network and tables that do everything wrong every row gets its
// items, whatever is worked on at once, and nothing is mixed up.
func TestFaults(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 900)
	places := server.CreateTable(t, dynamotest.N("pk"))
	var items []dynamotest.Item
	for i := range 400 {
		items = append(items, dynamotest.Item{"pk": &types.AttributeValueMemberN{Value: fmt.Sprint(2 * i)}, "city": &types.AttributeValueMemberS{Value: fmt.Sprintf("City %d", 2*i)}})
	}
	server.Put(t, places, items...)
	p := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{
		Unprocessed: 0.20, Throttle: 0.15, Error: 0.30, CutBefore: 0.10, CutAfter: 0.10,
	}})
	o := open(t, impatient+fmt.Sprintf("cache = 50\nget \"who\" {\ntable = %q\nkey = { id = row.user }\n}\nget \"where\" {\ntable = %q\nkey = { pk = row.order }\nprojection = [\"city\"]\n}", table, places))
	const batches, size = 120, 30
	results := make([]*result, batches)
	var group conc.WaitGroup
	for i := range batches {
		group.Go(func() {
			var rows []string
			for n := i * size; n < (i+1)*size; n++ {
				rows = append(rows, fmt.Sprintf(`{"order":{"N":"%d"},"user":{"S":"u%d"}}`, n%1000, n%1000))
			}
			var err error
			if results[i], err = o.batch(t, i*size, rows...); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for i, r := range results {
		var want []string
		for n := i * size; n < (i+1)*size; n++ {
			k := n % 1000
			row := fmt.Sprintf(`{"order":{"N":"%d"},"user":{"S":"u%d"}`, k, k)
			if k < 900 {
				row += fmt.Sprintf(`,"who":{"M":{"id":{"S":"u%d"},"name":{"S":"User %d"}}}`, k, k)
			}
			if k%2 == 0 && k < 800 {
				row += fmt.Sprintf(`,"where":{"M":{"city":{"S":"City %d"}}}`, k)
			}
			want = append(want, row+"}")
		}
		r.want(t, want...)
	}
	stats := p.Stats()
	for _, fault := range []faultproxy.Kind{
		faultproxy.Unprocessed, faultproxy.Throttled, faultproxy.Failed, faultproxy.Unavailable, faultproxy.CutBefore, faultproxy.CutAfter,
	} {
		if stats.Faults[fault] == 0 {
			t.Errorf("the proxy never did this: %s", fault)
		}
	}
	s := o.meter.Snapshot()
	if s.Unprocessed == 0 || s.Throttles == 0 || s.Retries == 0 || len(s.Capacity) != 2 {
		t.Errorf("counted: %+v", s)
	}
}

// Transactions in conflict with others, throttled and cut off are repeated.
func TestTransactionFaults(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 60)
	server.Put(t, table, dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "keeper"}})
	p := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Conflict: 0.3, Throttle: 0.1, Error: 0.05, CutAfter: 0.05}})
	o := open(t, impatient+fmt.Sprintf("mode = \"transaction\"\nget \"a\" {\ntable = %q\nkey = { id = row.user }\nprojection = [\"name\"]\n}\nget \"b\" {\ntable = %q\nkey = { id = \"keeper\" }\n}", table, table))
	rows := orders(240, 80)
	want := make([]string, len(rows))
	for i, row := range rows {
		k := i % 80
		want[i] = strings.TrimSuffix(row, "}") + `,"b":{"M":{"id":{"S":"keeper"}}}`
		if k < 60 {
			want[i] += fmt.Sprintf(`,"a":{"M":{"name":{"S":"User %d"}}}`, k)
		}
		want[i] += "}"
	}
	o.apply(t, rows...).want(t, want...)
	stats := p.Stats()
	if stats.Faults[faultproxy.Conflict] == 0 || stats.Faults[faultproxy.Throttled] == 0 {
		t.Errorf("faults %v", stats.Faults)
	}
	done := 0
	for _, r := range o.requests {
		if r.Operation != "TransactGetItems" || r.Items != 1 {
			t.Errorf("request %+v", r)
		}
		if r.Err == "" {
			done++
		}
	}
	if done != 80 {
		t.Errorf("%d transactions for 80 different keys", done)
	}
}

// One item twice in a transaction is asked for once, and can't be with two
// projections.
func TestOneItemTwiceInATransaction(t *testing.T) {
	server := start(t)
	table := users(t, server, 2)
	body := func(projection string) string {
		return fmt.Sprintf("mode = \"transaction\"\nget \"a\" {\ntable = %q\nkey = { id = row.user }\n}\nget \"b\" {\ntable = %q\nkey = { id = \"u1\" }\n%s}", table, table, projection)
	}
	u := func(i int) string { return fmt.Sprintf(`{"M":{"id":{"S":"u%d"},"name":{"S":"User %d"}}}`, i, i) }
	open(t, body("")).apply(t, `{"user":{"S":"u0"}}`, `{"user":{"S":"u1"}}`).want(t,
		`{"user":{"S":"u0"},"a":`+u(0)+`,"b":`+u(1)+`}`, `{"user":{"S":"u1"},"a":`+u(1)+`,"b":`+u(1)+`}`)
	r := open(t, body("projection = [\"name\"]\n")).apply(t, `{"user":{"S":"u0"}}`, `{"user":{"S":"u1"}}`)
	r.want(t, `{"user":{"S":"u0"},"a":`+u(0)+`,"b":{"M":{"name":{"S":"User 1"}}}}`)
	if len(r.rejects) != 1 || r.rejects[0].Code != "SameItem" || !strings.Contains(r.rejects[0].Message, `get "a" and get "b" ask for one item of table `+table) {
		t.Errorf("rejects %+v", r.rejects)
	}
}

// refuse answers requests that hold a text with an exception.
func refuse(operation, text, exception, message string) faultproxy.Decider {
	return func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation != operation || !bytes.Contains(r.Body, []byte(text)) {
			return nil
		}
		return &faultproxy.Fault{Kind: "refused", Answer: faultproxy.Refuse(http.StatusBadRequest, exception, message)}
	}
}

// A key that DynamoDB calls invalid is found in its request, and every row that
// wants it is rejected; the others go on.
func TestPoisonIsFound(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 50)
	startProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{refuse("BatchGetItem", `"u13"`, "ValidationException", "an odd key")}})
	o := open(t, fmt.Sprintf("get \"who\" {\ntable = %q\nkey = { id = row.user }\n}", table))
	r := o.apply(t, orders(100, 50)...)
	if len(r.rows) != 98 || len(r.rejects) != 2 {
		t.Fatalf("%d rows, rejects %+v", len(r.rows), r.rejects)
	}
	for i, line := range []int64{14, 64} {
		if got := r.rejects[i]; got.Origin.Line != line || got.Code != "ValidationException" || got.Message != `get "who": an odd key` || got.Attempts < 2 || got.Operation != "GetItem" {
			t.Errorf("reject %+v", got)
		}
	}
	if s := o.meter.Snapshot(); s.Splits == 0 {
		t.Errorf("counted %+v", s)
	}
}

// A permanent error fails the run, and says which table it is about.
func TestDeniedNamesTheTable(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 1)
	for mode, call := range map[string]string{"batch": "BatchGetItem", "transaction": "TransactGetItems"} {
		startProxy(t, server, faultproxy.Config{Deny: []string{call}})
		o := open(t, fmt.Sprintf("mode = %q\nget \"who\" {\ntable = %q\nkey = { id = row.user }\n}", mode, table))
		_, err := o.batch(t, 0, orders(5, 5)...)
		if err == nil || !strings.Contains(err.Error(), "table "+table+": "+call) || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(err.Error(), "IAM policy") {
			t.Errorf("error: %v", err)
		}
	}
}

func TestUnprocessedKeysCanBeRejected(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 300)
	p := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Unprocessed: 0.3}})
	o := open(t, fmt.Sprintf("get \"who\" {\ntable = %q\nkey = { id = row.user }\n}\nretry {\nretry_unprocessed = false\n}", table))
	r := o.apply(t, orders(300, 300)...)
	back := p.Stats().Faults[faultproxy.Unprocessed]
	if back == 0 || int64(len(r.rejects)) != back || len(r.rows) != 300-len(r.rejects) {
		t.Errorf("%d given back, %d rejects, %d rows", back, len(r.rejects), len(r.rows))
	}
	for _, reject := range r.rejects {
		if reject.Code != "Unprocessed" {
			t.Errorf("reject %+v", reject)
		}
	}
}

// A cancelled transaction whose reason is the row's own fault rejects the row.
func TestCancelledTransaction(t *testing.T) {
	server := dynamotest.Start(t)
	table := users(t, server, 5)
	var throttled atomic.Int64
	startProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		answer := func(reasons string) *faultproxy.Fault {
			return &faultproxy.Fault{Kind: "cancelled", Answer: &faultproxy.Answer{Status: http.StatusBadRequest, Body: []byte(
				`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled","CancellationReasons":` + reasons + `}`)}}
		}
		switch {
		case r.Operation != "TransactGetItems":
		case bytes.Contains(r.Body, []byte(`"u1"`)):
			return answer(`[{"Code":"TransactionConflict"},{"Code":"ValidationError","Message":"an odd key"}]`)
		case bytes.Contains(r.Body, []byte(`"u2"`)) && throttled.Add(1) < 3:
			return answer(`[{"Code":"None"},{"Code":"ThrottlingError","Message":"slow down"}]`)
		}
		return nil
	}}})
	o := open(t, impatient+fmt.Sprintf("mode = \"transaction\"\nget \"a\" {\ntable = %q\nkey = { id = row.user }\n}\nget \"b\" {\ntable = %q\nkey = { id = \"u0\" }\n}", table, table))
	r := o.apply(t, orders(4, 4)...)
	if len(r.rows) != 3 || len(r.rejects) != 1 {
		t.Fatalf("%d rows, rejects %+v", len(r.rows), r.rejects)
	}
	if got := r.rejects[0]; got.Code != "ValidationError" || !strings.HasSuffix(got.Message, "an odd key") || got.Operation != "TransactGetItems" || got.Origin.Line != 2 {
		t.Errorf("reject %+v", got)
	}
	if s := o.meter.Snapshot(); s.Throttles != 2 {
		t.Errorf("counted %+v", s)
	}
}

// An answer is 16 MB at most: what is beyond comes back unprocessed, and memory
// is bounded by windows and batches that are cut (promise 6).
func TestAnswersBeyondSixteenMegabytes(t *testing.T) {
	server := start(t)
	table := server.CreateTable(t, dynamotest.N("pk"))
	const n, size = 120, 300 << 10
	for i := range n {
		server.Put(t, table, dynamotest.Item{
			"pk": &types.AttributeValueMemberN{Value: fmt.Sprint(i)}, "text": &types.AttributeValueMemberS{Value: strings.Repeat(string(rune('a'+i%26)), size)},
		})
	}
	o := open(t, fmt.Sprintf("get \"big\" {\ntable = %q\nkey = { pk = row.n }\n}", table))
	rows := make([]string, 2*n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"n":{"N":"%d"}}`, i%n)
	}
	r := o.apply(t, rows...)
	for i, v := range r.values {
		if text := v.Get("big").Get("text").Text(); len(text) != size || text[0] != byte('a'+i%n%26) {
			t.Fatalf("row %d has %d bytes of %q", i, len(text), text[:1])
		}
	}
	s := o.meter.Snapshot()
	if len(r.rows) != len(rows) || s.Unprocessed == 0 {
		t.Errorf("%d rows, counted %+v", len(r.rows), s)
	}
	if limit := o.limits.Bytes + 2*size; r.largest > limit {
		t.Errorf("a batch of %d bytes, and the limit is %d", r.largest, limit)
	}
	if !slices.IsSorted(r.lines) {
		t.Error("rows left out of order")
	}
}
