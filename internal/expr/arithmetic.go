package expr

import (
	"errors"
	"strconv"

	"github.com/cockroachdb/apd/v3"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
)

var (
	errZero  = errors.New("division by zero")
	errRange = errors.New("the result is out of the range of DynamoDB's numbers, 1E-130 to 9.99E+125")
)

// precise is a copy of the context in which numbers are computed: each
// operation rounds half-even to DynamoDB's 38 digits. The exponents leave room
// for what attr.FromDecimal then refuses as out of range.
func precise() *apd.Context {
	return &apd.Context{
		Precision:   attr.MaxDigits,
		MaxExponent: 10000,
		MinExponent: -10000,
		Rounding:    apd.RoundHalfEven,
		Traps:       apd.DefaultTraps,
	}
}

// number is the value of a text that is known to be a number in range.
func number(text string) attr.Value {
	v, err := attr.NumberValue(text)
	if err != nil {
		panic("expr: " + err.Error())
	}
	return v
}

// smallInt reads an integer that can be added and multiplied without overflow.
func smallInt(text string) (int64, bool) {
	if len(text) > 9 {
		return 0, false
	}
	i, err := strconv.ParseInt(text, 10, 64)
	return i, err == nil
}

// operation is the function of an arithmetic operator.
func operation(op *hclsyntax.Operation) func(l, r string) (attr.Value, error) {
	switch op {
	case hclsyntax.OpAdd:
		return addNumbers
	case hclsyntax.OpSubtract:
		return viaIntegers(func(a, b int64) int64 { return a - b }, (*apd.Context).Sub)
	case hclsyntax.OpMultiply:
		return viaIntegers(func(a, b int64) int64 { return a * b }, (*apd.Context).Mul)
	case hclsyntax.OpDivide:
		return divide
	case hclsyntax.OpModulo:
		return modulo
	}
	return func(string, string) (attr.Value, error) {
		return attr.Value{}, errors.New("this operator can't be used for rows")
	}
}

type decimalOp func(c *apd.Context, d, x, y *apd.Decimal) (apd.Condition, error)

// viaIntegers computes with integers when both sides are short ones.
func viaIntegers(fast func(a, b int64) int64, exact decimalOp) func(l, r string) (attr.Value, error) {
	return func(l, r string) (attr.Value, error) {
		if a, ok := smallInt(l); ok {
			if b, ok := smallInt(r); ok {
				return attr.NumberValue(strconv.FormatInt(fast(a, b), 10))
			}
		}
		return compute(precise(), exact, l, r)
	}
}

func addNumbers(l, r string) (attr.Value, error) {
	return viaIntegers(func(a, b int64) int64 { return a + b }, (*apd.Context).Add)(l, r)
}

func divide(l, r string) (attr.Value, error) {
	if attr.CompareNumbers(r, "0") == 0 {
		return attr.Value{}, errZero
	}
	return compute(precise(), (*apd.Context).Quo, l, r)
}

// modulo has the sign of the left side, as Terraform's %.
func modulo(l, r string) (attr.Value, error) {
	if attr.CompareNumbers(r, "0") == 0 {
		return attr.Value{}, errZero
	}
	c := precise()
	c.Precision = 400 // an exact quotient: from 1E-130 to 1E+126, and 38 digits
	return compute(c, (*apd.Context).Rem, l, r)
}

func compute(c *apd.Context, op decimalOp, l, r string) (attr.Value, error) {
	x, err := attr.DecimalOf(attr.StringValue(l))
	if err != nil {
		return attr.Value{}, err
	}
	y, err := attr.DecimalOf(attr.StringValue(r))
	if err != nil {
		return attr.Value{}, err
	}
	var d apd.Decimal
	if _, err := op(c, &d, x, y); err != nil {
		return attr.Value{}, errRange
	}
	return fromDecimal(&d)
}

// fromDecimal is attr.FromDecimal with an error that does not say the value,
// which may be a secret (promise 8).
func fromDecimal(d *apd.Decimal) (attr.Value, error) {
	v, err := attr.FromDecimal(d)
	if err != nil {
		return attr.Value{}, errRange
	}
	return v, nil
}

func negate(text string) (attr.Value, error) {
	return compute(precise(), (*apd.Context).Sub, "0", text)
}

// wholeNumber is the integer that a number or numeric text is; false when it
// is none or does not fit.
func wholeNumber(v attr.Value) (int64, bool) {
	text, ok := numberText(v)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(attr.CanonicalNumber(text), 10, 64)
	return i, err == nil
}
