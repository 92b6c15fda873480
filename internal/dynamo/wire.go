package dynamo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dynapipe/dynapipe/internal/dynamo/wire"
)

const (
	// targetPrefix and contentType are the protocol's (AWS, "DynamoDB low-level API").
	targetPrefix = "DynamoDB_20120810."
	contentType  = "application/x-amz-json-1.0"
)

// Call sends one request, once, and returns the body of its answer, which is
// the caller's. Every error is an *Error, but for that of a cancelled ctx.
func (c *Client) Call(ctx context.Context, operation string, body []byte) ([]byte, error) {
	return c.CallInto(ctx, operation, body, nil)
}

// CallInto is Call with memory for the answer, which is of the right size after
// a while when it is that of the answer before.
func (c *Client) CallInto(ctx context.Context, operation string, body, memory []byte) ([]byte, error) {
	m := c.Message()
	defer m.Free()
	m.Set(append(m.Body(), body...))
	mine := m.answer.Body
	m.answer.Body = memory
	defer func() { m.answer.Body = mine }()
	return c.Send(ctx, operation, m)
}

// Send is Call with a message, in which the answer stays.
func (c *Client) Send(ctx context.Context, operation string, m *Message) ([]byte, error) {
	started := time.Now()
	until := started.Add(c.contacts.try(operation, c.timeout, started))
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(until) {
		until = earlier
	}
	attempt := &patience{Context: ctx, until: until}
	defer attempt.end()
	answer, e := c.once(attempt, operation, m)
	if e == nil {
		c.contacts.answered(operation)
		return answer, nil
	}
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if expired(e.Code) {
		c.renew(attempt, e)
	}
	if e.Code == CodeTimeout {
		e.Message = strings.Replace(e.Message, inTime, "no answer in "+spell(time.Since(started)), 1)
	}
	return nil, c.placed(operation, e)
}

// once makes one attempt.
func (c *Client) once(attempt *patience, operation string, m *Message) ([]byte, *Error) {
	creds, err := c.creds.Retrieve(attempt)
	if err != nil {
		return nil, credentialsError(operation, err)
	}
	if c.pool == nil {
		err = c.byHTTP(attempt, operation, m, creds)
	} else {
		err = c.byPool(attempt, operation, m, creds)
	}
	var e *Error
	switch {
	case err == nil:
		return c.judge(operation, &m.answer)
	case errors.As(err, &e):
		return nil, e
	}
	e = transportError(operation, err)
	if m.answer.Status != 0 {
		e.Message = "the answer broke off: " + e.Message
	}
	return nil, e
}

// byPool has the pool carry the request.
func (c *Client) byPool(attempt *patience, operation string, m *Message, creds aws.Credentials) error {
	m.answer.Status = 0
	if err := c.signer.check(creds); err != nil {
		return credentialsError(operation, err)
	}
	m.head = c.signer.appendHead(m.head[:0], operation, m.body(), creds, time.Now())
	return c.pool.Exchange(attempt.Context, attempt.until, m.whole(), &m.answer)
}

// byHTTP has net/http carry the request, for an endpoint that a Pool does not
// serve, signed by the SDK.
func (c *Client) byHTTP(ctx context.Context, operation string, m *Message, creds aws.Credentials) error {
	m.answer.Status = 0
	body := bytes.Clone(m.body()) // the transport may still read it when it has the answer
	endpoint := *c.endpoint       // the SDK's signer writes into it
	request := (&http.Request{
		Method: http.MethodPost, URL: &endpoint, Host: c.endpoint.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {contentType},
			"X-Amz-Target": {targetPrefix + operation},
			"User-Agent":   {c.agent},
		},
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(bytes.NewReader(body)),
		// With it the transport may repeat a request of which nothing was written.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	if err := c.sdkSigner.SignHTTP(ctx, creds, request, string(appendHash(nil, body)), service, c.region, time.Now()); err != nil {
		return credentialsError(operation, err)
	}
	// The checksum is over the bytes on the wire. Unsigned, because proxies change it.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	return m.answer.Take(response)
}

// credentialsError is a failure to get or use credentials. One that the
// network caused passes.
func credentialsError(operation string, err error) *Error {
	class := Permanent
	if isTimeout(err) {
		class = Retryable
	}
	return &Error{
		Operation: operation, Code: CodeCredentials, Class: class, Err: err,
		Message: oneLine(err.Error()), Advice: credentialsAdvice,
	}
}

// judge looks at a whole answer.
func (c *Client) judge(operation string, a *wire.Answer) ([]byte, *Error) {
	if want := a.Checksum(); len(want) > 0 && !checksumMatches(want, a.Body) {
		return nil, &Error{
			Operation: operation, Code: CodeChecksum, Class: Retryable, Sent: true,
			RequestID: a.RequestID(), Status: a.Status,
			Message: fmt.Sprintf("the answer's CRC-32 is not the %s that its header says", oneLine(string(want))),
		}
	}
	if a.Status != http.StatusOK {
		return nil, parseError(operation, a.Status, a.Header(), a.Body)
	}
	if len(a.Body) == 0 || a.Body[0] != '{' {
		return nil, &Error{
			Operation: operation, Code: CodeNotDynamoDB, Class: Permanent, Status: a.Status,
			Message: "the answer is no JSON object", Advice: advice(CodeNotDynamoDB),
		}
	}
	return a.Body, nil
}

// checksumMatches compares with the header X-Amz-Crc32, which DynamoDB sends
// with every answer.
func checksumMatches(header, body []byte) bool {
	want, err := strconv.ParseUint(string(header), 10, 32)
	return err == nil && uint32(want) == crc32.ChecksumIEEE(body)
}

// renew throws expired credentials away once. When others come in their place
// the request is worth repeating.
func (c *Client) renew(ctx context.Context, e *Error) {
	cache, ok := c.creds.(*aws.CredentialsCache)
	if !ok {
		return
	}
	old, err := cache.Retrieve(ctx)
	if err != nil {
		return
	}
	last := c.renewedAt.Load()
	if time.Since(time.Unix(0, last)) > time.Minute && c.renewedAt.CompareAndSwap(last, time.Now().UnixNano()) {
		cache.Invalidate()
	} else {
		// Another request has just renewed them; this one was signed before.
		e.Class = Retryable
		return
	}
	if fresh, err := cache.Retrieve(ctx); err == nil && fresh.SessionToken != old.SessionToken {
		e.Class = Retryable
	}
}

// BadAnswer is the error for an answer that came whole, as far as one can see,
// and still can't be read. The next may be better.
func (c *Client) BadAnswer(operation string, err error) *Error {
	return c.placed(operation, &Error{
		Operation: operation, Code: CodeBadAnswer, Class: Retryable, Sent: true, Status: http.StatusOK,
		Message: "the answer can't be read: " + oneLine(err.Error()), Err: err,
	})
}
