package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server accepts connections and hands each to serve, with its number from 0.
type server struct {
	net.Listener
	accepted atomic.Int32
	serving  sync.WaitGroup
}

func listen(t testing.TB, serve func(c net.Conn, number int)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			number := int(s.accepted.Add(1)) - 1
			s.serving.Go(func() {
				defer c.Close()
				serve(c, number)
			})
		}
	})
	t.Cleanup(func() { l.Close(); s.serving.Wait() })
	return s
}

// eachAnswer answers every request on every connection with the text, and
// closes the connection after it when told to.
func eachAnswer(t testing.TB, text string, shut bool) *server {
	return listen(t, func(c net.Conn, _ int) {
		r := bufio.NewReader(c)
		for readRequest(r) == nil {
			if _, err := io.WriteString(c, text); err != nil || shut {
				return
			}
		}
	})
}

func readRequest(r *bufio.Reader) error {
	request, err := http.ReadRequest(r)
	if err == nil {
		_, err = io.Copy(io.Discard, request.Body)
	}
	return err
}

func transport(t testing.TB) *http.Transport {
	t.Helper()
	base := &http.Transport{
		DialContext: (&net.Dialer{}).DialContext, MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16, TLSHandshakeTimeout: time.Minute,
		DisableCompression: true,
	}
	t.Cleanup(base.CloseIdleConnections)
	return base
}

func pool(t testing.TB, base *http.Transport, endpoint string) *Pool {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPool(base, u)
	if p == nil {
		t.Fatalf("no pool for %s", endpoint)
	}
	t.Cleanup(p.CloseIdleConnections)
	return p
}

func poolOf(t testing.TB, s *server) *Pool { return pool(t, transport(t), "http://"+s.Addr().String()) }

// request is one with so many bytes of body.
func request(size int) []byte {
	return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: example\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
}

func soon() time.Time { return time.Now().Add(time.Minute) }

func (p *Pool) ask(ctx context.Context) (*Answer, error) {
	a := &Answer{}
	return a, p.Exchange(ctx, soon(), request(10), a)
}

const ordinaryAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Crc32: 2745614147\r\n" +
	"X-Amzn-RequestId: ABC\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"

// What comes is what net/http makes of it, on the same connections.
func TestAnswersAreNetHTTPs(t *testing.T) {
	long := strings.Repeat("x", 3*readBuffer)
	for name, text := range map[string]string{
		"ordinary":          ordinaryAnswer,
		"empty":             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"long":              fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long),
		"long head":         "HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\nContent-Length: 2\r\n\r\n{}",
		"an error":          "HTTP/1.1 400 Bad Request\r\nX-Amzn-ErrorType: X\r\nContent-Length: 2\r\n\r\n{}",
		"no content":        "HTTP/1.1 204 No Content\r\n\r\n",
		"line feeds":        "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
		"folded":            "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
		"chunks":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n",
		"chunks and length": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"same length twice": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"announced":         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ordinaryAnswer,
		"closes":            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.0":          "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.0 kept":     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) { sameAsNetHTTP(t, eachAnswer(t, text, false)) })
	}
	for name, text := range map[string]string{
		"to the end":           "HTTP/1.1 200 OK\r\n\r\n{}",
		"to the end, HTTP/1.0": "HTTP/1.0 200 OK\r\n\r\n" + long,
	} {
		t.Run(name, func(t *testing.T) { sameAsNetHTTP(t, eachAnswer(t, text, true)) })
	}
}

