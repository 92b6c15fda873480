package wire

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What is taken for an ordinary answer is to net/http the same answer.
func FuzzOrdinary(f *testing.F) {
	for _, seed := range []string{
		ordinaryAnswer,
		"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\ncontent-length:\t 3 \r\nX-: \x80\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Amz-Crc32: 1\r\nX-Amz-Crc32: 2\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\n X-Folded: 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nX: a\r\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\rContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nX y: 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\n: 1\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\n\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > readBuffer {
			return
		}
		end := strings.Index(text, string(blankLine))
		if end < 0 {
			return
		}
		end += len(blankLine)
		var a Answer
		length, ok := a.ordinary([]byte(text[:end]))
		if !ok {
			return
		}
		r := bufio.NewReader(strings.NewReader(text))
		theirs, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%q: net/http refuses it: %v", text, err)
		}
		if theirs.StatusCode != http.StatusOK || theirs.Close || theirs.ContentLength != int64(length) || !theirs.ProtoAtLeast(1, 1) {
			t.Fatalf("%q: %d bytes, to net/http %+v", text, length, theirs)
		}
		if string(a.checksum) != theirs.Header.Get(checksumField) || string(a.requestID) != theirs.Header.Get(requestIDField) {
			t.Fatalf("%q: %q and %q, to net/http %v", text, a.checksum, a.requestID, theirs.Header)
		}
		body, err := io.ReadAll(theirs.Body)
		if rest := text[end:]; err == nil && string(body) != rest[:length] {
			t.Fatalf("%q: net/http has a body of %q", text, body)
		}
	})
}

// An answer that is as DynamoDB sends it is ordinary: the way that is tested
// here is the one that is taken.
func TestOrdinary(t *testing.T) {
	head := strings.TrimSuffix(ordinaryAnswer, "{}")
	var a Answer
	length, ok := a.ordinary([]byte(head))
	if !ok || length != 2 || string(a.checksum) != "2745614147" || string(a.requestID) != "ABC" {
		t.Errorf("%d, %v, %q, %q", length, ok, a.checksum, a.requestID)
	}
	if n := testing.AllocsPerRun(100, func() {
		a.reset()
		if _, ok := a.ordinary([]byte(head)); !ok {
			t.Error("not ordinary the second time")
		}
	}); n > 1 { // the head's
		t.Errorf("%v allocations", n)
	}
}
