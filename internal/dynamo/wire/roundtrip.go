package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// farOff is the deadline of a request that has none of its own.
const farOff = 24 * time.Hour

// RoundTrip makes a Pool the transport of the SDK's requests, so that they share
// its connections and are under the same limit. Those to other hosts, as the
// token service, are net/http's.
func (p *Pool) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != p.endpoint.Scheme || r.URL.Host != p.endpoint.Host || r.Header.Get("Expect") != "" {
		return p.base.RoundTrip(r)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		return nil, err
	}
	deadline, ok := r.Context().Deadline()
	if !ok {
		deadline = time.Now().Add(farOff)
	}
	a := Answer{whole: true}
	if err := p.Exchange(r.Context(), deadline, text.Bytes(), &a); err != nil {
		if ctx := r.Context(); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}, nil
}
