package faultproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setting is a real server, a proxy before it, and a client of the proxy that
// repeats nothing.
type setting struct {
	server *dynamotest.Server
	table  string
	proxy  *Proxy
	url    string
	client *dynamodb.Client
	http   *http.Client
}

func start(t *testing.T, c Config) *setting {
	t.Helper()
	s := &setting{server: dynamotest.Start(t)}
	s.table = s.server.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.S("pk"), dynamotest.N("sk")},
		Indexes: []dynamotest.Index{{Name: "by-g", Keys: []dynamotest.Key{dynamotest.S("g")}}},
	})
	var err error
	if c.Backend, err = url.Parse(s.server.Endpoint); err != nil {
		t.Fatal(err)
	}
	if c.Sign == nil && strings.HasSuffix(c.Backend.Hostname(), ".amazonaws.com") {
		c.Sign = s.sign
	}
	if s.proxy, err = New(c); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(s.proxy)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		front.Close()
		s.proxy.Close()
	})
	s.url, s.http = front.URL, &http.Client{Transport: readOnly{transport}}
	s.client = dynamodb.NewFromConfig(s.server.Config, func(o *dynamodb.Options) {
		o.BaseEndpoint, o.Retryer, o.HTTPClient = &front.URL, aws.NopRetryer{}, s.http
	})
	return s
}

// readOnly sends a request's body by reading it. The SDK closes the body as soon
// as an answer begins, and once closed the body's WriteTo fails by io.EOF, which
// net/http, still looking whether the body goes on, takes for a broken request: it
// closes the connection before the answer has been read. The SDK tries again,
// which is off here.
type readOnly struct{ http.RoundTripper }

func (t readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.Clone(r.Context())
		r.Body = struct {
			io.Reader
			io.Closer
		}{r.Body, r.Body}
	}
	return t.RoundTripper.RoundTrip(r)
}

// item has a partition key, a sort key, and a size of n KB and a little less.
func item(pk string, sk, kb int) dynamotest.Item {
	return dynamotest.Item{
		"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberN{Value: fmt.Sprint(sk)},
		"t": &types.AttributeValueMemberS{Value: strings.Repeat("x", kb*1024-100)},
	}
}

// put writes n items of 1 KB of one partition key and gives those back that the
// answer gives back.
func (s *setting) put(ctx context.Context, pk string, n int) (back []types.WriteRequest, err error) {
	var writes []types.WriteRequest
	for i := range n {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item(pk, i, 1)}})
	}
	out, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: writes}})
	if err != nil {
		return nil, err
	}
	return out.UnprocessedItems[s.table], nil
}

func keyOf(i dynamotest.Item) string {
	return i["pk"].(*types.AttributeValueMemberS).Value + "/" + i["sk"].(*types.AttributeValueMemberN).Value
}

func TestUnprocessedItemsAreThoseNotWritten(t *testing.T) {
	s := start(t, Config{Seed: 1, Faults: Faults{Unprocessed: 0.4}})
	var back []string
	for i := range 10 {
		items, err := s.put(t.Context(), fmt.Sprint("p", i), 25)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range items {
			back = append(back, keyOf(w.PutRequest.Item))
		}
	}
	written := s.server.ItemsBy(t, s.table, "pk", "sk")
	if len(back) == 0 || len(written)+len(back) != 250 {
		t.Errorf("%d written and %d given back of 250", len(written), len(back))
	}
	for _, key := range back {
		if written[key] != nil {
			t.Errorf("%s is written and given back", key)
		}
	}
	stats := s.proxy.Stats()
	if n := stats.Faults[Unprocessed]; n != int64(len(back)) {
		t.Errorf("%d counted, %d given back", n, len(back))
	}
	if o := stats.Operations["BatchWriteItem"]; o != (OperationStats{Requests: 10, Answered: 10, Items: int64(len(written))}) {
		t.Errorf("counted %+v", o)
	}
	if u := stats.Tables[s.table].Write.Units; u != float64(len(written)) {
		t.Errorf("%v units for %d items of 1 KB", u, len(written))
	}
}

