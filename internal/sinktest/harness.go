package sinktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/uuid"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// Idle are connections that the SDK's or a test's transport is still closing.
func Idle() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	}
}

func theRun() *expr.Run { return &expr.Run{ID: "run", Start: time.Unix(1700000000, 0).UTC()} }

// connection is how to reach a server at an endpoint.
func connection(server *dynamotest.Server, endpoint string) *dynamo.Connection {
	c := dynamo.NewConnection()
	c.Endpoint, c.Region = endpoint, server.Config.Region
	c.AccessKey, c.SecretKey, c.SessionToken = server.Credentials.AccessKeyID, server.Credentials.SecretAccessKey, server.Credentials.SessionToken
	return c
}

// Decode decodes the body of a block, in which connection.dynamodb.main is c.
func Decode(t testing.TB, empty func() sinks.Config, c *dynamo.Connection, body string) (sinks.Config, hcl.Diagnostics) {
	t.Helper()
	src := []byte("sink \"kind\" \"t\" {\n" + body + "\n}\n")
	file, diags := hclsyntax.ParseConfig(src, "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	static := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal},
		Functions: expr.Functions(theRun(), false),
	}
	d := &schema.Decoder{
		Static: static,
		Scope:  &expr.Scope{Static: static, Run: theRun(), Sources: map[string][]byte{"test.hcl": src}},
		Blocks: map[string]any{"connection.dynamodb.main": c},
	}
	config := empty()
	_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], config.Schema())
	return config, diags
}

// Configure decodes the body of a block that is right, over a server.
func Configure(t testing.TB, empty func() sinks.Config, server *dynamotest.Server, endpoint, body string) sinks.Config {
	t.Helper()
	config, diags := Decode(t, empty, connection(server, endpoint), body+"\nconnection = connection.dynamodb.main")
	if diags.HasErrors() {
		t.Fatal(Text(diags))
	}
	return config
}

// Text is diagnostics as one text.
func Text(diags hcl.Diagnostics) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary+": "+d.Detail)
	}
	return strings.Join(all, "\n")
}

// Outcome is what became of rows.
type Outcome struct {
	Tally   record.Tally
	Meter   *progress.Meter
	Rejects []record.Rejection
	Open    int
	Held    []Held          // before the sink was flushed
	State   json.RawMessage // as Held

	mu sync.Mutex
}

// Reject implements record.Rejecter.
func (o *Outcome) Reject(_ string, r record.Rejection) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Rejects = append(o.Rejects, r)
	return nil
}

// Want checks how rows ended, and that all of them did.
func (o *Outcome) Want(t *testing.T, written, filtered, rejected int64) {
	t.Helper()
	if w, f, r := o.Tally.Written.Load(), o.Tally.Filtered.Load(), o.Tally.Rejected.Load(); w != written || f != filtered || r != rejected || o.Open != 0 {
		t.Errorf("written %d, filtered %d, rejected %d, open %d; want %d, %d, %d and none open: %+v", w, f, r, o.Open, written, filtered, rejected, o.Rejects)
	}
}

// Requests is how many requests were made.
func (o *Outcome) Requests() int64 { return o.Meter.Snapshot().Requests }

// Write runs rows in DynamoDB JSON through a sink, in batches of some length,
// until the input ends or the run is stopped.
func Write(ctx context.Context, t testing.TB, config sinks.Config, how sinks.Ending, batch int, rows ...string) (*Outcome, error) {
	t.Helper()
	return Process{Run: uuid.NewString(), Ending: how, Batch: batch}.Write(ctx, t, config, rows...)
}

// Process is one process of a run: the first, or one that goes on with it.
type Process struct {
	Run    string // its ID
	Ending sinks.Ending
	Batch  int // length of the batches
	// Rows before the first are those that earlier processes have ended. Held, of
	// what the last one left, are given first.
	First  int
	Held   []Held
	Resume json.RawMessage
}

// Held is a row that a sink held back, and which it was.
type Held struct {
	Number int
	Item   string
}

