package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Requests of one context share what would interrupt them. It must reach each of
// them, and none of another context.
func TestOneContextForSeveralRequests(t *testing.T) {
	s := eachAnswer(t, ordinaryAnswer, false)
	p := poolOf(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if _, err := p.ask(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if p.idle[0].stop == nil {
		t.Error("the watch was given up, though the context came again")
	}
	cancel()
	var op *net.OpError
	if _, err := p.ask(ctx); !errors.Is(err, context.Canceled) || !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("after the end: %v", err)
	}
	if len(p.idle) != 0 {
		t.Error("a connection is kept that may have been interrupted")
	}
	if a, err := p.ask(t.Context()); err != nil || a.Status != http.StatusOK {
		t.Errorf("another context: %v", err)
	}
}

// A context that ends while its connection is idle leaves that connection
// unusable; whoever comes next takes another one.
func TestContextEndsBetweenRequests(t *testing.T) {
	s := eachAnswer(t, ordinaryAnswer, false)
	p := poolOf(t, s)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			if _, err := p.ask(ctx); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if a, err := p.ask(t.Context()); err != nil || a.Status != http.StatusOK {
			t.Fatalf("after another context's end: %v", err)
		}
	}
}

// A context that ends after each request, as the SDK's do, or comes by turns
// with another one, costs no connection.
func TestContextsByTurns(t *testing.T) {
	s := eachAnswer(t, ordinaryAnswer, false)
	p := poolOf(t, s)
	one, endOne := context.WithCancel(t.Context())
	defer endOne()
	other, endOther := context.WithCancel(t.Context())
	defer endOther()
	for range 10 {
		short, end := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{one, other, other, other, short, one, context.Background()} {
			if _, err := p.ask(ctx); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A watch that was there before a request ends what it waits for, too.
func TestWaitingEndsByAnEarlierWatch(t *testing.T) {
	waiting := make(chan struct{})
	s := listen(t, func(c net.Conn, _ int) {
		r := bufio.NewReader(c)
		for range 2 {
			if readRequest(r) != nil {
				return
			}
			if _, err := io.WriteString(c, ordinaryAnswer); err != nil {
				return
			}
		}
		if readRequest(r) == nil {
			close(waiting)
		}
		_, _ = io.Copy(io.Discard, c)
	})
	p := poolOf(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var cancelling sync.WaitGroup
	cancelling.Go(func() { <-waiting; cancel() })
	for i := range 3 {
		_, err := p.ask(ctx)
		var op *net.OpError
		if i < 2 && err != nil || i == 2 && (!errors.As(err, &op) || !op.Timeout()) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	cancelling.Wait()
	if len(p.idle) != 0 {
		t.Error("the connection is kept")
	}
}
