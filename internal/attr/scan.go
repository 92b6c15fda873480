package attr

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how many lists and maps may stand within each other in one
// attribute value (AWS: "Constraints in Amazon DynamoDB", Nested attribute
// depth). Whether the innermost value counts as a level is left to the service.
const MaxDepth = 32

// SyntaxError says what is wrong with a text and at which byte of it.
type SyntaxError struct {
	Offset  int // of the byte, counted from 0
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Message) }

// scanner reads JSON (RFC 8259) strictly. Its first error stays, and moves it
// to the end of the text, so that every loop over it ends.
type scanner struct {
	text []byte
	pos  int
	err  error

	decoded []byte // the last name or string that had escapes
	bin     []byte // the last decoded base64
	seen    uniques
}

func (s *scanner) reset(text []byte) {
	s.text, s.pos, s.err = text, 0, nil
	s.seen.reset()
}

func (s *scanner) failf(at int, format string, args ...any) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: at, Message: fmt.Sprintf(format, args...)}
		s.pos = len(s.text)
	}
}

// peek is the next byte that is not space; 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		s.pos++
	}
	return 0
}

// take consumes the byte c, after space.
func (s *scanner) take(c byte) bool {
	if s.peek() == c && s.pos < len(s.text) {
		s.pos++
		return true
	}
	return false
}

// expect consumes the byte c, or fails.
func (s *scanner) expect(c byte, where string) bool {
	if s.take(c) {
		return true
	}
	s.failf(s.pos, "expected %q %s, found %s", c, where, s.found())
	return false
}

// found names what stands at the position, for a message.
func (s *scanner) found() string {
	if s.pos >= len(s.text) {
		return "the end of the text"
	}
	r, _ := utf8.DecodeRune(s.text[s.pos:])
	return fmt.Sprintf("%q", r)
}

// open consumes the byte that opens an object or array and reports whether it
// has a member.
func (s *scanner) open(begin, end byte, what string) bool {
	if s.peek() != begin {
		s.failf(s.pos, "%s must be %s, found %s", what, container(begin), s.found())
		return false
	}
	s.pos++
	return s.err == nil && !s.take(end)
}

func container(begin byte) string {
	if begin == '{' {
		return "an object"
	}
	return "an array"
}

// more consumes the comma before another member, or the closing byte.
func (s *scanner) more(end byte) bool {
	if s.err != nil {
		return false
	}
	if s.take(',') {
		if s.peek() == end {
			s.failf(s.pos, "a comma must be followed by another member")
		}
		return s.err == nil
	}
	if !s.take(end) {
		s.failf(s.pos, "expected ',' or %q, found %s", end, s.found())
	}
	return false
}

// name consumes a member's name and its colon. It is valid until the next name.
func (s *scanner) name() []byte {
	if s.peek() != '"' {
		s.failf(s.pos, "expected a name in quotes, found %s", s.found())
		return nil
	}
	name := s.str("a name")
	s.expect(':', "after a name")
	return name
}

// end checks that nothing but space is left.
func (s *scanner) end() error {
	if s.err == nil && s.peek() != 0 || s.err == nil && s.pos < len(s.text) {
		s.failf(s.pos, "expected the end of the text, found %s", s.found())
	}
	return s.err
}

// literal consumes one of JSON's words.
func (s *scanner) literal(word string) {
	end := s.pos + len(word)
	if end > len(s.text) || string(s.text[s.pos:end]) != word {
		s.failf(s.pos, "expected a value, found %s", s.found())
		return
	}
	s.pos = end
}

// str consumes a string and gives its text, which is valid until the next one.
func (s *scanner) str(what string) []byte {
	raw, escaped, at := s.raw(what)
	if !escaped {
		return raw
	}
	s.decoded = s.unescape(s.decoded[:0], raw, at)
	return s.decoded
}

// appendStr consumes a string and appends its text.
func (s *scanner) appendStr(dst []byte, what string) []byte {
	raw, escaped, at := s.raw(what)
	if !escaped {
		return append(dst, raw...)
	}
	return s.unescape(dst, raw, at)
}

// appendQuoted consumes a string and appends it in quotes, as AppendJSONString
// spells it.
func (s *scanner) appendQuoted(dst []byte, what string) []byte {
	raw, escaped, at := s.raw(what)
	if escaped {
		s.decoded = s.unescape(s.decoded[:0], raw, at)
		return AppendJSONString(dst, view(s.decoded))
	}
	dst = append(dst, '"')
	dst = append(dst, raw...)
	return append(dst, '"')
}

