package expr

import (
	"math/bits"
	"slices"
	"strconv"
)

// small is coef / 10^scale: the numbers that loops compute with, without making
// text of them in between. coef has at most 18 digits, so that two of them can
// be added; scale is from 0 to maxScale, so that no result leaves DynamoDB's
// range. Zero has scale 0.
type small struct {
	coef  int64
	scale int32
}

const (
	smallDigits = 18
	maxSmall    = 999_999_999_999_999_999
	maxScale    = 50
)

var powersOfTen = func() (p [smallDigits + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// parseSmall reads a number of at most 18 characters without an exponent. It
// reads no text that attr.CheckNumber refuses.
func parseSmall(text string) (small, bool) {
	if text == "" || len(text) > smallDigits {
		return small{}, false
	}
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	var coef int64
	point := -1
	for i := range len(digits) {
		c := digits[i] - '0'
		switch {
		case c <= 9:
			coef = coef*10 + int64(c)
		case digits[i] == '.' && point < 0:
			point = i
		default:
			return small{}, false
		}
	}
	scale := 0
	if point >= 0 {
		scale = len(digits) - 1 - point
	}
	switch {
	case digits == "" || digits == ".":
		return small{}, false
	case coef == 0:
		return small{}, true
	case len(digits) < len(text):
		coef = -coef
	}
	return small{coef, int32(scale)}, true
}

func (n small) sign() int {
	switch {
	case n.coef < 0:
		return -1
	case n.coef > 0:
		return 1
	}
	return 0
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// compare is -1, 0 or 1.
func (n small) compare(other small) int {
	if n.scale == other.scale {
		switch {
		case n.coef < other.coef:
			return -1
		case n.coef > other.coef:
			return 1
		}
		return 0
	}
	if sign := n.sign(); sign != other.sign() || sign == 0 {
		return max(-1, min(1, sign-other.sign()))
	}
	if n.scale > other.scale {
		return -other.compare(n)
	}
	// n has to be multiplied to the scale of the other one.
	d := other.scale - n.scale
	if d > smallDigits {
		return n.sign() // at least 10^19, more than any coefficient
	}
	hi, lo := bits.Mul64(magnitude(n.coef), powersOfTen[d])
	switch m := magnitude(other.coef); {
	case hi > 0 || lo > m:
		return n.sign()
	case lo < m:
		return -n.sign()
	}
	return 0
}

// aligned gives two numbers one scale; false when a coefficient gets too long.
func aligned(a, b small) (x, y int64, scale int32, ok bool) {
	if a.scale == b.scale {
		return a.coef, b.coef, a.scale, true
	}
	if a.scale > b.scale {
		y, x, scale, ok = aligned(b, a)
		return x, y, scale, ok
	}
	d := b.scale - a.scale
	if d > smallDigits {
		return 0, 0, 0, false
	}
	hi, lo := bits.Mul64(magnitude(a.coef), powersOfTen[d])
	if hi > 0 || lo > maxSmall {
		return 0, 0, 0, false
	}
	x = int64(lo)
	if a.coef < 0 {
		x = -x
	}
	return x, b.coef, b.scale, true
}

// smallOf is coef / 10^scale; false when it is not small.
func smallOf(coef int64, scale int32) (small, bool) {
	if coef == 0 {
		return small{}, true
	}
	return small{coef, scale}, coef <= maxSmall && coef >= -maxSmall && scale <= maxScale
}

func (n small) plus(other small) (small, bool) {
	x, y, scale, ok := aligned(n, other)
	if !ok {
		return small{}, false
	}
	return smallOf(x+y, scale)
}

// over divides by a whole power of ten, which only moves the point; false for
// any other divisor.
func (n small) over(other small) (small, bool) {
	power, found := slices.BinarySearch(powersOfTen[:], uint64(max(other.coef, 0)))
	if !found || other.scale > 0 {
		return small{}, false
	}
	coef, scale := n.coef, n.scale+int32(power)
	for scale > 0 && coef%10 == 0 && coef != 0 {
		coef /= 10
		scale--
	}
	return smallOf(coef, scale)
}

func (n small) negated() small { return small{-n.coef, n.scale} }

func (n small) times(other small) (small, bool) {
	hi, lo := bits.Mul64(magnitude(n.coef), magnitude(other.coef))
	if hi > 0 || lo > maxSmall {
		return small{}, false
	}
	coef := int64(lo)
	if n.coef < 0 != (other.coef < 0) {
		coef = -coef
	}
	return smallOf(coef, n.scale+other.scale)
}

// modulo has the sign of n. other is not zero.
func (n small) modulo(other small) (small, bool) {
	x, y, scale, ok := aligned(n, other)
	if !ok {
		return small{}, false
	}
	return smallOf(x%y, scale)
}

// whole is the largest whole number that is not above n, or with up the
// smallest that is not below it.
func (n small) whole(up bool) small {
	if n.scale == 0 {
		return n
	}
	unit := int64(0)
	if n.scale <= smallDigits {
		unit = int64(powersOfTen[n.scale])
	}
	q, rest := int64(0), n.coef
	if unit > 0 {
		q, rest = n.coef/unit, n.coef%unit
	}
	switch {
	case rest > 0 && up:
		q++
	case rest < 0 && !up:
		q--
	}
	return small{coef: q}
}

// index is n as an integer; false when it is none.
func (n small) index() (int64, bool) {
	if q := n.whole(false); q.compare(n) == 0 {
		return q.coef, true
	}
	return 0, false
}

// append appends n as attr.CanonicalNumber spells it.
func (n small) append(dst []byte) []byte {
	for n.scale > 0 && n.coef%10 == 0 {
		n.coef /= 10
		n.scale--
	}
	if n.scale == 0 {
		return strconv.AppendInt(dst, n.coef, 10)
	}
	return wide{neg: n.coef < 0, lo: magnitude(n.coef), scale: int(n.scale)}.append(dst)
}

// wide is a number of at most 38 digits: what two small ones may give.
type wide struct {
	neg    bool
	hi, lo uint64
	scale  int // below zero: that many zeros follow
}

// wideProduct is exact: it has at most 36 digits.
func wideProduct(a, b small) wide {
	hi, lo := bits.Mul64(magnitude(a.coef), magnitude(b.coef))
	return wide{neg: a.coef < 0 != (b.coef < 0), hi: hi, lo: lo, scale: int(a.scale) + int(b.scale)}
}

// wideSum is exact: it has at most 37 digits. It is false when the scales are
// too far apart for that.
func wideSum(a, b small) (wide, bool) {
	if a.scale > b.scale {
		a, b = b, a
	}
	d := b.scale - a.scale
	if d > smallDigits {
		return wide{}, false
	}
	hi, lo := bits.Mul64(magnitude(a.coef), powersOfTen[d])
	m := magnitude(b.coef)
	w := wide{neg: a.coef < 0, scale: int(b.scale)}
	var carry uint64
	switch {
	case a.coef < 0 == (b.coef < 0):
		w.lo, carry = bits.Add64(lo, m, 0)
		w.hi = hi + carry
	case hi > 0 || lo >= m:
		w.lo, carry = bits.Sub64(lo, m, 0)
		w.hi = hi - carry
	default:
		w.lo, w.neg = m-lo, b.coef < 0
	}
	return w, true
}

// wideQuotient is a / b, rounded half-even to 38 digits. b is not zero.
func wideQuotient(a, b small) wide {
	const most = 38
	x, y := magnitude(a.coef), magnitude(b.coef)
	w := wide{neg: a.coef < 0 != (b.coef < 0), lo: x / y, scale: int(a.scale) - int(b.scale)}
	rest := x % y
	digits := decimals(w.lo)
	for rest > 0 && digits < most {
		step := min(smallDigits, most-digits)
		// rest < y, so the quotient fits; and as y has at most 18 digits, the
		// first step of 18 gives at least 1.
		hi, lo := bits.Mul64(rest, powersOfTen[step])
		var next uint64
		next, rest = bits.Div64(hi, lo, y)
		w.shift(step, next)
		if digits == 0 {
			digits = decimals(next)
		} else {
			digits += step
		}
	}
	if half := 2 * rest; half > y || half == y && w.lo&1 == 1 {
		var carry uint64
		w.lo, carry = bits.Add64(w.lo, 1, 0)
		w.hi += carry
	}
	return w
}

// shift adds digits at the end.
func (w *wide) shift(digits int, value uint64) {
	p := powersOfTen[digits]
	hi, lo := bits.Mul64(w.lo, p)
	var carry uint64
	w.lo, carry = bits.Add64(lo, value, 0)
	w.hi = w.hi*p + hi + carry
	w.scale += digits
}

// decimals is how many digits n has; none for zero.
func decimals(n uint64) int {
	d := 0
	for d <= smallDigits && n >= powersOfTen[d] {
		d++
	}
	return d
}

// small is the number as a small one, if it is one.
func (w wide) small() (small, bool) {
	for w.hi > 0 || w.lo > maxSmall {
		if w.scale <= 0 {
			return small{}, false
		}
		high, r := bits.Div64(0, w.hi, 10)
		low, r := bits.Div64(r, w.lo, 10)
		if r > 0 {
			return small{}, false
		}
		w.hi, w.lo = high, low
		w.scale--
	}
	for w.scale > 0 && w.lo > 0 && w.lo%10 == 0 {
		w.lo /= 10
		w.scale--
	}
	if w.scale < 0 {
		return small{}, false
	}
	coef := int64(w.lo)
	if w.neg {
		coef = -coef
	}
	return smallOf(coef, int32(min(w.scale, maxScale+1)))
}

// append appends the number as attr.CanonicalNumber spells it.
func (w wide) append(dst []byte) []byte {
	var room [40]byte
	digits := appendWide(room[:0], w.hi, w.lo)
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		w.scale--
	}
	if len(digits) == 0 {
		return append(dst, '0')
	}
	if w.neg {
		dst = append(dst, '-')
	}
	whole := len(digits) - w.scale // digits before the point
	switch {
	case whole <= 0:
		dst = append(dst, "0."...)
		for ; whole < 0; whole++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	case whole >= len(digits):
		dst = append(dst, digits...)
		for ; w.scale < 0; w.scale++ {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, digits[:whole]...)
	dst = append(dst, '.')
	return append(dst, digits[whole:]...)
}

func appendWide(dst []byte, hi, lo uint64) []byte {
	if hi == 0 {
		return strconv.AppendUint(dst, lo, 10)
	}
	const unit = maxSmall + 1
	high, r := bits.Div64(0, hi, unit)
	low, r := bits.Div64(r, lo, unit)
	dst = appendWide(dst, high, low)
	for range smallDigits - max(1, decimals(r)) {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, r, 10)
}
