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
)

const (
	// targetPrefix and contentType are the protocol's (AWS, "DynamoDB low-level API").
	targetPrefix = "DynamoDB_20120810."
	contentType  = "application/x-amz-json-1.0"
	// maxResponse is well past the 16 MB that a batch answers at most.
	maxResponse = 64 << 20
)

// Call sends one request, once, and returns the body of its answer, which is
// the caller's. Every error is an *Error, but for that of a cancelled ctx.
func (c *Client) Call(ctx context.Context, operation string, body []byte) ([]byte, error) {
	return c.CallInto(ctx, operation, body, nil)
}

// CallInto is Call with memory for the answer, which is of the right size after
// a while when it is that of the answer before.
func (c *Client) CallInto(ctx context.Context, operation string, body, memory []byte) ([]byte, error) {
	started := time.Now()
	attempt, cancel := context.WithTimeout(ctx, c.contacts.try(operation, c.timeout, started))
	defer cancel()
	answer, e := c.once(attempt, operation, body, memory)
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

func (c *Client) once(ctx context.Context, operation string, body, memory []byte) ([]byte, *Error) {
	request, e := c.sign(ctx, operation, body)
	if e != nil {
		return nil, e
	}
	return c.roundTrip(request, operation, memory)
}

// sign makes the signed request.
func (c *Client) sign(ctx context.Context, operation string, body []byte) (*http.Request, *Error) {
	creds, err := c.creds.Retrieve(ctx)
	if err != nil {
		return nil, credentialsError(operation, err)
	}
	endpoint := *c.endpoint // the SDK's signer writes into it
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
	if c.signer != nil {
		c.signer.sign(request, body, creds, time.Now())
	} else if err := c.sdkSigner.SignHTTP(ctx, creds, request, string(appendHash(nil, body)), service, c.region, time.Now()); err != nil {
		return nil, credentialsError(operation, err)
	}
	// The checksum is over the bytes on the wire. Unsigned, because proxies change it.
	request.Header.Set("Accept-Encoding", "identity")
	return request, nil
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

func (c *Client) roundTrip(request *http.Request, operation string, memory []byte) ([]byte, *Error) {
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, transportError(operation, err)
	}
	defer response.Body.Close()
	body, err := readBody(response, memory)
	if err != nil {
		e := transportError(operation, err)
		e.Message = "the answer broke off: " + e.Message
		return nil, e
	}
	if want := response.Header.Get("X-Amz-Crc32"); want != "" && !checksumMatches(want, body) {
		return nil, &Error{
			Operation: operation, Code: CodeChecksum, Class: Retryable, Sent: true,
			RequestID: response.Header.Get("X-Amzn-Requestid"), Status: response.StatusCode,
			Message: fmt.Sprintf("the answer's CRC-32 is not the %s that its header says", oneLine(want)),
		}
	}
	if response.StatusCode != http.StatusOK {
		return nil, parseError(operation, response.StatusCode, response.Header, body)
	}
	if len(body) == 0 || body[0] != '{' {
		return nil, &Error{
			Operation: operation, Code: CodeNotDynamoDB, Class: Permanent, Status: response.StatusCode,
			Message: "the answer is no JSON object", Advice: advice(CodeNotDynamoDB),
		}
	}
	return body, nil
}

var errTooLong = errors.New("longer than any answer of DynamoDB")

// readBody reads the whole body into memory, or more of it where that is short.
func readBody(r *http.Response, memory []byte) ([]byte, error) {
	if r.ContentLength > maxResponse {
		return nil, errTooLong
	}
	if r.ContentLength >= 0 {
		body := memory[:0]
		if int64(cap(body)) < r.ContentLength {
			body = make([]byte, r.ContentLength)
		}
		body = body[:r.ContentLength]
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	buf := bytes.NewBuffer(memory[:0])
	_, err := buf.ReadFrom(io.LimitReader(r.Body, maxResponse+1))
	if err == nil && buf.Len() > maxResponse {
		err = errTooLong
	}
	return buf.Bytes(), err
}

// checksumMatches compares with the header X-Amz-Crc32, which DynamoDB sends
// with every answer.
func checksumMatches(header string, body []byte) bool {
	want, err := strconv.ParseUint(header, 10, 32)
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
