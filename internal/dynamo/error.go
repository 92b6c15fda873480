package dynamo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Error is a call that failed. Its text is one line, and says what to do where
// that is known. It holds no credentials (promise 8).
type Error struct {
	Operation string
	Place     string // region or endpoint
	Code      string // DynamoDB's exception, or one of the Code constants
	Message   string
	RequestID string
	Status    int // of HTTP; 0 when there was no answer
	Class     Class
	// Sent reports that the request may have taken effect all the same: its
	// answer was lost, came broken, or was an internal error.
	Sent bool
	// Throttling says what pushed back, when DynamoDB said so.
	Throttling []ThrottlingReason
	// Cancellation is a cancelled transaction's CancellationReasons, as they came.
	Cancellation json.RawMessage
	// Item is the stored item that a failed condition returned, as it came.
	Item json.RawMessage
	// Advice is what to do next; empty when nothing better is known than the message.
	Advice string
	// Err is the cause, when there was no answer.
	Err error
}

// ThrottlingReason is one entry of a throttling exception's ThrottlingReasons
// (AWS, "Diagnosing throttling"): TableWriteProvisionedThroughputExceeded,
// IndexWriteKeyRangeThroughputExceeded, ... and the ARN of the table or index.
type ThrottlingReason struct {
	Reason   string `json:"reason"`
	Resource string `json:"resource"`
}

// Error is the one-line message.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): ", e.Operation, e.Place)
	if e.Code != "" {
		b.WriteString(e.Code)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request ID %s)", e.RequestID)
	}
	if e.Advice != "" {
		b.WriteString(": ")
		b.WriteString(e.Advice)
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// errorBody is the body of an answer that is not 200. Services spell message
// and Message; encoding/json matches both.
type errorBody struct {
	Type                string            `json:"__type"`
	Message             string            `json:"message"`
	ThrottlingReasons   []json.RawMessage `json:"ThrottlingReasons"`
	CancellationReasons json.RawMessage   `json:"CancellationReasons"`
	Item                json.RawMessage   `json:"Item"`
}

// parseError makes an Error of an answer that is not 200: DynamoDB's JSON, or
// whatever a proxy in between has to say.
func parseError(operation string, status int, header http.Header, body []byte) *Error {
	e := &Error{Operation: operation, Status: status, RequestID: header.Get("X-Amzn-Requestid")}
	var parsed errorBody
	if err := json.Unmarshal(body, &parsed); err == nil {
		e.Code, e.Message = bareCode(parsed.Type), oneLine(parsed.Message)
		e.Throttling = throttlingReasons(parsed.ThrottlingReasons)
		e.Cancellation, e.Item = parsed.CancellationReasons, parsed.Item
	}
	if e.Code == "" {
		e.Code = bareCode(header.Get("X-Amzn-Errortype"))
	}
	if e.Code == "" {
		e.withoutCode(body)
	}
	if e.Message == "" {
		e.Message = "no message"
	}
	e.Class = classOf(e.Code, status)
	e.Sent = status >= 500
	e.Advice = advice(e.Code)
	return e
}

// withoutCode fills in an answer in no form that DynamoDB uses.
func (e *Error) withoutCode(body []byte) {
	e.Message = fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status))
	if text := oneLine(string(body)); text != "" {
		e.Message += ": " + text
	}
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		e.Code = CodeTooLarge
	case classOfStatus(e.Status) == Permanent:
		e.Code = CodeNotDynamoDB
	}
}

// throttlingReasons keeps the entries that can be read: they are a help, and
// one that can't be read must not hide the error.
func throttlingReasons(raw []json.RawMessage) []ThrottlingReason {
	var out []ThrottlingReason
	for _, r := range raw {
		var reason ThrottlingReason
		if json.Unmarshal(r, &reason) == nil && reason != (ThrottlingReason{}) {
			out = append(out, reason)
		}
	}
	return out
}

// bareCode cuts com.amazonaws.dynamodb.v20120810#Name, and Name:http://... of
// the header, down to Name.
func bareCode(t string) string {
	if i := strings.IndexByte(t, ':'); i >= 0 {
		t = t[:i]
	}
	return strings.TrimSpace(t[strings.LastIndexByte(t, '#')+1:])
}

// maxMessage bounds what is quoted of an answer.
const maxMessage = 500

// oneLine makes text fit for the middle of a line.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}

// advice is what to do next about errors that only the user can help.
func advice(code string) string {
	switch code {
	case "ResourceNotFoundException":
		return "check the table's name, region and endpoint, or create it (batch_write does with a create_table block)"
	case "AccessDeniedException", "AccessDenied", "NotAuthorized":
		return "allow the operation on this table in the IAM policy of the credentials in use"
	case "UnrecognizedClientException", "InvalidClientTokenId":
		return "the access key is not known there; check which credentials are in use and for which partition they are"
	case "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired":
		return "check the secret key and this machine's clock"
	case "ExpiredTokenException", "ExpiredToken":
		return "get new credentials and start again with --resume"
	case "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"IncompleteSignature", "IncompleteSignatureException":
		return "something between here and DynamoDB drops the Authorization header; check the endpoint and proxies"
	case "OptInRequired":
		return "enable the region for the account, or use another"
	case "UnknownOperationException", CodeNotDynamoDB:
		return "check that the endpoint is a DynamoDB"
	}
	return ""
}
