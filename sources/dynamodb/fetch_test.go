package dynamodb

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
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