// raw consumes a string and gives what is between the quotes, valid UTF-8
// without control characters, and where it starts.
func (s *scanner) raw(what string) (raw []byte, escaped bool, at int) {
	if s.peek() != '"' {
		s.failf(s.pos, "%s must be a string, found %s", what, s.found())
		return nil, false, s.pos
	}
	at = s.pos + 1
	var high uint64
	for i := at; ; {
		var n int
		n, high = plainRun(s.text[i:], high)
		i += n
		if i >= len(s.text) {
			s.failf(at-1, "%s has no closing quote", what)
			return nil, false, at
		}
		switch c := s.text[i]; c {
		case '"':
			raw = s.text[at:i]
			s.pos = i + 1
			if high != 0 && !ValidText(raw) {
				s.failf(at+invalidUTF8(raw), "%s is not valid UTF-8", what)
			}
			return raw, escaped, at
		case '\\':
			escaped = true
			i = min(i+2, len(s.text))
		default:
			s.failf(i, "the control character 0x%02x must be escaped in a string", c)
			return nil, false, at
		}
	}
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// marked has the high bit of the lowest byte of w that JSON can't have bare in
// a string: a quote, a backslash or a control character. Higher bits may err.
func marked(w uint64) uint64 {
	below := w - everyByte*' '
	quote := (w ^ everyByte*'"') - everyByte
	slash := (w ^ everyByte*'\\') - everyByte
	return (below | quote | slash) &^ w & highBits
}

// plainRun is the number of leading bytes that stand bare in a JSON string.
// high gets a bit when a byte beyond ASCII was met, at the latest in the run.
func plainRun(b []byte, high uint64) (int, uint64) {
	rest := b
	for len(rest) >= 32 { // of a long run; where it ends is looked for below
		w0, w1 := binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:])
		w2, w3 := binary.LittleEndian.Uint64(rest[16:]), binary.LittleEndian.Uint64(rest[24:])
		if marked(w0)|marked(w1)|marked(w2)|marked(w3) != 0 {
			break
		}
		high |= (w0 | w1 | w2 | w3) & highBits
		rest = rest[32:]
	}
	for len(rest) >= 8 {
		w := binary.LittleEndian.Uint64(rest)
		high |= w & highBits
		if m := marked(w); m != 0 {
			return len(b) - len(rest) + bits.TrailingZeros64(m)/8, high
		}
		rest = rest[8:]
	}
	if last := len(b) - 8; last >= 0 && len(rest) > 0 { // with bytes that have been looked at
		w := binary.LittleEndian.Uint64(b[last:])
		high |= w & highBits
		if m := marked(w); m != 0 {
			return last + bits.TrailingZeros64(m)/8, high
		}
		return len(b), high
	}
	for i, c := range rest {
		high |= uint64(c & 0x80)
		if c < ' ' || c == '"' || c == '\\' {
			return len(b) - len(rest) + i, high
		}
	}
	return len(b), high
}

// unescape appends the text of a raw string that stands at byte at.
func (s *scanner) unescape(dst, raw []byte, at int) []byte {
	dst, bad, why := unescape(dst, raw)
	if bad >= 0 {
		s.failf(at+bad, "%s", why)
	}
	return dst
}

// unescape appends the text of a raw string; bad is the index of an escape that
// is wrong, else -1.
func unescape(dst, raw []byte) (out []byte, bad int, why string) {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			n, _ := plainRun(raw[i+1:], 0)
			n++
			dst = append(dst, raw[i:i+n]...)
			i += n
			continue
		}
		if i+1 == len(raw) {
			return dst, i, "a backslash must be followed by an escape"
		}
		if raw[i+1] != 'u' {
			c := unescaped(raw[i+1])
			if c == 0 {
				return dst, i, fmt.Sprintf(`\%c is no escape of JSON`, rune(raw[i+1]))
			}
			dst = append(dst, c)
			i += 2
			continue
		}
		r, n, why := codePoint(raw[i:])
		if why != "" {
			return dst, i, why
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst, -1, ""
}

// unescaped is the character that the escape \c stands for; 0 when there is none.
func unescaped(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

// codePoint reads \uXXXX, or two of them that are a surrogate pair.
func codePoint(b []byte) (r rune, n int, why string) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0, `\u must be followed by four hexadecimal digits`
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, ""
	}
	if low, ok := hex4(b[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12, ""
		}
	}
	return 0, 0, fmt.Sprintf(`%s is half of a surrogate pair: it stands for no character`, b[:6])
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// view is b as a string that shares its memory: for lookups and for copying,
// never to be kept.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is s as bytes that share its memory, to be read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