// Write runs rows in DynamoDB JSON through a sink.
func (p Process) Write(ctx context.Context, t testing.TB, config sinks.Config, rows ...string) (*Outcome, error) {
	t.Helper()
	const node = "sink.kind.t"
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	o := &Outcome{Meter: progress.NewMeter(node, nil)}
	sink, err := config.Open(ctx, sinks.Env{
		Node: node, Mem: mem, Run: &expr.Run{ID: p.Run, Start: time.Now()}, Meter: o.Meter, Resume: p.Resume,
	})
	if err != nil {
		return o, err
	}
	var receipts []*record.Receipt
	write := func(first int, rows []string) {
		b := Batch(t, mem, first, rows)
		r := record.NewReceipt(node, &o.Tally, b.Origins(), o, nil)
		receipts = append(receipts, r)
		err = sink.Write(ctx, b, r)
		b.Release()
	}
	for _, h := range p.Held {
		if err == nil {
			write(h.Number, []string{h.Item})
		}
	}
	for from := p.First; from < len(rows) && err == nil; from += p.Batch {
		write(from, rows[from:min(from+p.Batch, len(rows))])
	}
	if err == nil {
		err = o.checkpoint(ctx, sink)
	}
	if err == nil {
		err = sink.Flush(ctx, p.Ending)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range receipts {
		o.Open += r.Open()
	}
	return o, err
}

// checkpoint takes down what a run would need to go on after the last row.
func (o *Outcome) checkpoint(ctx context.Context, sink sinks.Sink) (err error) {
	if h, ok := sink.(sinks.Holder); ok {
		for _, row := range h.Held() {
			o.Held = append(o.Held, Held{Number: int(row.Receipt.Origin(row.Row).Seq), Item: string(row.Item)})
		}
	}
	if c, ok := sink.(sinks.Checkpointer); ok {
		o.State, err = c.Checkpoint(ctx)
	}
	return err
}

// Batch is rows in DynamoDB JSON, of which the first has that number.
func Batch(t testing.TB, mem memory.Allocator, first int, rows []string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(mem)
	defer b.Release()
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatalf("%v in %s", err, row)
		}
		b.EndRow(record.Pos{Line: int64(first + i + 1), Seq: int64(first + i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Files: []string{"rows.jsonl"}, Segment: -1})
}

// StartProxy puts a fault proxy before a server and returns its URL.
func StartProxy(t testing.TB, server *dynamotest.Server, c faultproxy.Config) (*faultproxy.Proxy, string) {
	t.Helper()
	return startProxy(t, server, c, func(p http.Handler) http.Handler { return p })
}

// StartForgetful is StartProxy for a server that has always forgotten a token:
// every request comes with another one, as if ten minutes had passed.
func StartForgetful(t testing.TB, server *dynamotest.Server, c faultproxy.Config) (*faultproxy.Proxy, string) {
	t.Helper()
	token := regexp.MustCompile(`"ClientRequestToken":"[^"]*"`)
	return startProxy(t, server, c, func(p http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			body = token.ReplaceAll(body, []byte(`"ClientRequestToken":"`+uuid.NewString()+`"`))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			p.ServeHTTP(w, r)
		})
	})
}

func startProxy(t testing.TB, server *dynamotest.Server, c faultproxy.Config, before func(http.Handler) http.Handler) (*faultproxy.Proxy, string) {
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
	s := httptest.NewServer(before(p))
	t.Cleanup(func() {
		s.Close()
		p.Close()
	})
	return p, s.URL
}

// Marked answers requests of an operation that hold a text with an exception,
// whose other members follow its message.
func Marked(operation, text string, status int, body string) faultproxy.Decider {
	return func(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
		if r.Operation != operation || !bytes.Contains(r.Body, []byte(text)) {
			return nil
		}
		return &faultproxy.Fault{Kind: "marked", Answer: &faultproxy.Answer{Status: status, Body: []byte(body)}}
	}
}
