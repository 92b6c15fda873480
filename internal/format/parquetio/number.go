package parquetio

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A number column is DECIMAL(38, 18), the widest that 16 bytes and every
// common reader hold (Apache Parquet: "Logical Types", DECIMAL): 20 digits
// before the point and 18 after it.
const (
	precision    = 38
	scale        = 18
	decimalWidth = 16
)

// digits is a number taken apart: its significant digits, without zeros before
// or after them, times ten to the exponent.
type digits struct {
	negative bool
	digits   [precision]byte // '0' to '9'
	n        int
	exponent int
}

// scan takes a valid number's text apart. ok is false for more digits than any
// column holds.
func scan(number string) (d digits, ok bool) {
	i := 0
	if number[0] == '-' || number[0] == '+' {
		d.negative = number[0] == '-'
		i++
	}
	zeros, fraction := 0, false
	for ; i < len(number); i++ {
		c := number[i]
		switch {
		case c == '.':
			fraction = true
			continue
		case c == 'e' || c == 'E':
			d.exponent += exponent(number[i+1:]) + zeros
			return d, true
		case fraction:
			d.exponent--
		}
		if c == '0' {
			if d.n > 0 {
				zeros++
			}
			continue
		}
		if d.n+zeros+1 > precision {
			return d, false
		}
		for ; zeros > 0; zeros-- {
			d.digits[d.n] = '0'
			d.n++
		}
		d.digits[d.n] = c
		d.n++
	}
	d.exponent += zeros
	return d, true
}

// exponent reads what stands after the E of a valid number. Exponents beyond
// what a column holds are all alike.
func exponent(text string) int {
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	n := 0
	for i := range len(text) {
		n = min(n*10+int(text[i]-'0'), 1000)
	}
	if negative {
		return -n
	}
	return n
}

// scaled is the digits as a whole number of units of ten to the minus places;
// ok is false when they don't fit exactly in 38 digits.
func (d *digits) scaled(places int) (high, low uint64, ok bool) {
	if d.n == 0 {
		return 0, 0, true
	}
	shift := d.exponent + places
	if shift < 0 || d.n+shift > precision {
		return 0, 0, false
	}
	for at := 0; at < d.n; {
		part, power := uint64(0), uint64(1)
		for ; at < d.n && power < 1e18; at++ {
			part, power = part*10+uint64(d.digits[at]-'0'), power*10
		}
		high, low = multiply(high, low, power)
		var carry uint64
		low, carry = bits.Add64(low, part, 0)
		high += carry
	}
	for ; shift > 0; shift -= 18 {
		high, low = multiply(high, low, powers[min(shift, 18)])
	}
	return high, low, true
}

// powers are the powers of ten up to 10^18.
var powers = func() (p [19]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

func multiply(high, low, by uint64) (uint64, uint64) {
	carry, product := bits.Mul64(low, by)
	return high*by + carry, product
}

// short is the digits of a number of up to 18 characters without an exponent,
// as a whole number, and how many of them stand after the point. Most numbers
// are such, and need no more.
func short(number string) (digits uint64, fraction int, negative, ok bool) {
	if len(number) > 18 {
		return 0, 0, false, false
	}
	point := -1
	for i := range len(number) {
		c := number[i]
		switch {
		case c-'0' <= 9:
			digits = digits*10 + uint64(c-'0')
		case c == '.':
			point = i
		case c == '-':
			negative = true
		default:
			return 0, 0, false, false
		}
	}
	if point >= 0 {
		fraction = len(number) - point - 1
	}
	return digits, fraction, negative, true
}

// parseInteger is a valid number as 64 bits, if it is whole and fits.
func parseInteger(number string) (int64, bool) {
	if digits, fraction, negative, ok := short(number); ok && fraction == 0 {
		if negative {
			return -int64(digits), true
		}
		return int64(digits), true
	}
	d, ok := scan(number)
	if !ok {
		return 0, false
	}
	high, low, ok := d.scaled(0)
	switch {
	case !ok || high != 0:
		return 0, false
	case d.negative && low <= 1<<63:
		return -int64(low), true // -int64(1<<63) is itself
	case !d.negative && low <= math.MaxInt64:
		return int64(low), true
	}
	return 0, false
}

// parseDecimal is a valid number as DECIMAL(38, 18): 16 bytes, two's
// complement, the highest first.
func parseDecimal(number string) (out [decimalWidth]byte, ok bool) {
	var high, low uint64
	digits, fraction, negative, ok := short(number)
	if ok {
		high, low = bits.Mul64(digits, powers[scale-fraction])
	} else {
		d, ok := scan(number)
		if !ok {
			return out, false
		}
		if high, low, ok = d.scaled(scale); !ok {
			return out, false
		}
		negative = d.negative
	}
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	binary.BigEndian.PutUint64(out[:8], high)
	binary.BigEndian.PutUint64(out[8:], low)
	return out, true
}
