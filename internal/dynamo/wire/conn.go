package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"syscall"
	"time"
)

const (
	// readBuffer holds an ordinary answer.
	readBuffer = 4 << 10
	// maxHead bounds the head of an answer.
	maxHead = 256 << 10
	// atOnce is how long a request may be that is written before its answer is
	// looked for: what surely goes into the buffers between here and a server
	// that answers without reading on.
	atOnce = 64 << 10
	// lastWords is how long the rest of a request may take that has been answered.
	lastWords = 50 * time.Millisecond
)

var (
	errNoAnswer    = errors.New("the server closed the connection without an answer")
	errInterrupted = errors.New("the connection was given up with the request before")
	errLongHead    = fmt.Errorf("the head of the answer is longer than %d KB", maxHead>>10)
)

// conn is one connection, used by one goroutine at a time.
type conn struct {
	net.Conn
	plain net.Conn // below TLS
	r     *bufio.Reader
	left  int  // how much may be read yet of a head
	used  bool // for a request before
	swept bool // it was idle when connections were looked at

	raw   syscall.RawConn // of plain
	probe func(fd uintptr) bool
	quiet bool // what probe found
	one   [1]byte

	interrupt func()          // ends what is waited for
	done      <-chan struct{} // of the context of the last request
	stop      func() bool     // interrupt is called when that context is done; nil: it isn't
}

func newConn(c, plain net.Conn) *conn {
	out := &conn{Conn: c, plain: plain}
	out.r = bufio.NewReaderSize(limited{out}, readBuffer)
	out.interrupt = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	out.ask()
	return out
}

// nothingSent is an error of a request of which the connection took nothing.
type nothingSent struct{ error }

func (e *nothingSent) Unwrap() error { return e.error }

// exchange sends a request and reads its answer. keep reports that the
// connection can serve another one.
func (c *conn) exchange(ctx context.Context, text []byte, a *Answer) (keep bool, err error) {
	again, err := c.watch(ctx)
	if err != nil {
		return false, &nothingSent{notConnected(err)}
	}
	if len(text) <= atOnce {
		keep, err = c.inTurn(text, a)
	} else {
		keep, err = c.together(text, a)
	}
	keep = keep && err == nil
	if !again {
		keep = c.unwatch() && keep
	}
	return keep, err
}

// watch has interrupt called when ctx is done. again reports that the last
// request had the same one: others will, too, and the watch may stay.
func (c *conn) watch(ctx context.Context) (again bool, err error) {
	done := ctx.Done()
	again = done != nil && done == c.done
	switch {
	case c.stop == nil:
	case again:
		return true, ctx.Err() // once it is done, interrupt may have been called before the deadline was set
	case !c.unwatch():
		return false, errInterrupted
	}
	c.done, c.stop = done, context.AfterFunc(ctx, c.interrupt)
	return again, nil
}

// unwatch ends the watch, and reports that interrupt was not called and won't be.
func (c *conn) unwatch() bool {
	stop := c.stop
	c.stop = nil
	return stop()
}

// Close closes the connection.
func (c *conn) Close() error {
	if c.stop != nil {
		c.unwatch()
	}
	return c.Conn.Close()
}

// inTurn sends, then reads.
func (c *conn) inTurn(text []byte, a *Answer) (keep bool, err error) {
	n, err := c.Write(text)
	if err == nil {
		return c.receive(a)
	}
	if n == 0 {
		return false, &nothingSent{err}
	}
	// The server may have said why before it cut the connection.
	if _, e := c.receive(a); e == nil {
		return false, nil
	}
	a.reset()
	return false, err
}

// together sends while it reads: the answer may come before all is sent, and
// instead of the rest being read.
func (c *conn) together(text []byte, a *Answer) (keep bool, err error) {
	type outcome struct {
		n   int
		err error
	}
	written := make(chan outcome, 1)
	go func() {
		n, err := c.Write(text)
		written <- outcome{n, err}
	}()
	keep, err = c.receive(a)
	if err != nil {
		c.interrupt()
	} else {
		_ = c.SetWriteDeadline(time.Now().Add(lastWords))
	}
	w := <-written
	if err != nil && w.n == 0 && w.err != nil {
		return false, &nothingSent{err}
	}
	return keep && w.err == nil, err
}

// receive reads the answer.
func (c *conn) receive(a *Answer) (keep bool, err error) {
	a.reset()
	c.left = maxHead
	if _, err := c.r.Peek(1); errors.Is(err, io.EOF) {
		return false, errNoAnswer
	} else if err != nil {
		return false, err
	}
	return a.read(c)
}

// limited is what a conn's reader reads: no more of a head than may be.
type limited struct{ c *conn }

func (l limited) Read(p []byte) (int, error) {
	if l.c.left <= 0 {
		return 0, errLongHead
	}
	n, err := l.c.Conn.Read(p[:min(len(p), l.c.left)])
	l.c.left -= n
	return n, err
}

// headEnds lets the body be read.
func (c *conn) headEnds() { c.left = math.MaxInt }
