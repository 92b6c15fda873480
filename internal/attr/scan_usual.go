package attr

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// after is where a word ends that stands at a byte of the text; less than 0 when
// it does not stand there, or at is less than 0.
func after(text []byte, at int, word string) int {
	if end := at + len(word); at >= 0 && end <= len(text) && string(text[at:end]) == word {
		return end
	}
	return -1
}

// appendBody appends the text of a JSON string that starts at a byte, after the
// quote, and says where its closing quote is; less than 0 when something is
// wrong with it.
func appendBody(dst, text []byte, at int) (out []byte, end int) {
	start := len(dst)
	high := uint64(0)
	for {
		if cap(dst)-len(dst) < 8 {
			dst = slices.Grow(dst, 64)
		}
		if len(text)-at < 8 {
			return appendLastBody(dst, text, at, start, high)
		}
		w := binary.LittleEndian.Uint64(text[at:])
		n := len(dst)
		dst = dst[:n+8]
		binary.LittleEndian.PutUint64(dst[n:], w)
		m := marked(w)
		if m == 0 {
			high |= w
			at += 8
			continue
		}
		high |= w & (m&-m - 1)
		plain := bits.TrailingZeros64(m) / 8
		dst = dst[:n+plain]
		at += plain
		switch text[at] {
		case '"':
			if high&highBits != 0 && !ValidText(dst[start:]) {
				return dst, -1
			}
			return dst, at
		case '\\':
			if dst, at = appendEscaped(dst, text, at); at < 0 {
				return dst, -1
			}
		default:
			return dst, -1
		}
	}
}

// appendLastBody is appendBody of what is left of a string, less than 8 bytes
// before the end of the text. The string's own text is what dst has from start;
// high has the high bits of it so far.
func appendLastBody(dst, text []byte, at, start int, high uint64) (out []byte, end int) {
	for at < len(text) {
		switch c := text[at]; {
		case c == '"':
			if high&highBits != 0 && !ValidText(dst[start:]) {
				return dst, -1
			}
			return dst, at
		case c == '\\':
			if dst, at = appendEscaped(dst, text, at); at < 0 {
				return dst, -1
			}
		case c < ' ':
			return dst, -1
		default:
			high |= uint64(c)
			dst = append(dst, c)
			at++
		}
	}
	return dst, -1
}

// appendEscaped appends what the escape at a byte of the text stands for, and
// says where it ends; less than 0 when it is none.
func appendEscaped(dst, text []byte, at int) (out []byte, end int) {
	if at+1 == len(text) {
		return dst, -1
	}
	if text[at+1] == 'u' {
		r, n, why := codePoint(text[at:])
		if why != "" {
			return dst, -1
		}
		return utf8.AppendRune(dst, r), at + n
	}
	c := unescaped(text[at+1])
	if c == 0 {
		return dst, -1
	}
	return append(dst, c), at + 2
}

// bareEnd is where the closing quote of a string is that starts at a byte, after
// the quote, and has no escapes; less than 0 when it is otherwise.
func bareEnd(text []byte, at int) int {
	n, high := plainRun(text[at:], 0)
	end := at + n
	if end == len(text) || text[end] != '"' || high != 0 && !ValidText(text[at:end]) {
		return -1
	}
	return end
}

// shortNumber is where a number ends that starts at a byte, is as JSON spells
// numbers, has no exponent, and is too short to be one that DynamoDB can't hold;
// less than 0 when it is otherwise. What follows is for the caller to look at.
func shortNumber(text []byte, at int) int {
	i := at
	if i < len(text) && text[i] == '-' {
		i++
	}
	whole := i
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if i == whole || text[whole] == '0' && i > whole+1 {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		i++
		fraction := i
		for i < len(text) && text[i]-'0' <= 9 {
			i++
		}
		if i == fraction {
			return -1
		}
	}
	if i-at > MaxDigits {
		return -1
	}
	return i
}

// endsNumber reports that a number that goes up to a byte of the text ends there.
func endsNumber(text []byte, at int) bool {
	return at < len(text) && (text[at] == ',' || text[at] == '}' || text[at] == ']')
}

