package attr

import (
	"strings"
	"unicode/utf8"
)

// AppendJSONString appends s in quotes, with only the escapes that JSON demands
// (RFC 8259, section 7). Bytes that are not UTF-8 become U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst = append(dst, '"')
	for {
		n, _ := plainRun(bytesOf(s), 0)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
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
func AppendJSONNumber(dst []byte, text string) []byte {
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
