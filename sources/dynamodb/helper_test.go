package dynamodb

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connection reaches the server, by another endpoint if one is given.
func connection(s *dynamotest.Server, endpoint string) *dynamo.Connection {
	c := dynamo.NewConnection()
	c.Endpoint, c.Region = s.Endpoint, s.Config.Region
	if endpoint != "" {
		c.Endpoint = endpoint
	}
	c.AccessKey, c.SecretKey, c.SessionToken = s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, s.Credentials.SessionToken
	return c
}

// decoded is a block of that body, which must be right, reading a table.
func decoded(t testing.TB, c *dynamo.Connection, table, body string) *Config {
	t.Helper()
	config := New().(*Config)
	text := fmt.Sprintf("connection = connection.dynamodb.main\ntable = %q\n%s", table, body)
	if diags := sourcetest.Decode(t, config, text, map[string]any{"connection.dynamodb.main": c}); diags.HasErrors() {
		t.Fatal(diags)
	}
	return config
}

// result is what a source gave.
type result struct {
	items   []attr.Value // in the order of partitions
	origins []record.Origin
	chunks  []int
	meter   progress.Snapshot
	err     error
}

// read opens the source and reads all partitions at once.
func read(t testing.TB, config *Config, prepare ...func(*source)) result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	env := sourcetest.Env(mem, sourcetest.DefaultLimits)
	opened, err := config.Open(t.Context(), env)
	if err != nil {
		return result{err: err}
	}
	s := opened.(*source)
	defer s.Close()
	for _, p := range prepare {
		p(s)
	}
	partitions := s.Partitions()
	parts := make([]result, len(partitions))
	var all sync.WaitGroup
	for i, p := range partitions {
		all.Go(func() {
			for {
				chunk, err := p.Next(t.Context())
				if err != nil {
					if !errors.Is(err, io.EOF) {
						parts[i].err = err
					}
					return
				}
				for _, r := range chunk.Rejects {
					t.Errorf("rejected: %+v", r)
				}
				for row := range chunk.Batch.Rows() {
					parts[i].items = append(parts[i].items, attr.MapValue(attr.Fields(chunk.Batch, row)))
					parts[i].origins = append(parts[i].origins, chunk.Batch.Origins().At(row))
				}
				parts[i].chunks = append(parts[i].chunks, chunk.Batch.Rows())
				chunk.Batch.Release()
			}
		})
	}
	all.Wait()
	var out result
	for _, p := range parts {
		out.items, out.origins, out.chunks = append(out.items, p.items...), append(out.origins, p.origins...), append(out.chunks, p.chunks...)
		if p.err != nil {
			out.err = p.err
		}
	}
	out.meter = env.Meter.Snapshot()
	return out
}

// texts is the named attribute of each item.
func (r result) texts(name string) []string {
	var out []string
	for _, item := range r.items {
		out = append(out, item.Get(name).Text())
	}
	return out
}

func (r result) sorted(name string) []string {
	out := r.texts(name)
	slices.Sort(out)
	return out
}

// numbered is a table of n items: id "000"..., group "g0" to "g2", n.
func numbered(t testing.TB, s *dynamotest.Server, n int) string {
	t.Helper()
	table := s.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.S("id")},
		Indexes: []dynamotest.Index{{Name: "by_group", Keys: []dynamotest.Key{dynamotest.S("group"), dynamotest.N("n")}}},
	})
	var items []dynamotest.Item
	for i := range n {
		items = append(items, dynamotest.Item{
			"id":    &types.AttributeValueMemberS{Value: fmt.Sprintf("%03d", i)},
			"group": &types.AttributeValueMemberS{Value: fmt.Sprintf("g%d", i%3)},
			"n":     &types.AttributeValueMemberN{Value: fmt.Sprint(i)},
			"odd.name": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
				"in": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "x"}}}}},
		})
	}
	s.Put(t, table, items...)
	return table
}

// ids is what numbered calls the items from to below to.
func ids(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("%03d", i))
	}
	return out
}

// faults is a proxy before the server that spoils Scan and Query answers: the
// n-th with the n-th fault, nil and beyond them none.
func faults(t testing.TB, s *dynamotest.Server, list ...func(*http.Response) error) string {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	transport := &http.Transport{}
	p := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			target := r.Request.Header.Get("X-Amz-Target")
			if !strings.HasSuffix(target, ".Scan") && !strings.HasSuffix(target, ".Query") {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if len(list) == 0 {
				return nil
			}
			fault := list[0]
			list = list[1:]
			if fault == nil {
				return nil
			}
			return fault(r)
		},
		Transport: transport,
	})
	t.Cleanup(func() { p.Close(); transport.CloseIdleConnections() })
	return p.URL
}

// answer is a fault: another answer in place of the server's.
func answer(status int, code string) func(*http.Response) error {
	return func(r *http.Response) error {
		text := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"by the proxy"}`, code)
		r.Body.Close()
		r.StatusCode, r.Body, r.ContentLength = status, io.NopCloser(strings.NewReader(text)), int64(len(text))
		r.Header.Set("Content-Length", fmt.Sprint(len(text)))
		r.Header.Del("X-Amz-Crc32")
		return nil
	}
}

func cutOff(*http.Response) error { panic(http.ErrAbortHandler) }

func wrongChecksum(r *http.Response) error {
	r.Header.Set("X-Amz-Crc32", "1")
	return nil
}

// halfBody keeps the length that the header says, so that the connection is cut.
func halfBody(r *http.Response) error {
	whole, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(whole[:len(whole)/2])))
	return err
}

// shortBody is half an answer that says it is whole.
func shortBody(r *http.Response) error {
	if err := halfBody(r); err != nil {
		return err
	}
	half, err := io.ReadAll(r.Body)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(half))), int64(len(half))
	r.Header.Set("Content-Length", fmt.Sprint(len(half)))
	r.Header.Del("X-Amz-Crc32")
	return err
}