// compact is where the value at a byte of the text ends, which is in DynamoDB
// JSON as CompactDynamoJSON spells it; less than 0 when it is not, or when that
// takes a closer look. depth is that of a list or map, should it be one.
func (s *scanner) compact(at, depth int) int {
	text := s.text
	if at < 0 || len(text)-at < len(`{"S":""}`) || text[at] != '{' || text[at+1] != '"' || depth > MaxDepth {
		return -1
	}
	if text[at+3] != '"' || text[at+4] != ':' {
		return compactWord(text, at)
	}
	payload := at + len(`{"S":`)
	switch text[at+2] {
	case 'S':
		if text[payload] == '"' {
			return after(text, bareEnd(text, payload+1), `"}`)
		}
	case 'N':
		if text[payload] == '"' {
			return after(text, shortNumber(text, payload+1), `"}`)
		}
	case 'L':
		return after(text, s.compactList(payload, depth), `}`)
	case 'M':
		return after(text, s.compactMap(payload, depth), `}`)
	}
	return -1
}

// compactWord is compact of what is always the same.
func compactWord(text []byte, at int) int {
	for _, word := range [...]string{`{"BOOL":true}`, `{"BOOL":false}`, `{"NULL":true}`} {
		if end := after(text, at, word); end > 0 {
			return end
		}
	}
	return -1
}

func (s *scanner) compactList(at, depth int) int {
	text := s.text
	if text[at] != '[' {
		return -1
	}
	if text[at+1] == ']' {
		return at + 2
	}
	for {
		end := s.compact(at+1, depth+1)
		if end < 0 || end == len(text) {
			return -1
		}
		if text[end] == ']' {
			return end + 1
		}
		if text[end] != ',' {
			return -1
		}
		at = end
	}
}

func (s *scanner) compactMap(at, depth int) int {
	text := s.text
	if text[at] != '{' {
		return -1
	}
	if text[at+1] == '}' {
		return at + 2
	}
	s.seen.push()
	defer s.seen.pop()
	for {
		name := after(text, at+1, `"`)
		if name < 0 {
			return -1
		}
		end := bareEnd(text, name)
		if end < 0 || !s.seen.add(text[name:end]) {
			return -1
		}
		if end = s.compact(after(text, end, `":`), depth+1); end < 0 || end == len(text) {
			return -1
		}
		if text[end] == '}' {
			return end + 1
		}
		if text[end] != ',' {
			return -1
		}
		at = end
	}
}

// appendPlain appends a plain JSON value at a byte of the text as compact
// DynamoDB JSON, and says where it ends; less than 0 when that takes a closer
// look. Objects do.
func (s *scanner) appendPlain(dst []byte, at, depth int) (out []byte, end int) {
	text := s.text
	if at >= len(text) {
		return dst, -1
	}
	switch text[at] {
	case '"':
		if end = bareEnd(text, at+1); end < 0 {
			return dst, -1
		}
		dst = append(dst, `{"S":`...)
		dst = append(dst, text[at:end+1]...)
		return append(dst, '}'), end + 1
	case '[':
		return s.appendPlainList(dst, at, depth)
	case '{', 't', 'f', 'n':
		return dst, -1
	}
	if end = shortNumber(text, at); end < 0 || !endsNumber(text, end) {
		return dst, -1
	}
	dst = append(dst, `{"N":"`...)
	dst = append(dst, text[at:end]...)
	return append(dst, `"}`...), end
}

func (s *scanner) appendPlainList(dst []byte, at, depth int) (out []byte, end int) {
	text := s.text
	if depth > MaxDepth || at+1 >= len(text) {
		return dst, -1
	}
	dst = append(dst, `{"L":[`...)
	if text[at+1] == ']' {
		return append(dst, `]}`...), at + 2
	}
	for {
		if dst, end = s.appendPlain(dst, at+1, depth+1); end < 0 || end == len(text) {
			return dst, -1
		}
		switch text[end] {
		case ']':
			return append(dst, `]}`...), end + 1
		case ',':
			dst = append(dst, ',')
		default:
			return dst, -1
		}
		at = end
	}
}
