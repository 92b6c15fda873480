package attr

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// AppendJSONString appends s in quotes, with only the escapes that JSON demands
// (RFC 8259, section 7). Bytes that are not UTF-8 become U+FFFD.
func AppendJSONString(dst []byte, s string) []byte { return AppendJSONText(dst, bytesOf(s)) }

// AppendJSONText is AppendJSONString of bytes.
func AppendJSONText(dst, text []byte) []byte {
	start := len(dst)
	dst = append(dst, '"')
	high := uint64(0)
	for rest := text; ; {
		var n int
		n, high = plainRun(rest, high)
		dst = append(dst, rest[:n]...)
		if n == len(rest) {
			break
		}
		dst = appendEscape(dst, rest[n])
		rest = rest[n+1:]
	}
	if high != 0 && !ValidText(text) {
		return AppendJSONText(dst[:start], bytes.ToValidUTF8(text, []byte("\uFFFD")))
	}
	return append(dst, '"')
}

// JSONHoldsBare reports that JSON can hold each of these cells between quotes
// as it is: it is UTF-8 and has nothing to be escaped. offsets is where each
// starts and the last one ends, the first at the beginning of data.
func JSONHoldsBare(offsets []int32, data []byte) bool {
	n, high := plainRun(data, 0)
	if n < len(data) {
		return false
	}
	if high == 0 {
		return true
	}
	// Cells that are UTF-8 one after the other are so each when none of them
	// starts in the middle of a character.
	for _, at := range offsets {
		if i := int(at - offsets[0]); i < len(data) && !utf8.RuneStart(data[i]) {
			return false
		}
	}
	return ValidText(data)
}

// ValidText is utf8.Valid for text that is ASCII for the most part, here and there
// interrupted: that one skips ASCII eight bytes at a time only at the start.
func ValidText(b []byte) bool {
	for len(b) >= 8 {
		high := binary.LittleEndian.Uint64(b) & highBits
		if high == 0 {
			b = b[8:]
			continue
		}
		b = b[bits.TrailingZeros64(high)/8:]
		for len(b) > 0 && b[0] >= utf8.RuneSelf {
			c, n := utf8.DecodeRune(b)
			if c == utf8.RuneError && n == 1 {
				return false
			}
			b = b[n:]
		}
	}
	return utf8.Valid(b)
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendJSONNumber appends a number as it is spelled, or, where JSON does not
// have that spelling (+1, 007, .5, 5.), the nearest that it has. What is no
// number becomes a string.
func AppendJSONNumber(dst []byte, text string) []byte { return AppendJSONDigits(dst, bytesOf(text)) }

// AppendJSONDigits is AppendJSONNumber of bytes.
func AppendJSONDigits(dst, number []byte) []byte {
	text := view(number)
	if jsonNumber(text) == len(text) && text != "" {
		return append(dst, text...)
	}
	if _, ok := scanDecimal(text); !ok {
		return AppendJSONString(dst, text)
	}
	if text[0] == '-' {
		dst = append(dst, '-')
	}
	text = strings.TrimLeft(text, "+-")
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	dst = append(dst, whole...)
	if fraction != "" {
		dst = append(dst, '.')
		dst = append(dst, fraction...)
	}
	return append(dst, exponent...)
}

// jsonNumber is the length of the JSON number (RFC 8259, section 6) at the
// start of the text; 0 when there is none.
func jsonNumber(text string) int {
	i := 0
	if i < len(text) && text[i] == '-' {
		i++
	}
	n := digitRun(text[i:])
	if n == 0 {
		return 0
	}
	if text[i] == '0' {
		n = 1
	}
	i += n
	if i < len(text) && text[i] == '.' {
		if n = digitRun(text[i+1:]); n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		j := i + 1
		if j < len(text) && (text[j] == '+' || text[j] == '-') {
			j++
		}
		if n = digitRun(text[j:]); n == 0 {
			return 0
		}
		i = j + n
	}
	return i
}

func digitRun(text string) int {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return i
		}
	}
	return len(text)
}