func sameAsNetHTTP(t *testing.T, s *server) {
	t.Helper()
	base := transport(t)
	p := pool(t, base, "http://"+s.Addr().String())
	const times = 3
	var connections [2]int32
	var theirs Answer
	for range times {
		response, err := base.RoundTrip(ask(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if err := theirs.Take(response); err != nil {
			t.Fatal(err)
		}
	}
	connections[0] = s.accepted.Swap(0)
	for range times {
		a, err := p.ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != theirs.Status || string(a.Body) != string(theirs.Body) ||
			string(a.Checksum()) != string(theirs.Checksum()) || a.RequestID() != theirs.RequestID() {
			t.Errorf("got %d %q %q %q, net/http %d %q %q %q", a.Status, a.Body, a.Checksum(), a.RequestID(), theirs.Status, theirs.Body, theirs.Checksum(), theirs.RequestID())
		}
	}
	if connections[1] = s.accepted.Load(); connections[0] != connections[1] {
		t.Errorf("%d connections for %d requests, net/http takes %d", connections[1], times, connections[0])
	}
}

// ask is a request as net/http takes it.
func ask(t testing.TB, p *Pool) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.endpoint.String(), strings.NewReader(strings.Repeat("x", 10)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		status int // of the answer that broke off
		says   string
	}{
		"nothing":            {"", 0, "without an answer"},
		"half a head":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0, "EOF"},
		"half a body":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", 200, "EOF"},
		"no body":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "EOF"},
		"half a chunk":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", 200, "EOF"},
		"a chunk of no size": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}", 200, "chunk"},
		"garbage":            {"SSH-2.0-OpenSSH_9.6\r\n", 0, "malformed"},
		"two lengths":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 0, "Content-Length"},
		"no length":          {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", 0, "Content-Length"},
		"too long":           {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 200, "longer"},
		"too long, by far":   {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", 200, "longer"},
		"an unknown coding":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}", 0, "transfer encoding"},
		"an endless head":    {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead), 0, "head of the answer"},
		"always announced":   {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), 0, "announcement"},
	} {
		t.Run(name, func(t *testing.T) {
			p := poolOf(t, eachAnswer(t, test.text, true))
			a, err := p.ask(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
			if a.Status != test.status {
				t.Errorf("status %d, want %d", a.Status, test.status)
			}
			if len(p.idle) != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// Garbage is seen as such though the server keeps the connection open.
func TestGarbageIsNotWaitedFor(t *testing.T) {
	p := poolOf(t, eachAnswer(t, "SSH-2.0-OpenSSH_9.6\r\n", false))
	if _, err := p.ask(t.Context()); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("got %v", err)
	}
}

// An idle connection that the server closes, or on which it says something, is
// not used any more, and nobody notices.
func TestIdleConnectionsEnd(t *testing.T) {
	for name, last := range map[string]string{"closed": "", "unasked": "HTTP/1.1 408 Request Timeout\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			s := listen(t, func(c net.Conn, number int) {
				if readRequest(bufio.NewReader(c)) != nil {
					return
				}
				_, _ = io.WriteString(c, ordinaryAnswer)
				if number > 0 {
					return
				}
				<-ended // the answer has been read
				_, _ = io.WriteString(c, last)
				if last == "" {
					c.Close()
				}
				ended <- struct{}{}
				_, _ = io.Copy(io.Discard, c)
			})
			p := poolOf(t, s)
			if _, err := p.ask(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended <- struct{}{}
			<-ended
			for p.idle[0].open() { // until it has come
			}
			if _, err := p.ask(t.Context()); err != nil {
				t.Error(err)
			}
			if n := s.accepted.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

// A request that a kept connection may have taken is not sent twice.
func TestNoAnswerIsNotRepeated(t *testing.T) {
	var requests atomic.Int32
	s := listen(t, func(c net.Conn, _ int) {
		r := bufio.NewReader(c)
		for readRequest(r) == nil {
			if requests.Add(1) > 1 {
				return
			}
			_, _ = io.WriteString(c, ordinaryAnswer)
		}
	})
	p := poolOf(t, s)
	if _, err := p.ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ask(t.Context()); !errors.Is(err, errNoAnswer) {
		t.Errorf("got %v", err)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// One of which nothing was written is.
func TestNothingSentIsRepeated(t *testing.T) {
	s := eachAnswer(t, ordinaryAnswer, false)
	for _, size := range []int{10, 2 * atOnce} {
		p := poolOf(t, s)
		if _, err := p.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		// As if the server had closed it after it was looked at.
		if err := p.idle[0].plain.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		p.idle[0].raw = nil
		var a Answer
		if err := p.Exchange(t.Context(), soon(), request(size), &a); err != nil || a.Status != http.StatusOK {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// A large request may be answered before it has been read, and by a server that
// reads no more of it.
func TestAnsweredBeforeAllIsSent(t *testing.T) {
	for _, size := range []int{1000, 16 << 20} {
		hold := make(chan struct{})
		s := listen(t, func(c net.Conn, _ int) {
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig")
			<-hold
		})
		p := poolOf(t, s)
		var a Answer
		if err := p.Exchange(t.Context(), soon(), request(size), &a); err != nil || a.Status != http.StatusRequestEntityTooLarge || string(a.Body) != "big" {
			t.Errorf("%d bytes: %d %q, %v", size, a.Status, a.Body, err)
		}
		if kept := len(p.idle) == 1; kept != (size == 1000) {
			t.Errorf("%d bytes: kept: %v", size, kept)
		}
		close(hold)
	}
}

// A request that ends early, whatever it waits for, ends at once.
func TestWaitingEnds(t *testing.T) {
	for name, test := range map[string]struct {
		size   int
		scheme string
		reads  bool // the server does, and never answers
		full   bool // there is no place for a connection
	}{
		"for an answer":    {size: 10, scheme: "http", reads: true},
		"to be read":       {size: 16 << 20, scheme: "http"},
		"for a handshake":  {size: 10, scheme: "https", reads: true},
		"for a connection": {size: 10, scheme: "http", full: true},
	} {
		t.Run(name, func(t *testing.T) {
			hold, connected := make(chan struct{}), make(chan struct{}, 1)
			s := listen(t, func(c net.Conn, _ int) {
				connected <- struct{}{}
				if test.reads {
					_, _ = io.Copy(io.Discard, c)
				}
				<-hold
			})
			defer close(hold)
			p := pool(t, transport(t), test.scheme+"://"+s.Addr().String())
			if test.full {
				for range cap(p.places) {
					p.places <- struct{}{}
				}
				connected <- struct{}{}
			}
			text := request(test.size)
			var a Answer
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var cancelling sync.WaitGroup
			cancelling.Go(func() { <-connected; cancel() })
			err := p.Exchange(ctx, soon(), text, &a)
			cancelling.Wait()
			var op *net.OpError
			unsent := test.full || test.scheme == "https"
			if !errors.As(err, &op) || unsent && op.Op != "dial" {
				t.Errorf("cancelled: %v", err)
			}
			err = p.Exchange(t.Context(), time.Now().Add(20*time.Millisecond), text, &a)
			if !errors.As(err, &op) || !op.Timeout() || unsent && op.Op != "dial" || a.Status != 0 {
				t.Errorf("late: %v", err)
			}
			if len(p.idle) != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	var open, most atomic.Int32
	s := listen(t, func(c net.Conn, _ int) {
		n := open.Add(1)
		defer open.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		r := bufio.NewReader(c)
		for readRequest(r) == nil {
			_, _ = io.WriteString(c, ordinaryAnswer)
		}
	})
	base := transport(t)
	base.MaxConnsPerHost = 3
	p := pool(t, base, "http://"+s.Addr().String())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				if _, err := p.ask(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > 3 || s.accepted.Load() > 3 {
		t.Errorf("%d connections at a time, %d in all, want 3 at most", n, s.accepted.Load())
	}
}

func TestUnusedConnectionsAreClosed(t *testing.T) {
	s := eachAnswer(t, ordinaryAnswer, false)
	base := transport(t)
	base.IdleConnTimeout = time.Hour
	p := pool(t, base, "http://"+s.Addr().String())
	for i, want := range []int32{1, 1, 2} {
		if _, err := p.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := s.accepted.Load(); n != want {
			t.Errorf("request %d: %d connections, want %d", i, n, want)
		}
		p.closeUnused() // used since the last time
		if len(p.idle) != 1 || p.sweep == nil {
			t.Errorf("request %d: %d connections, and the next look is %v", i, len(p.idle), p.sweep)
		}
		if i == 1 {
			p.closeUnused()
			if len(p.idle) != 0 || p.sweep != nil {
				t.Errorf("not used since: %d connections, and the next look is %v", len(p.idle), p.sweep)
			}
		}
	}
}

// BenchmarkExchange is what a request of usual size costs, the server's part
// included.
func BenchmarkExchange(b *testing.B) {
	text := request(9000)
	s := listen(b, func(c net.Conn, _ int) {
		buf := make([]byte, len(text))
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			_, _ = io.WriteString(c, ordinaryAnswer)
		}
	})
	b.Run("pool", func(b *testing.B) {
		p := poolOf(b, s)
		var a Answer
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Exchange(b.Context(), soon(), text, &a); err != nil {
				b.Fatal(err)
			}
		}
	})
}
