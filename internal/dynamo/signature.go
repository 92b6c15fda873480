package dynamo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	service   = "dynamodb"
	algorithm = "AWS4-HMAC-SHA256"
	// dateFormat is that of X-Amz-Date, the first dayLength bytes of which are the day.
	dateFormat = "20060102T150405Z"
	dayLength  = len("20060102")
)

// signer signs requests as the SDK's signer does, by Signature Version 4, for
// the requests that are made many times: POST of / with the headers that sign
// sets. The key of a day is derived once.
type signer struct {
	region string
	last   atomic.Pointer[signingKey]
	second atomic.Pointer[dated]
}

// dated is a second as X-Amz-Date spells it.
type dated struct {
	unix int64
	date string
}

// date spells a moment, which is the same for all requests of a second.
func (s *signer) date(now time.Time) string {
	if d := s.second.Load(); d != nil && d.unix == now.Unix() {
		return d.date
	}
	d := &dated{unix: now.Unix(), date: now.UTC().Format(dateFormat)}
	s.second.Store(d)
	return d.date
}

// signingKey is what a secret signs with on one day.
type signingKey struct {
	secret, day string
	scope       string    // of the credentials: DAY/REGION/SERVICE/aws4_request
	macs        sync.Pool // of hash.Hash, keyed
}

// plainEndpoint reports whether a signer can sign requests to an endpoint: one
// without a path of its own, or a port that a request's Host leaves out.
func plainEndpoint(u *url.URL) bool {
	port := u.Port()
	return u.Path == "/" && u.RawPath == "" && u.RawQuery == "" && !u.ForceQuery &&
		!(u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443")
}

// sign sets the headers that sign a request with that body. The others must be
// set before: Content-Type and X-Amz-Target.
func (s *signer) sign(r *http.Request, body []byte, creds aws.Credentials, now time.Time) {
	date := s.date(now)
	key := s.key(creds.SecretAccessKey, date[:dayLength])
	r.Header["X-Amz-Date"] = []string{date}
	signed := "content-length;content-type;host;x-amz-date;x-amz-target"
	if creds.SessionToken != "" {
		r.Header["X-Amz-Security-Token"] = []string{creds.SessionToken}
		signed = "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
	}
	if len(body) == 0 {
		signed = signed[len("content-length;"):]
	}
	var scratch [1024]byte
	text := append(scratch[:0], "POST\n/\n\n"...)
	if len(body) > 0 {
		text = strconv.AppendInt(append(text, "content-length:"...), int64(len(body)), 10)
		text = append(text, '\n')
	}
	text = appendHeader(text, "content-type:", r.Header["Content-Type"][0])
	text = appendHeader(text, "host:", r.Host)
	text = appendHeader(text, "x-amz-date:", date)
	if creds.SessionToken != "" {
		text = appendHeader(text, "x-amz-security-token:", creds.SessionToken)
	}
	text = appendHeader(text, "x-amz-target:", r.Header["X-Amz-Target"][0])
	text = append(append(append(text, '\n'), signed...), '\n')
	text = appendHash(text, body)

	sum := sha256.Sum256(text)
	text = append(append(scratch[:0], algorithm+"\n"...), date...)
	text = append(append(append(text, '\n'), key.scope...), '\n')
	text = hex.AppendEncode(text, sum[:])
	signature := key.mac(text)

	text = append(append(scratch[:0], algorithm+" Credential="...), creds.AccessKeyID...)
	text = append(append(append(text, '/'), key.scope...), ", SignedHeaders="...)
	text = append(append(text, signed...), ", Signature="...)
	text = hex.AppendEncode(text, signature[:])
	r.Header["Authorization"] = []string{string(text)}
}

func appendHeader(dst []byte, name, value string) []byte {
	return append(append(append(dst, name...), value...), '\n')
}

func appendHash(dst, body []byte) []byte {
	sum := sha256.Sum256(body)
	return hex.AppendEncode(dst, sum[:])
}

// key is the key of the day, which is only derived when secret or day is new.
func (s *signer) key(secret, day string) *signingKey {
	if k := s.last.Load(); k != nil && k.secret == secret && k.day == day {
		return k
	}
	derived := []byte("AWS4" + secret)
	for _, part := range []string{day, s.region, service, "aws4_request"} {
		m := hmac.New(sha256.New, derived)
		m.Write([]byte(part))
		derived = m.Sum(nil)
	}
	k := &signingKey{secret: secret, day: day, scope: day + "/" + s.region + "/" + service + "/aws4_request"}
	k.macs.New = func() any { return hmac.New(sha256.New, derived) }
	s.last.Store(k)
	return k
}

func (k *signingKey) mac(text []byte) (out [sha256.Size]byte) {
	m := k.macs.Get().(hash.Hash)
	m.Reset()
	m.Write(text)
	m.Sum(out[:0])
	k.macs.Put(m)
	return out
}
