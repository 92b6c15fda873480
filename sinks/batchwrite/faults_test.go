package batchwrite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// proxy stands before a real server and does to BatchWriteItem, by a seed, what
// no emulator does.
type proxy struct {
	server  *dynamotest.Server
	client  *http.Client
	percent chances

	mu     sync.Mutex
	random *rand.Rand
	seen   map[string]int // by what was done
}

// chances in percent: of rows for unprocessed, of requests for the others.
type chances struct{ unprocessed, throttled, failed, cutBefore, cutAfter int }

// startProxy starts a proxy and returns its URL.
func startProxy(t *testing.T, server *dynamotest.Server, c chances) (*proxy, string) {
	t.Helper()
	p := &proxy{server: server, percent: c, random: rand.New(rand.NewPCG(7, 7)), seen: map[string]int{}, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		s.Close()
		p.client.CloseIdleConnections()
	})
	return p, s.URL
}

// roll draws what to do to a request.
func (p *proxy) roll(percent int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(100) < percent
}

func (p *proxy) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[what]++
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
		p.answer(w, r, body, nil)
		return
	}
	switch {
	case bytes.Contains(body, []byte("POISON")):
		p.refuse(w, http.StatusBadRequest, "com.amazon.coral.validate#ValidationException", "an item is poisoned")
	case bytes.Contains(body, []byte("DENIED")):
		p.refuse(w, http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "not allowed")
	case p.roll(p.percent.throttled):
		p.refuse(w, http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "slow down")
	case p.roll(p.percent.failed):
		p.refuse(w, http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError", "failing")
	case p.roll(p.percent.cutBefore):
		p.count("cut before")
		panic(http.ErrAbortHandler)
	default:
		p.batch(w, r, body)
	}
}

func (p *proxy) refuse(w http.ResponseWriter, status int, code, message string) {
	p.count(code[strings.IndexByte(code, '#')+1:])
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
}

// batch forwards a part of a batch and gives the rest back.
func (p *proxy) batch(w http.ResponseWriter, r *http.Request, body []byte) {
	var request struct {
		RequestItems           map[string][]json.RawMessage
		ReturnConsumedCapacity string
	}
	if err := json.Unmarshal(body, &request); err != nil {
		p.refuse(w, http.StatusBadRequest, "#SerializationException", err.Error())
		return
	}
	back := map[string][]json.RawMessage{}
	for table, items := range request.RequestItems {
		var kept []json.RawMessage
		for _, item := range items {
			if p.roll(p.percent.unprocessed) {
				p.count("unprocessed")
				back[table] = append([]json.RawMessage{item}, back[table]...) // another order
			} else {
				kept = append(kept, item)
			}
		}
		request.RequestItems[table] = kept
		if len(kept) == 0 {
			delete(request.RequestItems, table)
		}
	}
	if len(request.RequestItems) == 0 {
		p.refuse(w, http.StatusBadRequest, "#ProvisionedThroughputExceededException", "nothing taken")
		return
	}
	body, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	p.answer(w, r, body, back)
}

