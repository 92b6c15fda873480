package dynamo

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

func TestContacts(t *testing.T) {
	var c contacts
	start := time.Now()
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	try := func(s float64) time.Duration { return c.try("Scan", 30*time.Second, at(s)) }
	for _, step := range []struct {
		at   float64
		want time.Duration
	}{{0, noAnswer}, {5, 10 * time.Second}, {14.5, time.Second}, {20, time.Second}, {40, noAnswer}, {41, 14 * time.Second}} {
		if got := try(step.at); got != step.want {
			t.Errorf("at %v s it may take %v, want %v", step.at, got, step.want)
		}
	}
	if tries, _, _ := c.silence("Scan", at(50)); tries != 0 {
		t.Error("given up after 10 s")
	}
	c.try("DescribeTable", time.Second, start)
	c.answered("DescribeTable")
	if tries, since, other := c.silence("Scan", at(55)); tries != 2 || since != 15*time.Second || other != "DescribeTable" {
		t.Errorf("after 15 s: %d tries in %v, %q answered", tries, since, other)
	}
	c.answered("Scan")
	if got := try(60); got != 30*time.Second {
		t.Errorf("once it has been answered it may take %v", got)
	}
	if tries, _, _ := c.silence("Scan", at(600)); tries != 0 {
		t.Error("given up though it has been answered")
	}
}

// An endpoint that answers one operation and not another has not answered that.
func TestOneOperationIsNotAnswered(t *testing.T) {
	s := dynamotest.Start(t)
	hung := make(chan struct{})
	p := proxy(t, s, func(r *http.Response) error {
		if strings.HasSuffix(r.Request.Header.Get("X-Amz-Target"), ".Scan") {
			<-hung
		}
		return nil
	})
	t.Cleanup(func() { close(hung) })
	c := connect(t, s, p.URL)
	table := s.CreateTable(t, dynamotest.S("id"))
	if _, err := c.Describe(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	c.timeout = 20 * time.Millisecond
	scan := func(ctx context.Context) (e *Error) {
		_, err := c.Call(ctx, "Scan", []byte(`{"TableName":"`+table+`"}`))
		if !errors.As(err, &e) {
			t.Fatalf("%T is no *Error: %v", err, err)
		}
		return e
	}
	if e := scan(t.Context()); e.Class != Retryable || e.Code != CodeTimeout || !regexp.MustCompile(`no answer in \d`).MatchString(e.Message) {
		t.Errorf("at first: %v", e)
	}
	c.age(noAnswer)
	e := scan(t.Context())
	if e.Class != Permanent || e.Code != CodeUnreachable {
		t.Fatalf("after %v: %v", noAnswer, e)
	}
	for _, part := range []string{regexp.QuoteMeta(p.URL) + ` answers DescribeTable, but has answered no Scan, in 2 attempts over \d`, "check "} {
		if !regexp.MustCompile(part).MatchString(e.Error()) {
			t.Errorf("%q does not say %q", e, part)
		}
	}
	// A time set by the caller says the same.
	c.timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if e := scan(ctx); !strings.Contains(e.Error(), "has answered no Scan") {
		t.Errorf("in the caller's time: %v", e)
	}
}
