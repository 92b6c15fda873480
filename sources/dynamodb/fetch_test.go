package dynamodb

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
)

// hasty retries without waiting long.
func hasty(s *source) { s.retry.BaseDelay, s.retry.MaxDelay = time.Microsecond, time.Microsecond }

func repeat(n int, fault func(*http.Response) error) []func(*http.Response) error {
	return slices.Repeat([]func(*http.Response) error{fault}, n)
}

// Whatever happens on the way, each item comes once.
func TestFaultsAreWaitedOut(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 30)
	tests := []struct {
		name      string
		faults    []func(*http.Response) error
		throttles int64
	}{
		{"throttled far more often than errors may come", repeat(40, answer(400, "ProvisionedThroughputExceededException")), 40},
		{"throttled between pages", []func(*http.Response) error{nil, answer(400, "ThrottlingException"), nil, answer(400, "RequestLimitExceeded")}, 2},
		{"internal errors", repeat(9, answer(500, "InternalServerError")), 0},
		{"unavailable", []func(*http.Response) error{nil, answer(503, "ServiceUnavailable")}, 0},
		{"cut connections", []func(*http.Response) error{cutOff, nil, cutOff, cutOff}, 0},
		{"wrong checksums", []func(*http.Response) error{nil, wrongChecksum, wrongChecksum}, 0},
		{"half an answer", []func(*http.Response) error{halfBody, nil, halfBody}, 0},
		{"half an answer that says it is whole", []func(*http.Response) error{shortBody, nil, shortBody}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			endpoint := faults(t, s, test.faults...)
			got := read(t, decoded(t, connection(s, endpoint), table, "page_size = 7\nsegments = 2"), hasty)
			if got.err != nil {
				t.Fatal(got.err)
			}
			if !slices.Equal(got.sorted("id"), ids(0, 30)) {
				t.Errorf("read %v", got.sorted("id"))
			}
			broken := len(test.faults) - len(slices.DeleteFunc(slices.Clone(test.faults), func(f func(*http.Response) error) bool { return f != nil }))
			if got.meter.Throttles != test.throttles || got.meter.Retries != int64(broken) {
				t.Errorf("%d throttles and %d retries, want %d and %d", got.meter.Throttles, got.meter.Retries, test.throttles, broken)
			}
		})
	}
}

func TestErrorsThatDoNotPass(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 3)
	for want, list := range map[string][]func(*http.Response) error{
		"failed 10 times":       repeat(10, answer(500, "InternalServerError")),
		"AccessDeniedException": {answer(400, "AccessDeniedException")},
		"ValidationException":   {answer(400, "ValidationException")},
	} {
		got := read(t, decoded(t, connection(s, faults(t, s, list...)), table, ""), hasty)
		if got.err == nil || !strings.Contains(got.err.Error(), want) || !strings.Contains(got.err.Error(), table) || strings.Contains(got.err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q and the table", got.err, want)
		}
		if got.meter.Requests != int64(len(list)) {
			t.Errorf("%s: %d requests, want %d", want, got.meter.Requests, len(list))
		}
	}
}

// whole is a fault: that page in place of the server's.
func whole(page string) func(*http.Response) error {
	return func(r *http.Response) error {
		r.Body.Close()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(page)), int64(len(page))
		r.Header.Set("Content-Length", fmt.Sprint(len(page)))
		r.Header.Del("X-Amz-Crc32")
		return nil
	}
}

// An item that breaks DynamoDB's own rules is a reject among its neighbours,
// and counts towards the limit as they do.
func TestItemsThatAreNone(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 1)
	const page = `{"Items":[{"id":{"S":"a"}},{"id":{"S":"b"},"id":{"S":"c"}},{"id":{"S":"d"}},{"id":{"N":"x"}},{"id":{"S":"e"}}],"ScannedCount":5}`
	for body, want := range map[string]string{
		"":          "0 a, 1 rejected, 2 d, 3 rejected, 4 e",
		"limit = 1": "0 a",
		"limit = 2": "0 a, 1 rejected",
		"limit = 3": "0 a, 1 rejected, 2 d",
	} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		env := sourcetest.Env(mem, record.Limits{Rows: 2, Bytes: 1 << 20})
		source, err := decoded(t, connection(s, faults(t, s, whole(page))), table, body).Open(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		p := source.Partitions()[0]
		var got []string
		for {
			chunk, err := p.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range chunk.Rejects {
				if r.Code != "InvalidItem" || !strings.HasPrefix(string(r.Raw), `{"id":{`) {
					t.Errorf("rejected %+v", r)
				}
				got = append(got, fmt.Sprint(r.Origin.Seq, " rejected"))
			}
			if chunk.Batch == nil {
				continue
			}
			if n := chunk.Batch.Rows() + len(chunk.Rejects); n > 2 {
				t.Errorf("a chunk of %d rows and rejects", n)
			}
			for row := range chunk.Batch.Rows() {
				got = append(got, fmt.Sprint(chunk.Batch.Origins().Pos[row].Seq, " ", attr.Get(chunk.Batch, "id", row).Text()))
			}
			chunk.Batch.Release()
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
		mem.AssertSize(t, 0)
	}
}

// What was read of a page and not given is freed.
func TestClosedInThePage(t *testing.T) {
	s := dynamotest.Start(t)
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	env := sourcetest.Env(mem, record.Limits{Rows: 2, Bytes: 1 << 20})
	source, err := decoded(t, connection(s, ""), numbered(t, s, 9), "").Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := source.Partitions()[0].Next(t.Context())
	if err != nil || chunk.Batch.Rows() != 2 {
		t.Fatal(chunk, err)
	}
	chunk.Batch.Release()
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	mem.AssertSize(t, 0)
}

// TestLoadOfScan: whoever watches sees the pages that are being asked for.
func TestLoadOfScan(t *testing.T) {
	server := dynamotest.Start(t)
	table := numbered(t, server, 10)
	var s *source
	var during []progress.Load
	look := func(*http.Response) error {
		during = append(during, s.env.Meter.Load())
		return nil
	}
	config := decoded(t, connection(server, faults(t, server, look, look)), table, "segments = 1\npage_size = 5\nread_capacity = 1000")
	if got := read(t, config, func(open *source) { s = open }); got.err != nil || len(got.items) != 10 {
		t.Fatalf("%d items, %v", len(got.items), got.err)
	}
	if want := (progress.Load{InFlight: 1, Limit: 1, Budget: 1000}); len(during) != 2 || during[0] != want || during[1] != want {
		t.Errorf("during two requests: %+v", during)
	}
	if got := s.env.Meter.Load(); got != (progress.Load{Limit: 1, Budget: 1000}) {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestLoadOfReadBudget: and that it is the budget that they wait for.
func TestLoadOfReadBudget(t *testing.T) {
	server := dynamotest.Start(t)
	table := numbered(t, server, 10)
	var s *source
	waited := make(chan struct{}, 1)
	stop := make(chan struct{})
	config := decoded(t, connection(server, ""), table, "segments = 1\npage_size = 5\nread_capacity = 1")
	got := read(t, config, func(open *source) {
		s = open
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s.env.Meter.Load().Saving == 1 {
					waited <- struct{}{}
					return
				}
				runtime.Gosched()
			}
		}()
	})
	close(stop)
	if got.err != nil || len(got.items) != 10 {
		t.Fatalf("%d items, %v", len(got.items), got.err)
	}
	select {
	case <-waited:
	default:
		t.Error("nothing was seen to wait for the budget")
	}
	if got := s.env.Meter.Load(); got.Saving != 0 {
		t.Errorf("afterwards: %+v", got)
	}
}