// answer forwards a request, signed anew, and its answer with what is given
// back added to it.
func (p *proxy) answer(w http.ResponseWriter, r *http.Request, body []byte, back map[string][]json.RawMessage) {
	status, answer, checksum := p.forward(r.Context(), r.Header, body)
	if status != http.StatusOK && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
		p.count("failed behind the proxy: " + string(answer))
	}
	if p.roll(p.percent.cutAfter) && back != nil {
		p.count("cut after")
		panic(http.ErrAbortHandler)
	}
	if len(back) > 0 && status == http.StatusOK {
		var whole map[string]any
		if err := json.Unmarshal(answer, &whole); err != nil {
			panic(err)
		}
		whole["UnprocessedItems"] = back
		answer, _ = json.Marshal(whole)
	} else if checksum != "" {
		w.Header().Set("X-Amz-Crc32", checksum)
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (p *proxy) forward(ctx context.Context, header http.Header, body []byte) (status int, answer []byte, checksum string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.server.Endpoint, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"X-Amz-Target", "Content-Type"} {
		request.Header.Set(name, header.Get(name))
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, p.server.Credentials, request, hex.EncodeToString(sum[:]), "dynamodb", p.server.Config.Region, time.Now()); err != nil {
		panic(err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return response.StatusCode, answer, response.Header.Get("X-Amz-Crc32")
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
	p, url := startProxy(t, server, chances{unprocessed: 20, throttled: 10, failed: 3, cutBefore: 1, cutAfter: 2})
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
	if done := o.tally.Written.Load() + o.tally.Coalesced.Load(); done != n || o.open != 0 {
		t.Errorf("%d rows ended of %d, %d open", done, n, o.open)
	}
	for _, fault := range []string{"unprocessed", "ProvisionedThroughputExceededException", "InternalServerError", "cut before", "cut after"} {
		if p.seen[fault] == 0 {
			t.Errorf("the proxy never did this: %s", fault)
		}
	}
	s := o.meter.Snapshot()
	if s.Unprocessed == 0 || s.Throttles == 0 || s.Retries == 0 {
		t.Errorf("counted: %+v", s)
	}
	t.Logf("%d items in %d requests (%d at best), faults %v", n, s.Requests, n/deliver.BatchWriteCaps().Items, p.seen)
}

// An item that DynamoDB calls invalid is found in its batch; the others arrive,
// and so does the row before it of the same key (promise 4).
func TestPoisonIsFoundAndTheOthersArrive(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, chances{})
	rows := numbered(100, 100)
	rows[41] = `{"pk":{"S":"user-41"},"text":{"S":"POISON"}}`
	rows = append(rows, `{"pk":{"S":"user-7"},"text":{"S":"POISON"}}`)
	o, err := write(t.Context(), t, configure(t, server, url, fmt.Sprintf("table = %q", table)), 200, rows...)
	if err != nil {
		t.Fatal(err)
	}
	o.want(t, 99, 0, 2)
	for _, r := range o.rejects {
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
	_, url := startProxy(t, server, chances{})
	o, err := write(t.Context(), t, configure(t, server, url, fmt.Sprintf("table = %q", table)), 10,
		`{"pk":{"S":"a"},"x":{"S":"DENIED"}}`, `{"pk":{"S":"b"}}`)
	if err == nil || !strings.Contains(err.Error(), "table "+table+": ") || !strings.Contains(err.Error(), "AccessDeniedException: not allowed") {
		t.Errorf("error: %v", err)
	}
	if o.open != 2 {
		t.Errorf("%d rows open, want 2", o.open)
	}
}

// With retry_unprocessed = false what the table gives back is in the dead
// letter, and only that.
func TestUnprocessedRowsCanBeRejected(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	p, url := startProxy(t, server, chances{unprocessed: 30})
	body := fmt.Sprintf("table = %q\nbatch_size = 10\nconcurrency = 2\nretry {\nretry_unprocessed = false\n}", table)
	o, err := write(t.Context(), t, configure(t, server, url, body), 100, numbered(500, 500)...)
	if err != nil {
		t.Fatal(err)
	}
	back := int64(p.seen["unprocessed"])
	if back == 0 {
		t.Fatal("the proxy gave nothing back")
	}
	o.want(t, 500-back, 0, back)
	items := server.ItemsBy(t, table, "pk")
	if int64(len(items)) != 500-back {
		t.Errorf("%d items and %d rejects", len(items), back)
	}
	for _, r := range o.rejects {
		if r.Code != "Unprocessed" || items[fmt.Sprintf("user-%d", r.Origin.Seq)] != nil {
			t.Errorf("rejected and written: %+v", r)
		}
	}
}

func TestFailuresPastMaxAttemptsFailTheRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, chances{failed: 100})
	body := fmt.Sprintf("table = %q\nretry {\nmax_attempts = 3\nbase_delay = \"1ms\"\n}", table)
	o, err := write(t.Context(), t, configure(t, server, url, body), 100, numbered(30, 30)...)
	if err == nil || !strings.Contains(err.Error(), "failed 3 times (retry.max_attempts)") || !strings.Contains(err.Error(), "InternalServerError") {
		t.Errorf("error: %v", err)
	}
	if o.open != 30 {
		t.Errorf("%d rows open, want all 30", o.open)
	}
}