func TestUnprocessedKeysAreThoseNotRead(t *testing.T) {
	s := start(t, Config{Seed: 1, Faults: Faults{Unprocessed: 0.4}})
	var keys []dynamotest.Item
	for i := range 60 {
		s.server.Put(t, s.table, item("p", i, 1))
		keys = append(keys, dynamotest.Item{"pk": item("p", i, 1)["pk"], "sk": item("p", i, 1)["sk"]})
	}
	out, err := s.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		s.table: {Keys: keys, ProjectionExpression: aws.String("pk, sk"), ConsistentRead: aws.Bool(true)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	back := out.UnprocessedKeys[s.table]
	got := map[string]bool{}
	for _, i := range slices.Concat(out.Responses[s.table], back.Keys) {
		got[keyOf(i)] = true
	}
	if len(back.Keys) == 0 || len(got) != 60 || len(back.Keys)+len(out.Responses[s.table]) != 60 {
		t.Errorf("%d read and %d given back of 60", len(out.Responses[s.table]), len(back.Keys))
	}
	if aws.ToString(back.ProjectionExpression) != "pk, sk" || !aws.ToBool(back.ConsistentRead) {
		t.Errorf("given back without what belongs to it: %+v", back)
	}
}

// The SDK reads what the proxy says as it reads what DynamoDB says.
func TestThrottlingHasItsReasonsAndTheTablesARN(t *testing.T) {
	s := start(t, Config{Seed: 2, Faults: Faults{Throttle: 1}})
	described, err := s.server.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &s.table})
	if err != nil {
		t.Fatal(err)
	}
	arn := aws.ToString(described.Table.TableArn)
	seen := map[string]bool{}
	for range 100 {
		_, err := s.put(t.Context(), "p", 1)
		reasons, name := reasonsOf(err)
		if len(reasons) != 1 || !strings.HasPrefix(aws.ToString(reasons[0].Resource), arn) {
			t.Fatalf("%v with %d reasons", err, len(reasons))
		}
		seen[name] = true
	}
	if len(seen) != 3 {
		t.Errorf("seen %v", seen)
	}
	if n := len(s.server.Items(t, s.table)); n != 0 {
		t.Errorf("%d items written", n)
	}
}

func reasonsOf(err error) ([]types.ThrottlingReason, string) {
	var provisioned *types.ProvisionedThroughputExceededException
	var throttling *types.ThrottlingException
	var limit *types.RequestLimitExceeded
	switch {
	case errors.As(err, &provisioned):
		return provisioned.ThrottlingReasons, provisioned.ErrorCode()
	case errors.As(err, &throttling):
		return throttling.ThrottlingReasons, throttling.ErrorCode()
	case errors.As(err, &limit):
		return limit.ThrottlingReasons, limit.ErrorCode()
	}
	return nil, ""
}

func TestFailuresLandOrDoNot(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		kinds  []Kind // all that may happen
		landed []Kind
	}{
		{Faults{CutBefore: 1}, []Kind{CutBefore}, nil},
		{Faults{CutAfter: 1}, []Kind{CutAfter}, []Kind{CutAfter}},
		{Faults{Error: 1}, []Kind{Failed, FailedAfter, Unavailable}, []Kind{FailedAfter}},
	} {
		s := start(t, Config{Seed: 3, Faults: c.faults})
		for i := range 30 {
			if _, err := s.put(t.Context(), fmt.Sprint(i), 1); err == nil {
				t.Fatalf("%+v: answered", c.faults)
			}
		}
		stats := s.proxy.Stats()
		var landed int64
		for _, kind := range c.kinds {
			if stats.Faults[kind] == 0 {
				t.Errorf("%+v: never %s", c.faults, kind)
			}
			if slices.Contains(c.landed, kind) {
				landed += stats.Faults[kind]
			}
		}
		if n := int64(len(s.server.Items(t, s.table))); n != landed {
			t.Errorf("%+v: %d items written, %d by faults that land", c.faults, n, landed)
		}
	}
}

func TestServiceErrorsAreTyped(t *testing.T) {
	s := start(t, Config{Faults: Faults{Conflict: 1}, Deny: []string{"Scan", "DescribeTable"}})
	_, err := s.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: item("p", 1, 1)}}, {Put: &types.Put{TableName: &s.table, Item: item("p", 2, 1)}},
	}})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != 2 {
		t.Fatalf("transaction: %v", err)
	}
	_, err = s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item("p", 1, 1)})
	if conflict := (*types.TransactionConflictException)(nil); !errors.As(err, &conflict) {
		t.Errorf("put: %v", err)
	}
	_, scan := s.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.table})
	_, describe := s.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &s.table})
	for _, err := range []error{scan, describe} {
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
			t.Errorf("denied: %v", err)
		}
	}
}

