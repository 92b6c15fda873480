package attr

import (
	"fmt"

	"github.com/cockroachdb/apd/v3"
)

// DecimalOf is the exact decimal of a number, or of a string that is one.
func DecimalOf(v Value) (*apd.Decimal, error) {
	if v.kind != Number && v.kind != String {
		return nil, fmt.Errorf("a %s is not a number", v.kind)
	}
	if err := CheckNumber(v.text); err != nil {
		return nil, err
	}
	d, _ := scanDecimal(v.text)
	out := new(apd.Decimal)
	if d.digits == 0 {
		return out, nil
	}
	out.Negative = d.neg
	out.Exponent = int32(d.exponent - d.digits + 1)
	if d.digits <= 19 {
		out.Coeff.SetUint64(coefficient(v.text[d.from:d.to]))
		return out, nil
	}
	var room [MaxDigits]byte
	out.Coeff.SetString(string(appendDigits(room[:0], v.text, d)), 10)
	return out, nil
}

// coefficient is the digits of at most 19 as an integer.
func coefficient(digits string) uint64 {
	var n uint64
	for i := range len(digits) {
		if digits[i] != '.' {
			n = n*10 + uint64(digits[i]-'0')
		}
	}
	return n
}

// FromDecimal is a decimal as a number: rounded half-even to 38 digits, as
// plain decimal text. What is out of DynamoDB's range is an error.
func FromDecimal(d *apd.Decimal) (Value, error) {
	if d.Form != apd.Finite {
		return Value{}, fmt.Errorf("%s is no number that DynamoDB can hold", d)
	}
	if d.IsZero() {
		return Value{kind: Number, text: "0"}, nil
	}
	// A context of its own bounds would report an underflow that the range
	// below reports better.
	context := apd.Context{
		Precision: MaxDigits, Rounding: apd.RoundHalfEven,
		MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
	}
	var rounded apd.Decimal
	if _, err := context.Round(&rounded, d); err != nil {
		return Value{}, fmt.Errorf("the number %s can't be rounded to %d digits: %w", shorten(d.String()), MaxDigits, err)
	}
	exponent := int64(rounded.Exponent) + rounded.NumDigits() - 1
	switch {
	case exponent > maxExponent:
		return Value{}, numberError(shorten(rounded.Text('E')), decimal{exponent: maxExponent + 1}, true)
	case exponent < minExponent:
		return Value{}, numberError(shorten(rounded.Text('E')), decimal{exponent: minExponent - 1}, true)
	}
	var room [64]byte
	return Value{kind: Number, text: CanonicalNumber(string(rounded.Append(room[:0], 'E')))}, nil
}
