package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func unsigned(t testing.TB, endpoint, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("User-Agent", "dynapipe/test")
	return r
}

// Our signatures are the SDK's, to the byte.
func TestSignaturesAreTheSDKs(t *testing.T) {
	day := time.Date(2026, 11, 26, 23, 59, 59, 0, time.UTC)
	creds := []aws.Credentials{
		{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "other", SessionToken: "IQoJb3JpZ2luX2VjE=="},
		{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "other", SessionToken: strings.Repeat("long", 400)},
	}
	ours := signer{region: "eu-west-1"}
	for _, endpoint := range []string{"https://dynamodb.eu-west-1.amazonaws.com/", "http://127.0.0.1:8000/"} {
		for _, body := range []string{"", "{}", `{"TableName":"ünï"}`, strings.Repeat("x", 20000)} {
			for _, c := range creds {
				// Also a day later, in another zone, and back.
				for _, now := range []time.Time{day, day.Add(time.Second), day.In(time.FixedZone("", 3600)), day.Add(-48 * time.Hour)} {
					want, got := unsigned(t, endpoint, "DynamoDB_20120810.Scan", body), unsigned(t, endpoint, "DynamoDB_20120810.Scan", body)
					sum := sha256.Sum256([]byte(body))
					if err := v4.NewSigner().SignHTTP(t.Context(), c, want, hex.EncodeToString(sum[:]), "dynamodb", "eu-west-1", now); err != nil {
						t.Fatal(err)
					}
					ours.sign(got, []byte(body), c, now)
					if !maps.EqualFunc(got.Header, want.Header, slices.Equal) {
						t.Fatalf("%s with %d bytes at %s: got\n%v, want\n%v", endpoint, len(body), now, got.Header, want.Header)
					}
				}
			}
		}
	}
}

// Requests of several goroutines, whose credentials change, don't mix.
func TestSignaturesOfManyAtOnce(t *testing.T) {
	s := signer{region: "eu-west-1"}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	signature := func(s *signer, secret string) string {
		r := unsigned(t, "https://dynamodb.eu-west-1.amazonaws.com/", "DynamoDB_20120810.Scan", "{}")
		s.sign(r, []byte("{}"), aws.Credentials{AccessKeyID: "A", SecretAccessKey: secret}, now)
		return r.Header.Get("Authorization")
	}
	var all sync.WaitGroup
	for _, secret := range []string{"one", "two", "three"} {
		want := signature(&signer{region: "eu-west-1"}, secret)
		for range 4 {
			all.Go(func() {
				for range 200 {
					if got := signature(&s, secret); got != want {
						t.Errorf("%s: got %s, want %s", secret, got, want)
						return
					}
				}
			})
		}
	}
	all.Wait()
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
	body := []byte(strings.Repeat("x", 8700))
	creds := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	now := time.Now()
	b.Run("ours", func(b *testing.B) {
		s := signer{region: "eu-west-1"}
		b.ReportAllocs()
		for b.Loop() {
			s.sign(unsigned(b, "http://127.0.0.1:8000/", "DynamoDB_20120810.BatchWriteItem", ""), body, creds, now)
		}
	})
	b.Run("SDK", func(b *testing.B) {
		s := v4.NewSigner()
		b.ReportAllocs()
		for b.Loop() {
			r := unsigned(b, "http://127.0.0.1:8000/", "DynamoDB_20120810.BatchWriteItem", "")
			r.ContentLength = int64(len(body))
			r.Body = io.NopCloser(nil)
			sum := sha256.Sum256(body)
			if err := s.SignHTTP(b.Context(), creds, r, hex.EncodeToString(sum[:]), "dynamodb", "eu-west-1", now); err != nil {
				b.Fatal(err)
			}
		}
	})
}
