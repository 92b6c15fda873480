package standin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/bench/content"
	"github.com/dynapipe/dynapipe/internal/bench/dataset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// whole sends each request in one piece. The SDK closes a request's body when the
// answer is there, which breaks the connection if the transport has not yet
// seen that the body has ended: an answer at once can be that fast.
type whole struct{ *http.Transport }

func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return w.Transport.RoundTrip(r)
}

// start is a stand-in and the SDK's client of it, which checks each answer's
// checksum.
func start(t *testing.T, o Options) (*Server, *dynamodb.Client) {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		s.Close()
	})
	return s, dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(s.Endpoint()), HTTPClient: &http.Client{Transport: whole{transport}},
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), RetryMaxAttempts: 1,
	})
}

func counted(t *testing.T, s *Server) Counts {
	t.Helper()
	c, err := Ask(s.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func puts(n int) (out []types.WriteRequest) {
	for i := range n {
		out = append(out, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
			"id": text(fmt.Sprint(i)), "note": text(`a "PutRequest" in a value`),
		}}})
	}
	return out
}

func TestBatchWriteItemIsCounted(t *testing.T) {
	s, c := start(t, Options{})
	write := func(n int, capacity types.ReturnConsumedCapacity) *dynamodb.BatchWriteItemOutput {
		out, err := c.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{"target": puts(n)}, ReturnConsumedCapacity: capacity,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := write(25, ""); len(out.ConsumedCapacity) != 0 || len(out.UnprocessedItems) != 0 {
		t.Errorf("unasked: %+v", out)
	}
	for _, capacity := range []types.ReturnConsumedCapacity{"TOTAL", "INDEXES"} {
		out := write(7, capacity)
		if len(out.ConsumedCapacity) != 1 || *out.ConsumedCapacity[0].TableName != "target" || *out.ConsumedCapacity[0].CapacityUnits != 7 {
			t.Errorf("%s: %+v", capacity, out.ConsumedCapacity)
		}
		if table := out.ConsumedCapacity[0].Table; (table != nil) != (capacity == "INDEXES") {
			t.Errorf("%s: of the table %+v", capacity, table)
		}
	}
	got := counted(t, s)
	if got.Connections != 1 || got.Requests["BatchWriteItem"] != 3 || got.Items["BatchWriteItem"] != 39 || got.Content.Objects != 0 {
		t.Errorf("counted %+v", got)
	}
	if err := Reset(s.Endpoint(), true); err != nil {
		t.Fatal(err)
	}
	write(2, "")
	var want content.Sum
	for i := range 2 {
		if err := want.Add(fmt.Appendf(nil, `{"note":{"S":"a \"PutRequest\" in a value"},"id":{"S":"%d"}}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := counted(t, s); got.Items["BatchWriteItem"] != 2 || got.Content != want {
		t.Errorf("counted %+v, want 2 with %+v", got, want)
	}
}

func TestRequestsThatAreTooLargeAreRefused(t *testing.T) {
	s, c := start(t, Options{})
	_, err := c.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"target": puts(26)}})
	if err == nil || !strings.Contains(err.Error(), "ValidationException") {
		t.Errorf("got %v", err)
	}
	if got := counted(t, s); got.Items["BatchWriteItem"] != 0 {
		t.Errorf("counted %+v", got)
	}
}

func TestTransactWriteItemsIsCounted(t *testing.T) {
	s, c := start(t, Options{})
	if err := Reset(s.Endpoint(), true); err != nil {
		t.Fatal(err)
	}
	put := types.TransactWriteItem{Put: &types.Put{TableName: aws.String("target"), Item: map[string]types.AttributeValue{"id": text("1")}}}
	gone := types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String("target"), Key: map[string]types.AttributeValue{"id": text("2")}}}
	if _, err := c.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{put, gone}}); err != nil {
		t.Fatal(err)
	}
	if got := counted(t, s); got.Items["TransactWriteItems"] != 2 || got.Content.Objects != 1 {
		t.Errorf("counted %+v", got)
	}
}

// Every item of the table comes once, in any number of segments.
func TestScanGivesEveryRowOnce(t *testing.T) {
	const rows = 8000 // some pages
	s, c := start(t, Options{Rows: rows})
	for _, segments := range []int32{1, 2, 5} {
		seen := map[string]bool{}
		requests := 0
		for segment := range segments {
			pages := dynamodb.NewScanPaginator(c, &dynamodb.ScanInput{
				TableName: aws.String(SourceTable), Segment: aws.Int32(segment), TotalSegments: aws.Int32(segments),
				ReturnConsumedCapacity: "TOTAL",
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				requests++
				for _, item := range page.Items {
					seen[item["id"].(*types.AttributeValueMemberS).Value] = true
				}
				if int(page.Count) != len(page.Items) || page.ConsumedCapacity == nil {
					t.Errorf("a page of %d says %d, %v", len(page.Items), page.Count, page.ConsumedCapacity)
				}
			}
		}
		if len(seen) != rows {
			t.Errorf("%d segments gave %d rows", segments, len(seen))
		}
		if got := counted(t, s); got.Items["Scan"] != rows || got.Requests["Scan"] != int64(requests) || requests < 3 {
			t.Errorf("counted %+v of %d requests", got, requests)
		}
		if err := Reset(s.Endpoint(), false); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("target")})
	if err != nil || len(out.Items) != 0 {
		t.Errorf("another table gave %d items, %v", len(out.Items), err)
	}
}

func TestScannedItemsAreTheRows(t *testing.T) {
	_, c := start(t, Options{Rows: 3})
	out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(SourceTable)})
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range out.Items {
		want := dataset.At(i)
		if !reflect.DeepEqual(item["note"], text(want.Note)) || !reflect.DeepEqual(item["balance"], types.AttributeValue(&types.AttributeValueMemberN{Value: want.Balance})) || len(item) != 10 {
			t.Errorf("item %d is %v, want %+v", i, item, want)
		}
	}
}

func TestBatchGetItemFindsEveryKey(t *testing.T) {
	s, c := start(t, Options{})
	out, err := c.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"target": {Keys: []map[string]types.AttributeValue{{"id": text("1")}, {"id": text("}")}}},
		"other":  {Keys: []map[string]types.AttributeValue{{"id": text("3")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Responses["target"]) != 2 || len(out.Responses["other"]) != 1 || !reflect.DeepEqual(out.Responses["target"][1]["id"], text("}")) {
		t.Errorf("got %v", out.Responses)
	}
	if got := counted(t, s); got.Items["BatchGetItem"] != 3 {
		t.Errorf("counted %+v", got)
	}
}

func TestDescribeTable(t *testing.T) {
	_, c := start(t, Options{Rows: 10})
	for name, rows := range map[string]int64{SourceTable: 10, "target": 0} {
		out, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		if *out.Table.ItemCount != rows || *out.Table.KeySchema[0].AttributeName != "id" {
			t.Errorf("%s: %+v", name, out.Table)
		}
	}
}

func TestOperationsThatItDoesNotKnow(t *testing.T) {
	_, c := start(t, Options{})
	_, err := c.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err == nil || !strings.Contains(err.Error(), "UnknownOperationException") {
		t.Errorf("got %v", err)
	}
}

// Latency is waited for; that nothing else takes long is not asserted.
func TestLatency(t *testing.T) {
	_, c := start(t, Options{Latency: 20 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("target")}); err == nil {
		t.Error("the answer came at once")
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	s, _ := start(t, Options{})
	for _, request := range []string{
		"nonsense\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400")) {
			t.Errorf("%q got %q, %v", request, answer, err)
		}
		c.Close()
	}
}
