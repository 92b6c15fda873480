package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sessionsKept is how many TLS sessions can be taken up again without a whole
// handshake: those of one endpoint.
const sessionsKept = 64

// NewPool is a pool of connections to the endpoint, made as base makes them and
// under its limits. It is nil for an endpoint that is base's own to serve: one
// behind a proxy, or one that base would write otherwise than it is given.
func NewPool(base *http.Transport, endpoint *url.URL) *Pool {
	if !canAsk || !serves(base, endpoint) {
		return nil
	}
	p := &Pool{base: base, endpoint: endpoint, address: address(endpoint)}
	if base.MaxConnsPerHost > 0 {
		p.places = make(chan struct{}, base.MaxConnsPerHost)
	}
	if endpoint.Scheme == "https" {
		p.secure = &tls.Config{}
		if base.TLSClientConfig != nil {
			p.secure = base.TLSClientConfig.Clone()
		}
		if p.secure.ServerName == "" {
			p.secure.ServerName = endpoint.Hostname()
		}
		p.secure.NextProtos = []string{"http/1.1"}
		if p.secure.ClientSessionCache == nil {
			p.secure.ClientSessionCache = tls.NewLRUClientSessionCache(sessionsKept)
		}
	}
	return p
}

func serves(base *http.Transport, endpoint *url.URL) bool {
	if base.DialContext == nil || base.DialTLSContext != nil || base.DisableKeepAlives ||
		endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Opaque != "" || endpoint.Hostname() == "" {
		return false
	}
	for _, c := range []byte(endpoint.Host) {
		if c >= 0x80 || c == '%' { // a name to be encoded, or an address with its zone
			return false
		}
	}
	if base.Proxy == nil {
		return true
	}
	proxy, err := base.Proxy(&http.Request{Method: http.MethodPost, URL: endpoint, Host: endpoint.Host, Header: http.Header{}})
	return proxy == nil && err == nil
}

// address is where an endpoint is reached.
func address(endpoint *url.URL) string {
	port := endpoint.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[endpoint.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(endpoint.Hostname()), port)
}

// dial makes a connection.
func (p *Pool) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	plain, err := p.base.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, notConnected(err)
	}
	if p.secure == nil {
		return newConn(plain, plain), nil
	}
	secure := tls.Client(plain, p.secure)
	if p.base.TLSHandshakeTimeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, p.base.TLSHandshakeTimeout)
		defer cancel()
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		plain.Close()
		var network net.Error
		if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.As(err, &network) {
			err = notConnected(err)
		}
		return nil, err // TLS's own otherwise
	}
	return newConn(secure, plain), nil
}
