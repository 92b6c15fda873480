package expr

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// number reads a place as a number: isSmall; isNumber for one that is not
// small, which digits gives; isFailure for what is none; or isUndecided.
func (v *vector) number(at int) (small, tag) {
	switch t := v.tags[at]; t {
	case isSmall:
		return v.nums[at], isSmall
	case isNumber:
		if n, ok := parseSmall(v.texts[at]); ok {
			return n, isSmall
		}
		return small{}, isNumber
	case isString:
		if n, ok := parseSmall(v.texts[at]); ok {
			return n, isSmall
		}
		if attr.CheckNumber(v.texts[at]) == nil {
			return small{}, isNumber
		}
	case isUndecided:
		return small{}, t
	}
	return small{}, isFailure
}

// digits is the text of a place that number has found to be a number.
func (m *machine) digits(v *vector, at int) string {
	if v.tags[at] == isSmall {
		return m.spell(v.nums[at])
	}
	return v.texts[at]
}

// arithmeticLoop is an operator on numbers: on small ones by integers, on
// others as the walk does it.
type arithmeticLoop struct {
	left, right operand
	op          *hclsyntax.Operation
	exact       func(l, r string) (attr.Value, error)
}

func (n *arithmeticLoop) run(m *machine, sel []int32, out *vector) {
	l, lmask := n.left.run(m, sel)
	r, rmask := n.right.run(m, sel)
	for _, i := range sel {
		a, b := int(i)&lmask, int(i)&rmask
		x, xt := l.number(a)
		y, yt := r.number(b)
		switch {
		case xt == isSmall && yt == isSmall && n.smalls(m, out, int(i), x, y):
			continue
		case !xt.decided() || !yt.decided():
			out.tags[i] = worse(xt, yt)
			continue
		}
		v, err := n.exact(m.digits(l, a), m.digits(r, b))
		if err != nil {
			out.tags[i] = isFailure
			continue
		}
		out.store(int(i), v)
	}
}

// smalls computes with small numbers; false when it can't.
func (n *arithmeticLoop) smalls(m *machine, out *vector, i int, x, y small) bool {
	var z small
	ok := false
	switch n.op {
	case hclsyntax.OpAdd:
		z, ok = x.plus(y)
	case hclsyntax.OpSubtract:
		z, ok = x.plus(y.negated())
	case hclsyntax.OpMultiply:
		z, ok = x.times(y)
	case hclsyntax.OpDivide:
		z, ok = x.over(y)
	case hclsyntax.OpModulo:
		if y.coef == 0 {
			return false
		}
		z, ok = x.modulo(y)
	}
	if ok {
		out.setSmall(i, z)
		return true
	}
	w, ok := n.wide(x, y)
	if !ok {
		return false
	}
	if z, ok := w.small(); ok {
		out.setSmall(i, z)
		return true
	}
	out.setText(i, isNumber, m.text(len(m.made), w.append(m.made)))
	return true
}

// wide computes what has up to 38 digits.
func (n *arithmeticLoop) wide(x, y small) (wide, bool) {
	switch n.op {
	case hclsyntax.OpAdd:
		return wideSum(x, y)
	case hclsyntax.OpSubtract:
		return wideSum(x, y.negated())
	case hclsyntax.OpMultiply:
		return wideProduct(x, y), true
	case hclsyntax.OpDivide:
		if y.coef != 0 {
			return wideQuotient(x, y), true
		}
	}
	return wide{}, false
}

// negateLoop is the unary minus.
type negateLoop struct{ of operand }

func (n *negateLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.of.run(m, sel)
	for _, i := range sel {
		m.negate(out, int(i), v, int(i)&mask)
	}
}

// negate sets a row to the negative of a place.
func (m *machine) negate(out *vector, i int, v *vector, at int) {
	switch x, t := v.number(at); t {
	case isSmall:
		out.setSmall(i, x.negated())
	case isNumber:
		value, err := negate(m.digits(v, at))
		if err != nil {
			out.tags[i] = isFailure
			return
		}
		out.store(i, value)
	default:
		out.tags[i] = t
	}
}
