package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxBody is well past the 16 MB that DynamoDB answers at most.
const MaxBody = 64 << 20

// maxEarly is how many answers may come before the one that ends a request.
const maxEarly = 8

var errTooLong = errors.New("longer than any answer of DynamoDB")

// Answer is an answer and its memory, which the next one overwrites.
type Answer struct {
	Status int // 0: none came
	Body   []byte

	// Of an ordinary answer the fields that are asked for, of another all.
	checksum, requestID []byte
	header              http.Header

	whole bool // all the fields are wanted
}

const (
	checksumField  = "X-Amz-Crc32"
	requestIDField = "X-Amzn-Requestid"
)

// Checksum is DynamoDB's checksum of the body, which has come; empty when there
// is none.
func (a *Answer) Checksum() []byte {
	if a.header != nil {
		return []byte(a.header.Get(checksumField))
	}
	return a.checksum
}

// RequestID is what DynamoDB calls the request.
func (a *Answer) RequestID() string {
	if a.header != nil {
		return a.header.Get(requestIDField)
	}
	return string(a.requestID)
}

// Header is the fields of an answer that is not ordinary: of any whose status
// is not 200.
func (a *Answer) Header() http.Header { return a.header }

func (a *Answer) reset() {
	*a = Answer{Body: a.Body[:0], checksum: a.checksum[:0], requestID: a.requestID[:0], whole: a.whole}
}

// read reads an answer, the first byte of which is there.
func (a *Answer) read(c *conn) (keep bool, err error) {
	if head, ok := c.head(); ok && !a.whole {
		if length, ok := a.ordinary(head); ok {
			_, _ = c.r.Discard(len(head))
			c.headEnds()
			a.Status = http.StatusOK
			if err := a.readBody(c.r, length); err != nil {
				return false, err
			}
			return c.r.Buffered() == 0, nil
		}
	}
	response, err := c.response(nil)
	if err != nil {
		return false, err
	}
	if err := a.Take(response); err != nil {
		return false, err
	}
	return !response.Close && c.r.Buffered() == 0, nil
}

// response reads an answer as net/http does. Those that only announce it are
// passed over.
func (c *conn) response(r *http.Request) (*http.Response, error) {
	for range maxEarly {
		response, err := http.ReadResponse(c.r, r)
		if err != nil {
			return nil, fmt.Errorf("the answer can't be read: %w", err)
		}
		switch code := response.StatusCode; {
		case code == http.StatusSwitchingProtocols:
			response.Close = true
			fallthrough
		case code < 100, code > 199:
			c.headEnds()
			return response, nil
		}
	}
	return nil, fmt.Errorf("the answer can't be read: %d times only the announcement of one came", maxEarly)
}

// Take takes an answer that net/http has read.
func (a *Answer) Take(response *http.Response) error {
	defer response.Body.Close()
	a.reset()
	a.Status, a.header = response.StatusCode, response.Header
	return a.readBody(response.Body, int(min(response.ContentLength, MaxBody+1)))
}

// readBody reads a body of that length, or, when it is negative, to its end.
func (a *Answer) readBody(r io.Reader, length int) error {
	if length > MaxBody {
		return errTooLong
	}
	if length >= 0 {
		if cap(a.Body) < length {
			a.Body = make([]byte, length)
		}
		a.Body = a.Body[:length]
		_, err := io.ReadFull(r, a.Body)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	buf := bytes.NewBuffer(a.Body[:0])
	_, err := buf.ReadFrom(io.LimitReader(r, MaxBody+1))
	if err == nil && buf.Len() > MaxBody {
		err = errTooLong
	}
	a.Body = buf.Bytes()
	return err
}

var (
	blankLine = []byte("\r\n\r\n")
	// What also ends a head for net/http, and no ordinary one.
	otherBlankLines = [][]byte{[]byte("\n\n"), []byte("\n\r\n")}
)

// head is the answer's head, if it may be ordinary and all of it can be in the
// buffer.
func (c *conn) head() (head []byte, ok bool) {
	for {
		have, _ := c.r.Peek(c.r.Buffered())
		if end := bytes.Index(have, blankLine); end >= 0 {
			return have[:end+len(blankLine)], true
		}
		start := min(len(have), len(ordinaryStatus))
		if len(have) == c.r.Size() || string(have[:start]) != ordinaryStatus[:start] {
			return nil, false
		}
		for _, end := range otherBlankLines {
			if bytes.Contains(have, end) {
				return nil, false
			}
		}
		if _, err := c.r.Peek(len(have) + 1); err != nil {
			return nil, false
		}
	}
}

const ordinaryStatus = "HTTP/1.1 200"

// ordinary reads a head that says 200 and how long the body is, and nothing that
// would change what that means. Any other is left to net/http, which would have
// read this one alike: FuzzOrdinary compares them.
func (a *Answer) ordinary(head []byte) (length int, ok bool) {
	status, rest, _ := bytes.Cut(head, lineEnd)
	if len(status) < len(ordinaryStatus) || string(status[:len(ordinaryStatus)]) != ordinaryStatus ||
		len(status) > len(ordinaryStatus) && status[len(ordinaryStatus)] != ' ' || bytes.IndexByte(status, '\n') >= 0 {
		return 0, false
	}
	length = -1
	for len(rest) > len(lineEnd) {
		end := bytes.IndexByte(rest, '\n')
		if end < 1 || rest[end-1] != '\r' {
			return 0, false
		}
		line := rest[:end-1]
		rest = rest[end+1:]
		name, value, ok := field(line)
		if !ok {
			return 0, false
		}
		switch {
		case is(name, "content-length"):
			n, ok := digits(value)
			if !ok || length >= 0 {
				return 0, false
			}
			length = n
		case is(name, "connection"):
			if !is(value, "keep-alive") {
				return 0, false
			}
		case is(name, "transfer-encoding"):
			return 0, false
		case is(name, "x-amz-crc32"):
			if len(a.checksum) > 0 || len(value) == 0 {
				return 0, false
			}
			a.checksum = append(a.checksum, value...)
		case is(name, "x-amzn-requestid"):
			if len(a.requestID) > 0 || len(value) == 0 {
				return 0, false
			}
			a.requestID = append(a.requestID, value...)
		}
	}
	return length, length >= 0
}

var lineEnd = []byte("\r\n")

// field cuts a line into a name and its value.
func field(line []byte) (name, value []byte, ok bool) {
	for i, c := range line {
		if c == ':' {
			name, value = line[:i], bytes.Trim(line[i+1:], " \t")
			break
		}
		if !isToken[c] {
			return nil, nil, false
		}
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, nil, false
		}
	}
	return name, value, len(name) > 0
}

// is reports that a text is that of lower case, which it may spell in any.
func is(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// digits is a number of up to nine digits.
func digits(text []byte) (n int, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(text) > 0 && len(text) <= 9
}

// isToken has the bytes that a field's name is made of (RFC 9110, section 5.6.2).
var isToken = tokens()

func tokens() (set [256]bool) {
	for c := range set {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		set[c] = letter || c < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return set
}
