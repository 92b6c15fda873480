// Package wire carries HTTP/1.1 requests to one endpoint, each by the goroutine
// that asks: it writes the request in one piece and reads the answer from the
// same connection. No other goroutine takes part, and no memory is made anew for
// an ordinary request.
//
//	pool.go          which connection a request takes, and how many there are
//	dial.go          what a Pool can serve, and how it connects
//	conn.go          one request and its answer on one connection
//	answer.go        what an answer says; the ordinary one is read here, any other by net/http
//	roundtrip.go     a Pool as the transport of the SDK
//	idle_unix.go     whether the server has closed a connection meanwhile
//
// What a Pool doesn't serve, a proxy or an unusual endpoint, is net/http's.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// Pool is the connections to one endpoint. It may be used by several goroutines.
type Pool struct {
	base     *http.Transport // connects, and knows the limits
	endpoint *url.URL
	address  string
	secure   *tls.Config // nil for an endpoint without TLS

	// places has an entry for every request that has a connection or is getting
	// one; nil: any number may. A connection is only made when none is idle, so
	// no more are open than there are places.
	places chan struct{}

	mu    sync.Mutex
	idle  []*conn     // the last one used is last
	sweep *time.Timer // closes those idle for long, while there are any
}

// Exchange sends a request, which is whole in text, and reads its answer. It
// ends with an error when ctx is done or at the deadline. The request is sent
// once; only when a connection that was idle took nothing of it, another one is
// tried. After an error with a Status in the answer, its body broke off.
func (p *Pool) Exchange(ctx context.Context, deadline time.Time, text []byte, a *Answer) error {
	if err := p.enter(ctx, deadline); err != nil {
		return err
	}
	defer p.leave()
	for {
		c, err := p.take(ctx, deadline)
		if err != nil {
			return err
		}
		again := c.used
		keep, err := c.exchange(ctx, text, a)
		if keep {
			p.put(c)
		} else {
			c.Close()
		}
		var nothing *nothingSent
		if !errors.As(err, &nothing) {
			return err
		}
		if !again || ctx.Err() != nil || !time.Now().Before(deadline) {
			return nothing.error
		}
	}
}

// enter waits for a place.
func (p *Pool) enter(ctx context.Context, deadline time.Time) error {
	if p.places == nil {
		return nil
	}
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(time.Until(deadline))
	defer patience.Stop()
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return notConnected(ctx.Err())
	case <-patience.C:
		return notConnected(os.ErrDeadlineExceeded)
	}
}

func (p *Pool) leave() {
	if p.places != nil {
		<-p.places
	}
}

// notConnected is an error before there was a connection: nothing was sent.
func notConnected(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: err}
}

// take is a connection that is ready for a request until the deadline.
func (p *Pool) take(ctx context.Context, deadline time.Time) (*conn, error) {
	for {
		c := p.last()
		if c == nil {
			c, err := p.dial(ctx, deadline)
			if err != nil {
				return nil, err
			}
			return c, c.SetDeadline(deadline)
		}
		if c.SetDeadline(deadline) == nil && c.open() {
			return c, nil
		}
		c.Close()
	}
}

// last is the connection that was used last of those that are idle.
func (p *Pool) last() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	c := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	return c
}

// put keeps a connection for the next request.
func (p *Pool) put(c *conn) {
	c.used, c.swept = true, false
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
	p.sweepLater()
}

// sweepLater has connections looked at twice in the time that one may be idle.
func (p *Pool) sweepLater() {
	if p.sweep == nil && p.base.IdleConnTimeout > 0 {
		p.sweep = time.AfterFunc(p.base.IdleConnTimeout/2, p.closeUnused)
	}
}

// closeUnused closes the connections that were idle the last time, too.
func (p *Pool) closeUnused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep = nil
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		old := c.swept
		if c.swept = true; old {
			c.Close()
		}
		return old
	})
	if len(p.idle) > 0 {
		p.sweepLater()
	}
}

// CloseIdleConnections closes those that no request uses. The Pool stays usable.
func (p *Pool) CloseIdleConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.idle {
		c.Close()
		p.idle[i] = nil
	}
	p.idle = p.idle[:0]
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
}
