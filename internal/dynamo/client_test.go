package dynamo

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect is a client of an endpoint that forwards to the server, or of the
// server itself.
func connect(t testing.TB, s *dynamotest.Server, endpoint string) *Client {
	t.Helper()
	c := NewConnection()
	c.Endpoint, c.Region = endpoint, s.Config.Region
	c.AccessKey, c.SecretKey, c.SessionToken = s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, s.Credentials.SessionToken
	return open(t, c)
}

func open(t testing.TB, c *Connection) *Client {
	t.Helper()
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// proxy forwards to the server and changes its answers.
func proxy(t testing.TB, s *dynamotest.Server, change func(*http.Response) error) *httptest.Server {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	p := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: change, Transport: transport,
	})
	t.Cleanup(func() { p.Close(); transport.CloseIdleConnections() })
	return p
}

// call is a request that any DynamoDB answers.
func call(t testing.TB, c *Client) ([]byte, *Error) {
	t.Helper()
	body, err := c.Call(t.Context(), "ListTables", []byte(`{}`))
	var e *Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%T is no *Error: %v", err, err)
	}
	return body, e
}

func TestCall(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	body, e := call(t, c)
	if e != nil {
		t.Fatal(e)
	}
	if !strings.Contains(string(body), "TableNames") {
		t.Errorf("answer %s", body)
	}
	var all sync.WaitGroup
	for range 8 { // for the race detector
		all.Go(func() {
			if _, err := c.Call(t.Context(), "ListTables", []byte(`{}`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, err := c.Call(t.Context(), "Scan", []byte(`{"TableName":"no-such-table"}`))
	if !errors.As(err, &e) || e.Code != "ResourceNotFoundException" || e.Class != Permanent || !strings.Contains(err.Error(), s.Endpoint) {
		t.Errorf("scan of a missing table: %v", err)
	}
}

// Endpoints that a Pool does not serve work alike, by net/http and the SDK's
// signer.
func TestCallByHTTP(t *testing.T) {
	s := dynamotest.Start(t)
	under := func(change func(*http.Response) error) string {
		below := httptest.NewServer(http.StripPrefix("/path", proxy(t, s, change).Config.Handler))
		t.Cleanup(below.Close)
		return below.URL + "/path"
	}
	c := connect(t, s, under(nil))
	if c.pool != nil {
		t.Fatal("a pool serves it")
	}
	if body, e := call(t, c); e != nil || !strings.Contains(string(body), "TableNames") {
		t.Errorf("%q, %v", body, e)
	}
	c = connect(t, s, under(func(r *http.Response) error { r.Header.Set("X-Amz-Crc32", "1"); return nil }))
	if _, e := call(t, c); e == nil || e.Code != CodeChecksum {
		t.Errorf("wrong checksum: %v", e)
	}
	c = connect(t, s, silent(t)+"/path")
	c.timeout = 20 * time.Millisecond
	if _, e := call(t, c); e == nil || e.Code != CodeTimeout || !e.Sent {
		t.Errorf("no answer: %v", e)
	}
}

// A long session token leaves no room for the head before the body, once.
func TestLongSessionToken(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	for range 2 {
		c.creds = credentials.NewStaticCredentialsProvider("AKIA", "x", strings.Repeat("long", 1000))
		if body, e := call(t, c); e != nil || !strings.Contains(string(body), "TableNames") {
			t.Errorf("%q, %v", body, e)
		}
	}
	if m := c.Message(); m.room < 4000 {
		t.Errorf("the next head gets %d bytes", m.room)
	}
	c.creds = credentials.NewStaticCredentialsProvider("AKIA", "x", "token\n")
	if _, e := call(t, c); e == nil || e.Code != CodeCredentials || e.Class != Permanent {
		t.Errorf("a token that is none: %v", e)
	}
}

func TestBrokenAnswers(t *testing.T) {
	s := dynamotest.Start(t)
	tests := []struct {
		name   string
		change func(*http.Response) error
		code   string
		class  Class
		sent   bool
	}{
		{"wrong checksum", func(r *http.Response) error { r.Header.Set("X-Amz-Crc32", "12345"); return nil }, CodeChecksum, Retryable, true},
		{"checksum that is none", func(r *http.Response) error { r.Header.Set("X-Amz-Crc32", "no"); return nil }, CodeChecksum, Retryable, true},
		{"cut in the body", func(*http.Response) error { panic(http.ErrAbortHandler) }, CodeConnection, Retryable, true},
		{"part of the body", func(r *http.Response) error {
			whole, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(whole[:len(whole)/2])))
			return err
		}, CodeConnection, Retryable, true},
		{"a page of a proxy", func(r *http.Response) error {
			r.Header.Del("X-Amz-Crc32")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("<html>")), 6
			r.Header.Set("Content-Length", "6")
			return nil
		}, CodeNotDynamoDB, Permanent, false},
		{"redirect", func(r *http.Response) error {
			r.Header.Del("X-Amz-Crc32")
			r.StatusCode = http.StatusFound
			r.Header.Set("Location", "http://example.com/")
			return nil
		}, CodeNotDynamoDB, Permanent, false},
		{"unavailable", func(r *http.Response) error {
			r.Header.Del("X-Amz-Crc32")
			r.StatusCode = http.StatusServiceUnavailable
			return nil
		}, "", Retryable, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, e := call(t, connect(t, s, proxy(t, s, test.change).URL))
			if e == nil {
				t.Fatal("no error")
			}
			if e.Code != test.code || e.Class != test.class || e.Sent != test.sent {
				t.Errorf("code %q, class %v, sent %v; want %q, %v, %v: %v", e.Code, e.Class, e.Sent, test.code, test.class, test.sent, e)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := dynamotest.Start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	l.Close()
	c := connect(t, s, endpoint)
	_, e := call(t, c)
	if e == nil || e.Class != Retryable || e.Sent || !strings.Contains(e.Error(), "connection refused") || !strings.Contains(e.Error(), endpoint) {
		t.Fatalf("got %v", e)
	}
	// The time that an endpoint gets for its first answer is over.
	c.age(noAnswer)
	_, e = call(t, c)
	if e == nil || e.Class != Permanent || e.Code != CodeUnreachable {
		t.Fatalf("after %v: %v", noAnswer, e)
	}
	_, _ = c.Describe(t.Context(), "t")
	c.age(noAnswer)
	if _, err := c.Describe(t.Context(), "t"); !errors.As(err, &e) || e.Class != Permanent || !strings.Contains(err.Error(), endpoint) {
		t.Errorf("Describe: %v", err)
	}
}

// What the SDK has no code for says what came.
func TestDescribeThroughAProxyThatRefuses(t *testing.T) {
	s := dynamotest.Start(t)
	for status, class := range map[int]Class{http.StatusForbidden: Permanent, http.StatusNotFound: Permanent} {
		refusing := proxy(t, s, func(r *http.Response) error {
			r.Header.Del("X-Amz-Crc32")
			r.StatusCode, r.Body, r.ContentLength = status, io.NopCloser(strings.NewReader("no")), 2
			r.Header.Set("Content-Length", "2")
			return nil
		})
		_, err := connect(t, s, refusing.URL).Describe(t.Context(), "t")
		var e *Error
		if !errors.As(err, &e) || e.Class != class || !strings.Contains(err.Error(), fmt.Sprint(status)) || !strings.Contains(err.Error(), "endpoint is a DynamoDB") {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

// age has everything that was tried in vain tried so much longer.
func (c *Client) age(d time.Duration) {
	c.contacts.mu.Lock()
	defer c.contacts.mu.Unlock()
	for _, o := range c.contacts.ops {
		o.first = o.first.Add(-d)
	}
}

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted sync.WaitGroup
	accepted.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Go(func() { _, _ = io.Copy(io.Discard, conn); conn.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); accepted.Wait() })
	return "http://" + l.Addr().String()
}

func TestNoAnswerInTime(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, silent(t))
	c.timeout = 20 * time.Millisecond
	_, e := call(t, c)
	for e != nil && !e.Sent && c.timeout < time.Minute { // not even connected in that time
		c.timeout *= 2
		_, e = call(t, c)
	}
	if e == nil || e.Code != CodeTimeout || e.Class != Retryable || !e.Sent {
		t.Errorf("got %v", e)
	}
	c.age(noAnswer)
	if _, e := call(t, c); e == nil || e.Code != CodeUnreachable || e.Class != Permanent {
		t.Errorf("after %v: %v", noAnswer, e)
	}
}

func TestCancelledCallIsNoError(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, silent(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.Call(ctx, "ListTables", []byte(`{}`))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	s := dynamotest.Start(t)
	secure := httptest.NewUnstartedServer(proxy(t, s, nil).Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, e := call(t, connect(t, s, secure.URL))
	if e == nil || e.Class != Permanent || e.Sent || !strings.Contains(e.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("unknown authority: %v", e)
	}
	plain := strings.Replace(proxy(t, s, nil).URL, "http:", "https:", 1)
	if _, e := call(t, connect(t, s, plain)); e == nil || e.Class != Permanent || !strings.Contains(e.Error(), "scheme") {
		t.Errorf("https to a plain server: %v", e)
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(bundle, block, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if _, e := call(t, connect(t, s, secure.URL)); e != nil {
		t.Errorf("with the authority in AWS_CA_BUNDLE: %v", e)
	}
}

func TestDescribe(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	name := s.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.S("pk"), dynamotest.N("sk")},
		Indexes: []dynamotest.Index{{Name: "by_owner", Keys: []dynamotest.Key{dynamotest.B("owner")}}},
	})
	got, err := c.Describe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Key{{"pk", attr.String}, {"sk", attr.Number}}; fmt.Sprint(got.Keys) != fmt.Sprint(want) {
		t.Errorf("keys %v, want %v", got.Keys, want)
	}
	index, ok := got.Index("by_owner")
	if !ok || !index.Global || fmt.Sprint(index.Keys) != fmt.Sprint([]Key{{"owner", attr.Binary}}) {
		t.Errorf("index %+v", index)
	}
	if got.Name != name || got.Billing != BillingOnDemand || TableName(got.ARN) != name {
		t.Errorf("described as %+v", got)
	}
	_, err = c.Describe(t.Context(), "no-such-table")
	var e *Error
	if !errors.As(err, &e) || e.Class != Permanent {
		t.Fatalf("missing table: %v", err)
	}
	for _, part := range []string{"no-such-table", s.Endpoint, "create"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestCreateTable(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	for _, spec := range []TableSpec{
		{Name: s.TableName(t), Keys: []Key{{"pk", attr.String}}, Billing: BillingOnDemand},
		{Name: s.TableName(t), Keys: []Key{{"pk", attr.Binary}, {"sk", attr.Number}}, Billing: BillingProvisioned, Throughput: Throughput{3, 4}},
	} {
		var all sync.WaitGroup
		for range 3 { // at once: one of them makes it
			all.Go(func() {
				got, err := c.CreateTable(t.Context(), spec)
				if err != nil {
					t.Errorf("%s: %v", spec.Billing, err)
					return
				}
				if fmt.Sprint(got.Keys) != fmt.Sprint(spec.Keys) || got.Billing != spec.Billing || got.ProvisionedRead != spec.Throughput.Read || got.ProvisionedWrite != spec.Throughput.Write {
					t.Errorf("made %+v of %+v", got, spec)
				}
			})
		}
		all.Wait()
	}
}

// A table with all that can be said of one is as the SDK says when it is asked.
func TestCreateTableWithEverything(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	spec := TableSpec{
		Name: s.TableName(t), Keys: []Key{{"pk", attr.String}, {"sk", attr.Number}}, Billing: BillingProvisioned, Throughput: Throughput{3, 4},
		Indexes: []IndexSpec{
			{Name: "by_mail", Keys: []Key{{"mail", attr.String}, {"sk", attr.Number}}, Global: true, Projection: "INCLUDE", Attributes: []string{"name"}, Throughput: Throughput{1, 2}},
			{Name: "by_date", Keys: []Key{{"pk", attr.String}, {"date", attr.String}}, Projection: "KEYS_ONLY"},
		},
		Stream: "NEW_IMAGE", DeletionProtection: true, Tags: map[string]string{"team": "data", "env": "test"}, TimeToLive: "expires", PointInTime: true,
	}
	got, err := c.CreateTable(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Client.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{TableName: &spec.Name, DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
			t.Error(err)
		}
	})
	if !got.DeletionProtection || len(got.Indexes) != 2 {
		t.Errorf("made %+v", got)
	}
	for _, x := range got.Indexes {
		i := slices.IndexFunc(spec.Indexes, func(want IndexSpec) bool { return want.Name == x.Name })
		if want := spec.Indexes[i]; fmt.Sprint(x.Keys) != fmt.Sprint(want.Keys) || x.Global != want.Global {
			t.Errorf("index %+v, want %+v", x, want)
		}
	}
	if ttl, err := c.TimeToLive(t.Context(), spec.Name); err != nil || ttl != "expires" {
		t.Errorf("time to live %q, %v", ttl, err)
	}
	out, err := s.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &spec.Name})
	if err != nil {
		t.Fatal(err)
	}
	d := out.Table
	if d.StreamSpecification == nil || d.StreamSpecification.StreamViewType != types.StreamViewTypeNewImage {
		t.Errorf("stream %+v", d.StreamSpecification)
	}
	p := d.GlobalSecondaryIndexes[0]
	if p.Projection.ProjectionType != types.ProjectionTypeInclude || !slices.Equal(p.Projection.NonKeyAttributes, []string{"name"}) || *p.ProvisionedThroughput.WriteCapacityUnits != 2 {
		t.Errorf("global index %+v", p)
	}
	tags, err := s.Client.ListTagsOfResource(t.Context(), &dynamodb.ListTagsOfResourceInput{ResourceArn: d.TableArn})
	if err != nil || len(tags.Tags) != 2 {
		t.Errorf("tags %v, %v", tags, err)
	}
}

// What no local server keeps is at least asked for.
func TestCreateTableAsksForEverything(t *testing.T) {
	spec := TableSpec{
		Name: "t", Keys: []Key{{"pk", attr.String}}, Billing: BillingOnDemand, Throughput: Throughput{Write: 100}, Warm: Throughput{Read: 12_001},
		Indexes: []IndexSpec{{Name: "by_mail", Keys: []Key{{"mail", attr.String}}, Global: true, Projection: "ALL", Throughput: Throughput{Read: 7}}},
		Class:   "STANDARD_INFREQUENT_ACCESS", KMSKey: "alias/mine",
	}
	in := spec.input()
	if in.ProvisionedThroughput != nil || in.OnDemandThroughput.MaxReadRequestUnits != nil || *in.OnDemandThroughput.MaxWriteRequestUnits != 100 {
		t.Errorf("on demand %+v", in.OnDemandThroughput)
	}
	if in.WarmThroughput.WriteUnitsPerSecond != nil || *in.WarmThroughput.ReadUnitsPerSecond != 12_001 {
		t.Errorf("warm %+v", in.WarmThroughput)
	}
	if in.TableClass != types.TableClassStandardInfrequentAccess || *in.SSESpecification.KMSMasterKeyId != "alias/mine" || !*in.SSESpecification.Enabled {
		t.Errorf("class %v, encryption %+v", in.TableClass, in.SSESpecification)
	}
	if x := in.GlobalSecondaryIndexes[0]; x.ProvisionedThroughput != nil || *x.OnDemandThroughput.MaxReadRequestUnits != 7 {
		t.Errorf("index %+v", x)
	}
	if plain := (&TableSpec{Name: "t", Keys: spec.Keys, Billing: BillingOnDemand}).input(); plain.OnDemandThroughput != nil || plain.WarmThroughput != nil ||
		plain.SSESpecification != nil || plain.StreamSpecification != nil || plain.Tags != nil || plain.DeletionProtectionEnabled != nil {
		t.Errorf("of a plain table: %+v", plain)
	}
}

func TestTimeToLiveAndBackupsOfAPlainTable(t *testing.T) {
	s := dynamotest.Start(t)
	c := connect(t, s, s.Endpoint)
	name := s.CreateTable(t, dynamotest.S("pk"))
	if ttl, err := c.TimeToLive(t.Context(), name); err != nil || ttl != "" {
		t.Errorf("time to live %q, %v", ttl, err)
	}
	if on, err := c.ContinuousBackups(t.Context(), name); err != nil || on {
		t.Errorf("continuous backups %v, %v", on, err)
	}
}

func TestTableName(t *testing.T) {
	for arn, want := range map[string]string{
		"users": "users",
		"arn:aws:dynamodb:eu-west-1:123456789012:table/users":            "users",
		"arn:aws:dynamodb:eu-west-1:123456789012:table/users/index/by_x": "users",
		"arn:aws:s3:::bucket": "arn:aws:s3:::bucket",
	} {
		if got := TableName(arn); got != want {
			t.Errorf("%s: %s", arn, got)
		}
	}
}
