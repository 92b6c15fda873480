package dynamo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const endpointOfTests = "https://dynamodb.eu-west-1.amazonaws.com/"

// theirs is the head of a request as net/http and the SDK's signer make it.
func theirs(t testing.TB, endpoint, operation, body string, creds aws.Credentials, now time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", targetPrefix+operation)
	r.Header.Set("User-Agent", "dynapipe/test")
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "dynamodb", "eu-west-1", now); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return r
}

// parsed is a head of ours as a server reads it.
func parsed(t testing.TB, head []byte) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		t.Fatalf("%v of %q", err, head)
	}
	return r
}

func signerOfTests(t testing.TB, endpoint string) *signer {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return newSigner(u.Host, "dynapipe/test", "eu-west-1")
}

// Our heads are those of net/http and the SDK's signer, to the byte.
func TestHeadsAreTheSDKs(t *testing.T) {
	day := time.Date(2026, 11, 26, 23, 59, 59, 0, time.UTC)
	creds := []aws.Credentials{
		{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "other", SessionToken: "IQoJb3JpZ2luX2VjE=="},
		{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "other", SessionToken: strings.Repeat("long", 400)},
	}
	for _, endpoint := range []string{endpointOfTests, "http://127.0.0.1:8000/", "http://[::1]:8000/"} {
		ours := signerOfTests(t, endpoint)
		for _, body := range []string{"", "{}", `{"TableName":"ünï"}`, strings.Repeat("x", 20000)} {
			for _, c := range creds {
				// Also a day later, in another zone, and back.
				for _, now := range []time.Time{day, day.Add(time.Second), day.In(time.FixedZone("", 3600)), day.Add(-48 * time.Hour)} {
					want := theirs(t, endpoint, "Scan", body, c, now)
					got := parsed(t, ours.appendHead([]byte("GET"), "Scan", []byte(body), c, now)[len("GET"):])
					if got.Method != http.MethodPost || got.RequestURI != "/" || got.Host != want.Host || !maps.EqualFunc(got.Header, want.Header, slices.Equal) {
						t.Fatalf("%s with %d bytes at %s: got\n%v, want\n%v", endpoint, len(body), now, got.Header, want.Header)
					}
				}
			}
		}
	}
}

// Requests of several goroutines, whose credentials change, don't mix.
func TestSignaturesOfManyAtOnce(t *testing.T) {
	s := signerOfTests(t, endpointOfTests)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	signature := func(s *signer, secret string) string {
		return string(s.appendHead(nil, "Scan", []byte("{}"), aws.Credentials{AccessKeyID: "A", SecretAccessKey: secret}, now))
	}
	var all sync.WaitGroup
	for _, secret := range []string{"one", "two", "three"} {
		want := signature(signerOfTests(t, endpointOfTests), secret)
		for range 4 {
			all.Go(func() {
				for range 200 {
					if got := signature(s, secret); got != want {
						t.Errorf("%s: got %s, want %s", secret, got, want)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

// Credentials can't add lines to a request.
func TestCredentialsThatAreNone(t *testing.T) {
	s := signerOfTests(t, endpointOfTests)
	for _, c := range []aws.Credentials{
		{AccessKeyID: "A", SessionToken: "token\n"}, {AccessKeyID: "A B"}, {AccessKeyID: "A", SessionToken: "x\r\nHost: other"}, {AccessKeyID: "Ä"},
	} {
		if err := s.check(c); err == nil || c.SessionToken != "" && strings.Contains(err.Error(), c.SessionToken) {
			t.Errorf("%q %q: %v", c.AccessKeyID, c.SessionToken, err)
		}
	}
	if err := s.check(aws.Credentials{AccessKeyID: "AKIA", SessionToken: "IQoJ/+=="}); err != nil {
		t.Error(err)
	}
}

func TestWhatOurSignerSigns(t *testing.T) {
	for text, want := range map[string]bool{
		"https://dynamodb.eu-west-1.amazonaws.com/":    true,
		"http://localhost:8000/":                       true,
		"https://localhost:443/":                       false,
		"http://localhost:80/":                         false,
		"https://localhost:80/":                        true,
		"https://gateway.example.com/dynamodb":         false,
		"https://gateway.example.com/%2F":              false,
		"https://gateway.example.com/?through=gateway": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := plainEndpoint(u); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	body := strings.Repeat("x", 8700)
	creds := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	now := time.Now()
	b.Run("ours", func(b *testing.B) {
		s := signerOfTests(b, "http://127.0.0.1:8000/")
		text, head := []byte(body), []byte(nil)
		b.ReportAllocs()
		for b.Loop() {
			head = s.appendHead(head[:0], "BatchWriteItem", text, creds, now)
		}
	})
	b.Run("SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			theirs(b, "http://127.0.0.1:8000/", "BatchWriteItem", body, creds, now)
		}
	})
}
