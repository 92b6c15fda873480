package dynamo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
)

// inTime is the message of a timeout, for whoever knows how long it was.
const inTime = "no answer in time"

// transportError makes an Error of a request that got no whole answer.
func transportError(operation string, err error) *Error {
	e := &Error{Operation: operation, Code: CodeConnection, Err: err, Sent: maySent(err), Class: Retryable}
	e.Message = oneLine(rootMessage(err))
	var dns *net.DNSError
	switch {
	case isTLS(err):
		e.Class = Permanent
		e.Message = "TLS: " + e.Message
		e.Advice = "check the endpoint's scheme and certificate; AWS_CA_BUNDLE names a file of further authorities"
	case isTimeout(err):
		e.Code, e.Message = CodeTimeout, inTime
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Message = "no such host " + dns.Name
		e.Advice = "check the region and the endpoint"
	case !e.Sent:
		e.Advice = "check the endpoint, and that something listens there"
	}
	return e
}

// maySent reports that the request may have reached the server: everything but
// a failure to connect at all. Unsure is yes.
func maySent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return false
	}
	return !isTLS(err)
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var alert tls.AlertError
	return errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &authority) ||
		errors.As(err, &host) || errors.As(err, &alert) ||
		// net/http replaces the record error by text when a plain HTTP server answers.
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// rootMessage is the innermost network error's text, without the layers that
// repeat URL and method.
func rootMessage(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
