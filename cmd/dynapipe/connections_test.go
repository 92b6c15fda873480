package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

const importOne = `
variable "table" {
  type = string
}
source "jsonl" "in" {
  path = "in.jsonl"
}
sink "batch_write" "out" {
  from  = source.jsonl.in
  table = var.table
}
`

// TestWaysToTheServer is that what the environment says of proxies and
// authorities holds for every request: those that describe the table, and those
// that write.
func TestWaysToTheServer(t *testing.T) {
	server := dynamotest.Start(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string // operations, since the last look
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		mu.Lock()
		defer mu.Unlock()
		_, operation, _ := strings.Cut(r.In.Header.Get("X-Amz-Target"), ".")
		seen = append(seen, r.In.Host+" "+operation)
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	proxy := httptest.NewServer(forward)
	t.Cleanup(proxy.Close)
	secure := httptest.NewUnstartedServer(forward)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	secure.StartTLS()
	t.Cleanup(secure.Close)

	dir := workspace(t)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	for name, text := range map[string]string{"p.hcl": importOne, "in.jsonl": `{"id":"a"}` + "\n", "ca.pem": authority} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	bundle := filepath.Join(dir, "ca.pem")
	address := strings.TrimPrefix(secure.URL, "https://")
	for _, test := range []struct {
		name, endpoint, by string // by: the host that the requests come to
		environ            []string
		fails              string
	}{
		{name: "a proxy", endpoint: "http://dynamodb.invalid", by: "dynamodb.invalid", environ: []string{"HTTP_PROXY=" + proxy.URL}},
		{name: "a proxy that is not for the host", endpoint: "http://dynamodb.invalid", environ: []string{"HTTP_PROXY=" + proxy.URL, "NO_PROXY=.invalid"}, fails: "dynamodb.invalid"},
		{name: "an authority in AWS_CA_BUNDLE", endpoint: secure.URL, by: address, environ: []string{"AWS_CA_BUNDLE=" + bundle}},
		{name: "an authority in SSL_CERT_FILE", endpoint: secure.URL, by: address, environ: []string{"SSL_CERT_FILE=" + bundle}},
		{name: "no authority", endpoint: secure.URL, fails: "AWS_CA_BUNDLE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen = nil
			name := server.CreateTable(t, dynamotest.S("id"))
			cmd := exec.Command("dynapipe", "run", "p.hcl", "--var", "table="+name, "--max-duration", "20s")
			cmd.Dir = dir
			cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+test.endpoint,
				"AWS_CA_BUNDLE=", "SSL_CERT_FILE=", "SSL_CERT_DIR="+t.TempDir(), "HTTP_PROXY=", "NO_PROXY=", "http_proxy=", "no_proxy=")
			cmd.Env = append(cmd.Env, test.environ...)
			out, err := cmd.CombinedOutput()
			if test.fails != "" {
				if err == nil || !strings.Contains(string(out), test.fails) || len(seen) > 0 {
					t.Errorf("%v, %q came to the proxy\n%s", err, seen, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if all := strings.Join(seen, ", "); !strings.Contains(all, test.by+" DescribeTable") || !strings.Contains(all, test.by+" BatchWriteItem") {
				t.Errorf("only %s came", all)
			}
			if items := server.Items(t, name); len(items) != 1 {
				t.Errorf("%d items", len(items))
			}
		})
	}
}
