package expr

import (
	"errors"
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func numberFunctions() []*fn {
	num := []param{{name: "number", class: numeric}}
	return []*fn{{
		name: "abs", params: num, result: Number, run: absolute,
		description: "The number without its sign.",
		example:     `abs(-12.5) -> 12.5`,
	}, {
		name: "ceil", params: num, result: Number, run: rounded((*apd.Context).Ceil),
		description: "The smallest whole number that is not less than the number.",
		example:     `ceil(5.1) -> 6`,
	}, {
		name: "floor", params: num, result: Number, run: rounded((*apd.Context).Floor),
		description: "The largest whole number that is not more than the number.",
		example:     `floor(5.9) -> 5`,
	}, {
		name: "log", params: []param{{name: "number", class: numeric}, {name: "base", class: numeric}}, result: Number, run: logarithm,
		description: "The logarithm of the number to the base.",
		example:     `log(16, 2) -> 4`,
	}, {
		name: "max", rest: &param{name: "numbers", class: numeric}, least: 1, result: Number, run: extreme(1),
		description: "The largest of the numbers. A list of numbers is given as max(list...).",
		example:     `max(5, 12, 9) -> 12`,
	}, {
		name: "min", rest: &param{name: "numbers", class: numeric}, least: 1, result: Number, run: extreme(-1),
		description: "The smallest of the numbers. A list of numbers is given as min(list...).",
		example:     `min(5, 12, 9) -> 5`,
	}, {
		name: "parseint", params: []param{{name: "text", class: text}, {name: "base", class: numeric}}, result: Number, run: parseInt, check: checkParseInt,
		description: "The whole number that the text is in the base, from 2 to 62.",
		example:     `parseint("ff", 16) -> 255`,
	}, {
		name: "pow", params: []param{{name: "number", class: numeric}, {name: "exponent", class: numeric}}, result: Number, run: power,
		description: "The number to the power of the exponent.",
		example:     `pow(3, 2) -> 9`,
	}, {
		name: "signum", params: num, result: Number, run: signum,
		description: "-1, 0 or 1 for a number below, at or above zero.",
		example:     `signum(-13) -> -1`,
	}, {
		name: "sum", params: []param{{name: "numbers", class: sequence}}, result: Number, run: sum,
		description: "The sum of a list or set of numbers.",
		example:     `sum([10, 13, 6.5]) -> 29.5`,
	}}
}

// decimal is a numeric argument as a decimal.
func (c *call) decimal(i int) *apd.Decimal {
	d, err := attr.DecimalOf(c.args[i])
	if err != nil {
		panic("expr: " + err.Error()) // params convert it
	}
	return d
}

// whole is a numeric argument as an integer.
func (c *call) whole(i int) (int64, error) {
	n, ok := wholeNumber(c.args[i])
	if !ok {
		return 0, bad(i, "a whole number")
	}
	return n, nil
}

func absolute(c *call) (attr.Value, error) {
	if attr.CompareNumbers(c.args[0].Text(), "0") >= 0 {
		return c.args[0], nil
	}
	return negate(c.args[0].Text())
}

func rounded(round func(c *apd.Context, d, x *apd.Decimal) (apd.Condition, error)) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) {
		ctx := precise()
		ctx.Precision = 400 // Ceil and Floor of 1E+125 have that many digits
		var d apd.Decimal
		if _, err := round(ctx, &d, c.decimal(0)); err != nil {
			return attr.Value{}, errRange
		}
		return fromDecimal(&d)
	}
}

func logarithm(c *call) (attr.Value, error) {
	ctx := precise()
	ctx.Precision += 12 // so that log(8, 2) comes out at 3
	var n, base apd.Decimal
	for i, d := range []*apd.Decimal{&n, &base} {
		if attr.CompareNumbers(c.args[i].Text(), "0") <= 0 {
			return attr.Value{}, bad(i, "above zero")
		}
		if _, err := ctx.Ln(d, c.decimal(i)); err != nil {
			return attr.Value{}, errRange
		}
	}
	if base.IsZero() {
		return attr.Value{}, bad(1, "a base: every power of 1 is 1")
	}
	if _, err := ctx.Quo(&n, &n, &base); err != nil {
		return attr.Value{}, errRange
	}
	return roundedResult(&n)
}

// roundedResult drops what the extra digits of an inexact computation got
// wrong: a result that is within them of one of 38 digits is that one.
func roundedResult(d *apd.Decimal) (attr.Value, error) {
	if _, err := precise().Round(d, d); err != nil {
		return attr.Value{}, errRange
	}
	return fromDecimal(d)
}

func extreme(sign int) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) {
		best := c.args[0]
		for _, v := range c.args[1:] {
			if attr.CompareNumbers(v.Text(), best.Text())*sign > 0 {
				best = v
			}
		}
		return best, nil
	}
}

func checkParseInt(c *call) error {
	if c.args[1].IsNull() {
		return nil
	}
	if base, err := c.whole(1); err != nil || base < 2 || base > 62 {
		return bad(1, "a base: a whole number from 2 to 62")
	}
	return nil
}

func parseInt(c *call) (attr.Value, error) {
	if err := checkParseInt(c); err != nil {
		return attr.Value{}, err
	}
	base, err := c.whole(1)
	if err != nil {
		return attr.Value{}, err
	}
	// 130 digits are more than any number in range has, in any base.
	n, ok := new(big.Int), false
	if s := c.args[0].Text(); len(s) <= 512 {
		n, ok = n.SetString(s, int(base))
	}
	if !ok {
		return attr.Value{}, showing(bad(0, "a whole number in the base"), "%d", base)
	}
	v, err := attr.NumberValue(n.String())
	if err != nil {
		return attr.Value{}, errors.New("the number has more than 38 significant digits, DynamoDB's limit")
	}
	return v, nil
}

func power(c *call) (attr.Value, error) {
	x, y := c.decimal(0), c.decimal(1)
	if y.Sign() == 0 {
		return number("1"), nil
	}
	if x.Sign() == 0 && y.Sign() < 0 {
		return attr.Value{}, errZero
	}
	// Far out of range is said at once, before a long computation.
	base, err := x.Float64()
	if err == nil && base != 0 {
		exponent, err := y.Float64()
		if err != nil || math.Abs(exponent*math.Log10(math.Abs(base))) > 200 {
			return attr.Value{}, errRange
		}
	}
	ctx := precise()
	ctx.Precision += 12
	var d apd.Decimal
	if _, err := ctx.Pow(&d, x, y); err != nil {
		return attr.Value{}, errors.New("the power is no number, or out of the range of DynamoDB's numbers")
	}
	return roundedResult(&d)
}

func signum(c *call) (attr.Value, error) {
	return intValue(attr.CompareNumbers(c.args[0].Text(), "0")), nil
}

func sum(c *call) (attr.Value, error) {
	elems := c.args[0].Elems()
	if len(elems) == 0 {
		return attr.Value{}, bad(0, "a list with at least one number")
	}
	total := "0"
	for _, e := range elems {
		n, ok := numberText(e)
		if !ok {
			return attr.Value{}, bad(0, "a list of numbers only")
		}
		v, err := addNumbers(total, n)
		if err != nil {
			return attr.Value{}, err
		}
		total = v.Text()
	}
	return attr.NumberValue(attr.CanonicalNumber(total))
}
