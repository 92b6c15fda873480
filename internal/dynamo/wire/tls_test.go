package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// secure is a server with TLS, which counts its handshakes.
func secure(t *testing.T, whole, resumed *atomic.Int32) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.TLS.ServerName != "example.com" {
			t.Errorf("%s to %q", r.Proto, r.TLS.ServerName)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{}")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{VerifyConnection: func(c tls.ConnectionState) error {
		if c.DidResume {
			resumed.Add(1)
		} else {
			whole.Add(1)
		}
		return nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trusting is a transport that trusts the server and finds it under any name.
func trusting(t *testing.T, s *httptest.Server) *http.Transport {
	t.Helper()
	base := transport(t)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	base.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	base.ForceAttemptHTTP2 = true
	dial := base.DialContext
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, s.Listener.Addr().String())
	}
	return base
}

func TestTLS(t *testing.T) {
	var whole, resumed atomic.Int32
	s := secure(t, &whole, &resumed)
	p := pool(t, trusting(t, s), "https://example.com")
	for range 3 { // also once there are session tickets
		for range 3 {
			a, err := p.ask(t.Context())
			if err != nil || string(a.Body) != "{}" {
				t.Fatalf("%q, %v", a.Body, err)
			}
		}
		p.CloseIdleConnections()
	}
	if whole.Load() != 1 || resumed.Load() != 2 {
		t.Errorf("%d whole and %d resumed handshakes for 3 connections", whole.Load(), resumed.Load())
	}
	// A large body, which is written while the answer is awaited.
	var a Answer
	if err := p.Exchange(t.Context(), soon(), request(10*atOnce), &a); err != nil || string(a.Body) != "{}" {
		t.Errorf("large: %q, %v", a.Body, err)
	}
}

func TestTLSThatIsNotTrusted(t *testing.T) {
	var whole, resumed atomic.Int32
	s := secure(t, &whole, &resumed)
	base := trusting(t, s)
	var host x509.HostnameError
	if _, err := pool(t, base, "https://other.test").ask(t.Context()); !errors.As(err, &host) {
		t.Errorf("another name: %v", err)
	}
	base.TLSClientConfig.RootCAs = x509.NewCertPool()
	var authority x509.UnknownAuthorityError
	if _, err := pool(t, base, "https://example.com").ask(t.Context()); !errors.As(err, &authority) {
		t.Errorf("unknown authority: %v", err)
	}
	var record tls.RecordHeaderError
	plain := listen(t, func(c net.Conn, _ int) {
		_, _ = c.Read(make([]byte, 1<<10))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	if _, err := pool(t, transport(t), "https://"+plain.Addr().String()).ask(t.Context()); !errors.As(err, &record) {
		t.Errorf("no TLS: %v", err)
	}
}

func TestWhatAPoolServes(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: "proxy.test:3128"}
	for text, want := range map[string]bool{
		"https://dynamodb.eu-west-1.amazonaws.com/": true,
		"http://localhost:8000/":                    true,
		"http://[::1]:8000/":                        true,
		"http://[fe80::1%25eth0]:8000/":             false,
		"https://dynamodb.bücher.test/":             false,
		"ftp://example.com/":                        false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		base := transport(t)
		if got := NewPool(base, u) != nil; got != want {
			t.Errorf("%s: %v", text, got)
		}
		base.Proxy = http.ProxyURL(proxy)
		if NewPool(base, u) != nil {
			t.Errorf("%s: past a proxy", text)
		}
		base.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no proxy that can be read") }
		if NewPool(base, u) != nil {
			t.Errorf("%s: past an error", text)
		}
	}
}

// Requests of the SDK get from the Pool what they get from net/http.
func TestRoundTrip(t *testing.T) {
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, r.Method+" "+r.Host+r.RequestURI+" "+r.Header.Get("X-Amz-Target")+" "+string(body))
		w.Header().Set("X-Amzn-Requestid", "ABC")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.Repeat("long", 5000)) // in chunks
	}))
	t.Cleanup(s.Close)
	p := pool(t, transport(t), s.URL)
	for _, carrier := range []http.RoundTripper{p.base, p} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/path?q=1", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "DescribeTable")
		response, err := (&http.Client{Transport: carrier}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusTeapot || response.Status != "418 I'm a teapot" || response.Header.Get("X-Amzn-Requestid") != "ABC" || len(body) != 20000 {
			t.Errorf("%T: %s, %v, %d bytes", carrier, response.Status, response.Header, len(body))
		}
	}
	if seen[0] != seen[1] || len(p.idle) != 1 {
		t.Errorf("requests %q, %d connections kept", seen, len(p.idle))
	}
	// What goes to another host does not come here.
	other := eachAnswer(t, ordinaryAnswer, false)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+other.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK || len(p.idle) != 1 {
		t.Errorf("another host: %v, %v, %d connections kept", response.Status, err, len(p.idle))
	}
	p.base.CloseIdleConnections()
	// A cancelled one says so.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.RoundTrip(ask(t, p).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
