package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// patience is how long the server may take. DynamoDB's own limit for an answer
// is lower.
const patience = time.Minute

// send sends a body to the server, in place of a request's own, and reads the
// answer. As with DynamoDB, a client that goes away does not undo its request.
func (x *exchange) send(header http.Header, body []byte) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.in.Context()), patience)
	defer cancel()
	out := (&http.Request{
		Method: x.in.Method, URL: target(x.config.Backend, x.in.URL), Host: x.in.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: endToEnd(header), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	out.Header.Set("Accept-Encoding", "identity") // answers have to be read
	if x.config.Sign != nil {
		out.Host = x.config.Backend.Host
		if err := x.config.Sign(ctx, out, body); err != nil {
			return nil, nil, fmt.Errorf("sign for the server: %w", err)
		}
	}
	response, err := x.proxy.transport.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return response, answer, err
}

// target is the server's URL with the path that was asked for.
func target(backend, asked *url.URL) *url.URL {
	u := *backend
	u.Path, u.RawPath, u.RawQuery = asked.Path, asked.RawPath, asked.RawQuery
	return &u
}

// endToEnd is a header without what concerns one connection only (RFC 9110,
// section 7.6.1).
func endToEnd(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
	} {
		h.Del(name)
	}
	return h
}

// pass gives the server's answer to the client, its body perhaps changed.
func pass(w http.ResponseWriter, response *http.Response, body []byte) {
	h := w.Header()
	for name, values := range endToEnd(response.Header) {
		h[name] = values
	}
	send(w, response.StatusCode, body)
}
