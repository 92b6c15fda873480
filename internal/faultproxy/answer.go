package faultproxy

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
)

// Answer is an answer that the proxy makes.
type Answer struct {
	Status int
	Body   []byte
}

// The namespaces of DynamoDB's exceptions.
const (
	ofDynamoDB     = "com.amazonaws.dynamodb.v20120810#"
	ofService      = "com.amazon.coral.service#"
	ofAvailability = "com.amazon.coral.availability#"
	ofValidation   = "com.amazon.coral.validate#"
)

// Refuse is the answer with an exception, such as ValidationException.
func Refuse(status int, exception, message string) *Answer {
	return exceptionOf(status, exception, map[string]any{"message": message})
}

func exceptionOf(status int, exception string, fields map[string]any) *Answer {
	fields["__type"] = namespace(exception) + exception
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err) // fields are made of strings
	}
	return &Answer{Status: status, Body: body}
}

// namespace is what DynamoDB puts before an exception's name.
func namespace(exception string) string {
	switch exception {
	case "ValidationException":
		return ofValidation
	case "ThrottlingException":
		return ofAvailability
	case "AccessDeniedException":
		return ofService
	}
	return ofDynamoDB
}

// Reason is an entry of ThrottlingReasons (AWS API reference, ThrottlingReason):
// Table or Index, Read or Write, and one of the Limit constants; and the ARN.
type Reason struct {
	Reason   string `json:"reason"`
	Resource string `json:"resource"`
}

// The limits that a throttling reason may name.
const (
	LimitProvisioned = "ProvisionedThroughputExceeded"
	LimitKeyRange    = "KeyRangeThroughputExceeded"
	LimitAccount     = "AccountLimitExceeded"
	LimitOnDemand    = "MaxOnDemandThroughputExceeded"
)

// ThrottleLimits are all limits that a throttling reason may name.
func ThrottleLimits() []string {
	return []string{LimitProvisioned, LimitKeyRange, LimitAccount, LimitOnDemand}
}

// throttled is the answer with a throttling exception. The exceptions spell the
// list of reasons in two ways.
func throttled(exception string, reasons ...Reason) *Answer {
	list, message := "ThrottlingReasons", "The level of configured provisioned throughput for the table was exceeded."
	switch exception {
	case "ThrottlingException":
		list, message = "throttlingReasons", "Throughput exceeds the current capacity of your table or index."
	case "RequestLimitExceeded":
		message = "Throughput exceeds the current throughput limit for your account."
	}
	fields := map[string]any{"message": message}
	if len(reasons) > 0 {
		fields[list] = reasons
	}
	return exceptionOf(http.StatusBadRequest, exception, fields)
}

// canceled is the answer to a transaction of which one action has this reason
// (AWS API reference, TransactWriteItems).
func canceled(actions, failed int, code, message string) *Answer {
	type reason struct {
		Code    string
		Message string `json:",omitempty"`
	}
	reasons, codes := make([]reason, actions), make([]string, actions)
	for i := range reasons {
		reasons[i] = reason{Code: "None"}
		if i == failed {
			reasons[i] = reason{Code: code, Message: message}
		}
		codes[i] = reasons[i].Code
	}
	return exceptionOf(http.StatusBadRequest, "TransactionCanceledException", map[string]any{
		"Message": fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]",
			strings.Join(codes, ", ")),
		"CancellationReasons": reasons,
	})
}

// write sends the answer.
func (a *Answer) write(w http.ResponseWriter, id string) {
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("X-Amzn-Requestid", id)
	send(w, a.Status, a.Body)
}

// send writes a body that the proxy has made or changed, with its checksum.
func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error is a client that has gone
}
