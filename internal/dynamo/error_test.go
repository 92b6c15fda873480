package dynamo

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseError(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		code   string
		class  Class
		text   string // somewhere in the message
		sent   bool
	}{
		{"coral prefix", 400, http.Header{"X-Amzn-Requestid": {"R1"}},
			`{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`,
			"ResourceNotFoundException", Permanent, "request ID R1", false},
		{"capital Message", 400, nil, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}`,
			"AccessDeniedException", Permanent, "not authorized", false},
		{"validation", 400, nil, `{"__type":"com.amazon.coral.validate#ValidationException","message":"One or more parameter values were invalid"}`,
			"ValidationException", Poison, "invalid", false},
		{"throttled", 400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}`,
			"ProvisionedThroughputExceededException", Throttled, "slow", false},
		{"conflict", 400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"x"}`,
			"TransactionConflictException", Conflict, "x", false},
		{"condition", 400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`,
			"ConditionalCheckFailedException", ConditionFailed, "conditional", false},
		{"internal", 500, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"x"}`,
			"InternalServerError", Retryable, "x", true},
		{"header type", 400, http.Header{"X-Amzn-Errortype": {"ThrottlingException:http://internal.amazon.com/"}}, `{}`,
			"ThrottlingException", Throttled, "no message", false},
		{"too large, plain text", 413, nil, "request body too large", CodeTooLarge, Poison, "HTTP 413", false},
		{"proxy page", 502, nil, "<html>\n<h1>Bad Gateway</h1>", "", Retryable, "<h1>Bad Gateway</h1>", true},
		{"not a DynamoDB", 404, nil, "404 page not found", CodeNotDynamoDB, Permanent, "endpoint is a DynamoDB", false},
		{"unknown 429", 429, nil, `{"__type":"Whoa","message":"later"}`, "Whoa", Throttled, "later", false},
		{"invalid UTF-8", 503, nil, "\xff\xfe", "", Retryable, "HTTP 503", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := parseError("Scan", test.status, test.header, []byte(test.body))
			e.Place = "eu-west-1"
			if e.Code != test.code || e.Class != test.class || e.Sent != test.sent {
				t.Errorf("code %q, class %v, sent %v; want %q, %v, %v", e.Code, e.Class, e.Sent, test.code, test.class, test.sent)
			}
			if !strings.Contains(e.Error(), test.text) || strings.Contains(e.Error(), "\n") {
				t.Errorf("message %q: want one line with %q", e.Error(), test.text)
			}
		})
	}
}

func TestThrottlingReasons(t *testing.T) {
	e := parseError("Scan", 400, nil, []byte(`{"__type":"x#ThrottlingException","message":"m","ThrottlingReasons":[`+
		`{"reason":"TableReadKeyRangeThroughputExceeded","resource":"arn:aws:dynamodb:eu-west-1:1:table/t"},17,{}]}`))
	want := ThrottlingReason{"TableReadKeyRangeThroughputExceeded", "arn:aws:dynamodb:eu-west-1:1:table/t"}
	if len(e.Throttling) != 1 || e.Throttling[0] != want {
		t.Errorf("reasons %+v, want only %+v", e.Throttling, want)
	}
}

func TestCancellationAndItemAreKept(t *testing.T) {
	e := parseError("TransactWriteItems", 400, nil, []byte(`{"__type":"x#TransactionCanceledException","Message":"m",`+
		`"CancellationReasons":[{"Code":"None"}],"Item":{"id":{"S":"1"}}}`))
	if string(e.Cancellation) != `[{"Code":"None"}]` || string(e.Item) != `{"id":{"S":"1"}}` {
		t.Errorf("kept %s and %s", e.Cancellation, e.Item)
	}
}

func TestLongMessagesAreCutAtACodePoint(t *testing.T) {
	got := oneLine(strings.Repeat("é", maxMessage))
	if !utf8.ValidString(got) || len(got) > maxMessage+3 || !strings.HasSuffix(got, "...") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-5:])
	}
}

func FuzzParseError(f *testing.F) {
	f.Add(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m","ThrottlingReasons":[{"reason":"a","resource":"b"}]}`, "Code:http://x")
	f.Add(413, "too large", "")
	f.Add(500, `{"__type":null,"Message":7}`, "")
	f.Add(302, "\xff<html>", "#:")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		e := parseError("Scan", status, http.Header{"X-Amzn-Errortype": {header}}, []byte(body))
		if e.Class < Permanent || e.Class > ConditionFailed {
			t.Errorf("class %d", e.Class)
		}
		if text := e.Message; strings.ContainsAny(text, "\n\r") || !utf8.ValidString(text) || text == "" {
			t.Errorf("message %q is not one line of text", text)
		}
	})
}
