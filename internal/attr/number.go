package attr

import (
	"fmt"
	"strings"
)

// DynamoDB's numbers (AWS: "Supported data types and naming rules in Amazon
// DynamoDB", Number): up to 38 significant digits, positive or negative, from
// 1E-130 to 9.9999999999999999999999999999999999999E+125, and zero.
const (
	MaxDigits   = 38
	minExponent = -130
	maxExponent = 125
)

// tooFar is an exponent beyond which the exact one no longer matters.
const tooFar = 1 << 20

// decimal is where a number's parts are in its text.
type decimal struct {
	neg      bool
	from, to int // the digits from the first to the last that is not 0, a point between them included
	digits   int // how many they are; 0 for zero
	exponent int // the power of ten of the first of them
}

// scanDecimal reads a number as DynamoDB takes it: an optional sign, digits
// with an optional point, an optional exponent.
func scanDecimal(text string) (d decimal, ok bool) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		d.neg = text[i] == '-'
		i++
	}
	point, digits, zeros := -1, 0, 0 // zeros: those at the end of the digits so far
	d.from = -1
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= '1' && c <= '9':
			if d.from < 0 {
				d.from = i
			}
			d.to = i + 1
			d.digits += zeros + 1
			zeros = 0
			digits++
			continue
		case c == '0':
			if d.from >= 0 {
				zeros++
			}
			digits++
			continue
		case c == '.' && point < 0:
			point = i
			continue
		}
		break
	}
	if digits == 0 {
		return decimal{}, false
	}
	if point < 0 {
		point = i
	}
	exponent, ok := scanExponent(text[i:])
	if !ok {
		return decimal{}, false
	}
	if d.from < 0 {
		return decimal{neg: d.neg}, true
	}
	d.exponent = exponent + point - d.from
	if d.from < point {
		d.exponent--
	}
	return d, true
}

func scanExponent(text string) (exponent int, ok bool) {
	if text == "" {
		return 0, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	i, neg := 1, false
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		neg = text[i] == '-'
		i++
	}
	if i == len(text) {
		return 0, false
	}
	for ; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		exponent = min(exponent*10+int(text[i]-'0'), tooFar)
	}
	if neg {
		exponent = -exponent
	}
	return exponent, true
}

// CheckNumber reports why DynamoDB could not hold the number exactly; nil when
// it can.
func CheckNumber(text string) error {
	if isShortPlain(text) {
		return nil
	}
	d, ok := scanDecimal(text)
	if ok && d.digits <= MaxDigits && (d.digits == 0 || d.exponent >= minExponent && d.exponent <= maxExponent) {
		return nil
	}
	return numberError(text, d, ok)
}

// isShortPlain reports a number that is too short, and has no exponent, to be
// one that DynamoDB can't hold. Most numbers are.
func isShortPlain(text string) bool {
	if text == "" || len(text) > MaxDigits {
		return false
	}
	i, points := 0, 0
	if text[0] == '-' {
		i = 1
	}
	digits := len(text) - i
	for ; i < len(text); i++ {
		if c := text[i]; c-'0' > 9 {
			if c != '.' {
				return false
			}
			points++
		}
	}
	return points <= 1 && digits > points
}

func numberError(text string, d decimal, ok bool) error {
	switch shown := shorten(text); {
	case !ok:
		return fmt.Errorf("%q is not a number", shown)
	case d.digits > MaxDigits:
		return fmt.Errorf("the number %s has %d significant digits, DynamoDB keeps at most %d: store it as a string, or round it", shown, d.digits, MaxDigits)
	case d.exponent > maxExponent:
		return fmt.Errorf("the number %s is too large, DynamoDB's numbers stay below 1E+%d", shown, maxExponent+1)
	default:
		return fmt.Errorf("the number %s is too close to zero, DynamoDB's smallest is 1E%d", shown, minExponent)
	}
}

// shorten keeps a message readable whatever the text.
func shorten(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// NumberValue is a number, which keeps its spelling. It fails as CheckNumber.
func NumberValue(text string) (Value, error) {
	if err := CheckNumber(text); err != nil {
		return Value{}, err
	}
	return Value{kind: Number, text: text}, nil
}

// CanonicalNumber is the number as plain decimal: no exponent, no zeros that
// say nothing, no plus, "0" for -0. What is no number is left as it is.
func CanonicalNumber(text string) string {
	d, ok := scanDecimal(text)
	if !ok || d.digits > 0 && (d.exponent > maxExponent || d.exponent < minExponent) {
		return text
	}
	var room [192]byte
	plain := appendPlain(room[:0], text, d)
	if string(plain) == text {
		return text
	}
	return string(plain)
}

// AppendNumber appends what CanonicalNumber gives.
func AppendNumber(dst []byte, text string) []byte {
	if plainInteger(text) {
		return append(dst, text...)
	}
	d, ok := scanDecimal(text)
	if !ok || d.digits > 0 && (d.exponent > maxExponent || d.exponent < minExponent) {
		return append(dst, text...)
	}
	return appendPlain(dst, text, d)
}

// plainInteger reports a whole number from 0 that is spelled as CanonicalNumber
// spells it.
func plainInteger(text string) bool {
	if text == "" || text[0] == '0' && len(text) > 1 {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// CheckedNumber is a number of which CheckNumber has found nothing to say.
func CheckedNumber(text string) Value { return Value{kind: Number, text: text} }

// appendPlain appends a number of DynamoDB's range as plain decimal.
func appendPlain(dst []byte, text string, d decimal) []byte {
	if d.digits == 0 {
		return append(dst, '0')
	}
	if d.neg {
		dst = append(dst, '-')
	}
	whole := d.exponent + 1 // digits before the point
	if whole <= 0 {
		dst = append(dst, "0."...)
		dst = appendZeros(dst, -whole)
		return appendDigits(dst, text, d)
	}
	start := len(dst)
	dst = appendDigits(dst, text, d)
	if whole >= d.digits {
		return appendZeros(dst, whole-d.digits)
	}
	dst = append(dst, 0)
	copy(dst[start+whole+1:], dst[start+whole:])
	dst[start+whole] = '.'
	return dst
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

func appendDigits(dst []byte, text string, d decimal) []byte {
	span := text[d.from:d.to]
	if i := strings.IndexByte(span, '.'); i >= 0 {
		dst = append(dst, span[:i]...)
		span = span[i+1:]
	}
	return append(dst, span...)
}

// CompareNumbers compares two numbers by value: -1, 0 or 1. Both are valid.
func CompareNumbers(a, b string) int {
	x, _ := scanDecimal(a)
	y, _ := scanDecimal(b)
	if sx, sy := x.sign(), y.sign(); sx != sy {
		if sx < sy {
			return -1
		}
		return 1
	}
	if x.neg {
		return -compareMagnitude(a, x, b, y)
	}
	return compareMagnitude(a, x, b, y)
}

func (d decimal) sign() int {
	switch {
	case d.digits == 0:
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// compareMagnitude compares two numbers of one sign without it.
func compareMagnitude(a string, x decimal, b string, y decimal) int {
	switch {
	case x.digits == 0 || x.exponent == y.exponent:
	case x.exponent < y.exponent:
		return -1
	default:
		return 1
	}
	i, j := x.from, y.from
	for i < x.to && j < y.to {
		switch {
		case a[i] == '.':
			i++
		case b[j] == '.':
			j++
		case a[i] < b[j]:
			return -1
		case a[i] > b[j]:
			return 1
		default:
			i++
			j++
		}
	}
	switch {
	case i < x.to:
		return 1
	case j < y.to:
		return -1
	}
	return 0
}