// A table of 10 units takes 10 items of a batch, refuses the next batch, and
// takes all of it once the limit is gone. The rate is so low that no time the
// test may take adds a unit.
func TestTableIsMetered(t *testing.T) {
	s := start(t, Config{Limits: Limits{TableWrite: 0.001, Burst: 10_000 * time.Second}})
	back, err := s.put(t.Context(), "p", 25)
	if err != nil || len(back) != 15 {
		t.Fatalf("%d given back, %v", len(back), err)
	}
	_, err = s.put(t.Context(), "p", 25)
	reasons, name := reasonsOf(err)
	if name != "ProvisionedThroughputExceededException" || aws.ToString(reasons[0].Reason) != "TableWriteProvisionedThroughputExceeded" {
		t.Fatalf("then: %v", err)
	}
	_, err = s.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: item("t", 1, 1)}},
	}})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || aws.ToString(canceled.CancellationReasons[0].Code) != "ProvisionedThroughputExceeded" {
		t.Fatalf("transaction: %v", err)
	}
	if err := s.proxy.SetLimits(Limits{}); err != nil {
		t.Fatal(err)
	}
	if back, err := s.put(t.Context(), "p", 25); err != nil || len(back) != 0 {
		t.Fatalf("without a limit: %d given back, %v", len(back), err)
	}
	stats := s.proxy.Stats()
	if stats.Faults[UnprocessedMetered] != 15 || stats.Faults[Metered] != 2 || stats.Tables[s.table].Write.Units != 35 {
		t.Errorf("%+v", stats)
	}
}

// What a scan costs is known when it is done: the next one pays for it, too.
func TestScanIsPaidForAfterwards(t *testing.T) {
	s := start(t, Config{Limits: Limits{TableRead: 0.001, Burst: 1000 * time.Second}})
	for i := range 25 {
		s.server.Put(t, s.table, item("p", i, 1))
	}
	scan := func() error {
		_, err := s.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.table})
		return err
	}
	if err := scan(); err != nil {
		t.Fatal(err)
	}
	if reasons, _ := reasonsOf(scan()); len(reasons) != 1 || aws.ToString(reasons[0].Reason) != "TableReadProvisionedThroughputExceeded" {
		t.Errorf("%v", reasons)
	}
	// 25 KB less some, in units of 4 KB, at half of one each.
	if u := s.proxy.Stats().Tables[s.table].Read; u.Units != 3 && u.Units != 3.5 {
		t.Errorf("%+v", u)
	}
}

func TestHotPartitionIsMetered(t *testing.T) {
	s := start(t, Config{Limits: Limits{PartitionWrite: 0.001, Partitions: 1000, Burst: 10_000 * time.Second}})
	if back, err := s.put(t.Context(), "hot", 25); err != nil || len(back) != 15 {
		t.Fatalf("%d given back, %v", len(back), err)
	}
	_, err := s.put(t.Context(), "hot", 1)
	if reasons, _ := reasonsOf(err); len(reasons) != 1 || aws.ToString(reasons[0].Reason) != "TableWriteKeyRangeThroughputExceeded" {
		t.Errorf("the hot key: %v", err)
	}
	if back, err := s.put(t.Context(), "cold", 10); err != nil || len(back) != 0 {
		t.Errorf("another key: %d given back, %v", len(back), err)
	}
}

// What an index costs is known from answers alone; then it pushes back.
func TestIndexPushesBack(t *testing.T) {
	s := start(t, Config{Limits: Limits{TableWrite: 0.001, Burst: 1000 * time.Second}})
	indexed := item("p", 1, 1)
	indexed["g"] = &types.AttributeValueMemberS{Value: "x"}
	put := func() error {
		_, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: indexed})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	reasons, _ := reasonsOf(put())
	if len(reasons) != 1 || aws.ToString(reasons[0].Reason) != "IndexWriteProvisionedThroughputExceeded" || !strings.HasSuffix(aws.ToString(reasons[0].Resource), "/index/by-g") {
		t.Errorf("%v", reasons)
	}
	if u := s.proxy.Stats().Tables[s.table].Write; u.Units != 2 || u.Peak != 2 || u.Indexes["by-g"] != 1 {
		t.Errorf("%+v", u)
	}
}

// A failed condition costs what a write costs, though no answer says so.
func TestFailedConditionIsBilled(t *testing.T) {
	s := start(t, Config{})
	for range 2 {
		_, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item("p", 1, 3), ConditionExpression: aws.String("attribute_not_exists(pk)")})
		if failed := (*types.ConditionalCheckFailedException)(nil); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
	}
	stats := s.proxy.Stats()
	if o := stats.Operations["PutItem"]; o.Answered != 1 || o.Refused != 1 || stats.Tables[s.table].Write.Units != 6 {
		t.Errorf("%+v, %v units", o, stats.Tables[s.table].Write.Units)
	}
}

