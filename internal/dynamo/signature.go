package dynamo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
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

// signer writes the heads of the requests that are made many times, a POST of /
// each, signed by Signature Version 4 as the SDK's signer does. The key of a day
// is derived once.
type signer struct {
	host, region string
	fixed        string // what every head begins with

	last   atomic.Pointer[signingKey]
	second atomic.Pointer[dated]
	good   atomic.Pointer[aws.Credentials] // that were checked last
}

func newSigner(host, agent, region string) *signer {
	return &signer{host: host, region: region, fixed: "POST / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + agent +
		// The checksum is over the bytes on the wire. Unsigned, because proxies change it.
		"\r\nAccept-Encoding: identity\r\nContent-Type: " + contentType + "\r\n"}
}

// check refuses credentials that a head can't hold: it would say something else.
func (s *signer) check(creds aws.Credentials) error {
	if g := s.good.Load(); g != nil && g.AccessKeyID == creds.AccessKeyID && g.SessionToken == creds.SessionToken {
		return nil
	}
	for name, text := range map[string]string{"access key ID": creds.AccessKeyID, "session token": creds.SessionToken} {
		for _, c := range []byte(text) {
			if c <= ' ' || c >= 0x7f {
				return fmt.Errorf("the %s has a character in it that does not belong there: a space, a line end or one outside ASCII", name)
			}
		}
	}
	checked := creds // which then is made anew only here
	s.good.Store(&checked)
	return nil
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

// appendHead appends the head of a request with that body, signed.
func (s *signer) appendHead(dst []byte, operation string, body []byte, creds aws.Credentials, now time.Time) []byte {
	date := s.date(now)
	key := s.key(creds.SecretAccessKey, date[:dayLength])
	signed := "content-length;content-type;host;x-amz-date;x-amz-target"
	if creds.SessionToken != "" {
		signed = "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
	}
	if len(body) == 0 {
		signed = signed[len("content-length;"):]
	}
	start := len(dst)
	signature := key.mac(s.toSign(dst, signed, operation, date, key.scope, body, creds.SessionToken))

	dst = append(dst[:start], s.fixed...)
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10)
	dst = append(append(dst, "\r\nX-Amz-Date: "...), date...)
	dst = append(append(dst, "\r\nX-Amz-Target: "+targetPrefix...), operation...)
	if creds.SessionToken != "" {
		dst = append(append(dst, "\r\nX-Amz-Security-Token: "...), creds.SessionToken...)
	}
	dst = append(append(dst, "\r\nAuthorization: "+algorithm+" Credential="...), creds.AccessKeyID...)
	dst = append(append(append(dst, '/'), key.scope...), ", SignedHeaders="...)
	dst = append(append(dst, signed...), ", Signature="...)
	return append(hex.AppendEncode(dst, signature[:]), "\r\n\r\n"...)
}

// toSign is the text that a signature is of, in the memory after scratch.
func (s *signer) toSign(scratch []byte, signed, operation, date, scope string, body []byte, token string) []byte {
	start := len(scratch)
	text := append(scratch, "POST\n/\n\n"...)
	if len(body) > 0 {
		text = strconv.AppendInt(append(text, "content-length:"...), int64(len(body)), 10)
		text = append(text, '\n')
	}
	text = append(text, "content-type:"+contentType+"\n"...)
	text = appendHeader(text, "host:", s.host)
	text = appendHeader(text, "x-amz-date:", date)
	if token != "" {
		text = appendHeader(text, "x-amz-security-token:", token)
	}
	text = appendHeader(text, "x-amz-target:"+targetPrefix, operation)
	text = append(append(append(text, '\n'), signed...), '\n')
	text = appendHash(text, body)

	sum := sha256.Sum256(text[start:])
	text = append(append(text[:start], algorithm+"\n"...), date...)
	text = append(append(append(text, '\n'), scope...), '\n')
	return hex.AppendEncode(text, sum[:])[start:]
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