// Every body has the checksum that its header says, whoever made it.
func TestChecksums(t *testing.T) {
	s := start(t, Config{Seed: 5, Faults: Faults{Unprocessed: 0.3, Throttle: 0.3, Error: 0.3}})
	statuses := map[int]bool{}
	for i := range 60 {
		status, header, body := s.post(t, "BatchWriteItem", fmt.Sprintf(`{"RequestItems":{%q:[
			{"PutRequest":{"Item":{"pk":{"S":"a%d"},"sk":{"N":"1"}}}},{"PutRequest":{"Item":{"pk":{"S":"b%d"},"sk":{"N":"1"}}}}]}}`, s.table, i, i))
		statuses[status] = true
		if got := header.Get("X-Amz-Crc32"); got != fmt.Sprint(crc32.ChecksumIEEE(body)) {
			t.Errorf("%d: checksum %s of %s", status, got, body)
		}
		if header.Get("X-Amzn-Requestid") == "" || bytes.Contains(body, []byte("ConsumedCapacity")) {
			t.Errorf("%d: %v %s", status, header, body)
		}
	}
	if !statuses[200] || !statuses[400] || !statuses[500] || !statuses[503] {
		t.Errorf("statuses %v", statuses)
	}
}

func (s *setting) sign(ctx context.Context, r *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, s.server.Credentials, r, hex.EncodeToString(sum[:]), "dynamodb", s.server.Config.Region, time.Now())
}

// post sends a signed request of this body.
func (s *setting) post(t *testing.T, operation, body string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(targetHeader, "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	if err := s.sign(t.Context(), r, []byte(body)); err != nil {
		t.Fatal(err)
	}
	response, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, answer
}

// What the server says of a request that is wrong reaches the client.
func TestWrongRequestsAreAnsweredByTheServer(t *testing.T) {
	s := start(t, Config{Limits: Limits{TableWrite: 100}})
	for operation, body := range map[string]string{
		"BatchWriteItem": `{"RequestItems":{"a":[{}]}}`,
		"PutItem":        `{"TableName":"no-such-table","Item":{"pk":{"S":"x"}}}`,
		"NoOperation":    `{}`,
		"GetItem":        `{`,
	} {
		if status, _, answer := s.post(t, operation, body); status != 400 || !bytes.Contains(answer, []byte("__type")) {
			t.Errorf("%s: %d %s", operation, status, answer)
		}
	}
}

// The nth request meets the nth fault, whatever other operations come between.
func TestSeedDecidesOneByOne(t *testing.T) {
	outcomes := func(between bool) (list []string) {
		s := start(t, Config{Seed: 11, Faults: Faults{Throttle: 0.2, Error: 0.2, CutBefore: 0.1, Unprocessed: 0.2}})
		for range 40 {
			if between {
				_, _ = s.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.table})
			}
			back, err := s.put(t.Context(), "p", 3)
			var api smithy.APIError
			if errors.As(err, &api) {
				list = append(list, api.ErrorCode())
				continue
			}
			list = append(list, fmt.Sprint(len(back), err != nil))
		}
		return list
	}
	first := outcomes(false)
	if second := outcomes(true); !slices.Equal(first, second) {
		t.Errorf("the same seed does\n%v\nand\n%v", first, second)
	}
	if slices.Sort(first); len(slices.Compact(first)) < 4 {
		t.Errorf("only %v", first)
	}
}

func TestOwnDecidersAreAskedFirst(t *testing.T) {
	poison := func(_ *rand.Rand, r *Request) *Fault {
		if !bytes.Contains(r.Body, []byte("POISON")) {
			return nil
		}
		return &Fault{Kind: "poison", Answer: Refuse(http.StatusBadRequest, "ValidationException", "an item is poisoned")}
	}
	s := start(t, Config{Faults: Faults{Throttle: 1}, Deciders: []Decider{poison}})
	_, err := s.put(t.Context(), "POISON", 1)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || s.proxy.Stats().Faults["poison"] != 1 {
		t.Errorf("%v, %v", err, s.proxy.Stats().Faults)
	}
}

// With Sign the server gets a request that is signed for it.
func TestSignedAnewForTheServer(t *testing.T) {
	var hosts []string
	s := start(t, Config{Sign: func(_ context.Context, r *http.Request, _ []byte) error {
		hosts = append(hosts, r.Host)
		return nil
	}})
	if _, err := s.put(t.Context(), "p", 1); err != nil {
		t.Fatal(err)
	}
	// One for the table's description, one for the request.
	if host := strings.TrimPrefix(s.server.Endpoint, "http://"); !slices.Equal(hosts, []string{host, host}) {
		t.Errorf("signed for %v", hosts)
	}
}

func TestServerThatIsGoneIsNamed(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	s := start(t, Config{})
	u, err := url.Parse(gone.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.proxy.config.Backend = u
	status, _, body := s.post(t, "ListTables", `{}`)
	if status != http.StatusBadGateway || !strings.Contains(string(body), u.Host) || s.proxy.Stats().Faults[Unreachable] != 1 {
		t.Errorf("%d %s", status, body)
	}
}
