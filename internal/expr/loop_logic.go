package expr

import "github.com/dynapipe/dynapipe/internal/attr"

// truth is a place as a condition: isTrue, isFalse, or why neither.
func (v *vector) truth(at int) tag {
	switch t := v.tags[at]; t {
	case isTrue, isFalse, isUndecided:
		return t
	case isAbsent, isNull:
		return isFalse
	case isString:
		switch v.texts[at] {
		case "true":
			return isTrue
		case "false":
			return isFalse
		}
	}
	return isFailure
}

// logicLoop is && and ||. The right side is computed for the rows that the left
// one does not decide.
type logicLoop struct {
	left, right operand
	decides     tag // isFalse for &&, isTrue for ||
}

func (n *logicLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.left.run(m, sel)
	rest := m.borrow()
	for _, i := range sel {
		t := v.truth(int(i) & mask)
		out.tags[i] = t
		if t.decided() && t != n.decides {
			rest = append(rest, i)
		}
	}
	if len(rest) > 0 {
		v, mask = n.right.run(m, rest)
		for _, i := range rest {
			out.tags[i] = v.truth(int(i) & mask)
		}
	}
	m.giveBack(rest)
}

// notLoop is !.
type notLoop struct{ of operand }

func (n *notLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.of.run(m, sel)
	for _, i := range sel {
		t := v.truth(int(i) & mask)
		switch t {
		case isTrue:
			t = isFalse
		case isFalse:
			t = isTrue
		}
		out.tags[i] = t
	}
}

// choiceLoop is c ? a : b. Each arm is computed for the rows that choose it,
// right into the result.
type choiceLoop struct{ cond, yes, no operand }

func (n *choiceLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.cond.run(m, sel)
	yes, no := m.borrow(), m.borrow()
	for _, i := range sel {
		switch t := v.truth(int(i) & mask); t {
		case isTrue:
			yes = append(yes, i)
		case isFalse:
			no = append(no, i)
		default:
			out.tags[i] = t
		}
	}
	if len(yes) > 0 {
		n.yes.into(m, yes, out)
	}
	if len(no) > 0 {
		n.no.into(m, no, out)
	}
	m.giveBack(yes)
	m.giveBack(no)
}

// equalLoop is == and !=.
type equalLoop struct {
	left, right operand
	not         bool
}

func (n *equalLoop) run(m *machine, sel []int32, out *vector) {
	l, lmask := n.left.run(m, sel)
	r, rmask := n.right.run(m, sel)
	for _, i := range sel {
		a, b := int(i)&lmask, int(i)&rmask
		lt, rt := l.tags[a], r.tags[b]
		switch {
		case lt == isString && rt == isString:
			out.setBool(int(i), (l.texts[a] == r.texts[b]) != n.not)
		case !lt.decided() || !rt.decided():
			out.tags[i] = worse(lt, rt)
		default:
			out.setBool(int(i), m.same(l, a, r, b) != n.not)
		}
	}
}

// same is the == of two places that are decided.
func (m *machine) same(l *vector, a int, r *vector, b int) bool {
	lt, rt := l.tags[a], r.tags[b]
	switch {
	case lt.null() || rt.null():
		return lt.null() && rt.null()
	case lt <= isTrue || rt <= isTrue:
		return lt == rt
	case lt.numeric() || rt.numeric():
		return lt.numeric() && rt.numeric() && m.compare(l, a, r, b) == 0
	case lt != rt && lt.scalar() && rt.scalar():
		return false
	}
	return same(m.value(l, a), m.value(r, b))
}

func (t tag) numeric() bool { return t == isNumber || t == isSmall }

func (t tag) scalar() bool { return t < isCell }

// compare compares two places that hold numbers, or texts that are some.
func (m *machine) compare(l *vector, a int, r *vector, b int) int {
	x, xt := l.number(a)
	y, yt := r.number(b)
	if xt == isSmall && yt == isSmall {
		return x.compare(y)
	}
	return attr.CompareNumbers(m.digits(l, a), m.digits(r, b))
}

// orderLoop is < and its kin.
type orderLoop struct {
	left, right operand
	holds       [3]tag // of the orders -1, 0 and 1
}

func (n *orderLoop) run(m *machine, sel []int32, out *vector) {
	l, lmask := n.left.run(m, sel)
	r, rmask := n.right.run(m, sel)
	for _, i := range sel {
		a, b := int(i)&lmask, int(i)&rmask
		x, xt := l.number(a)
		y, yt := r.number(b)
		switch {
		case xt == isSmall && yt == isSmall:
			out.tags[i] = n.holds[x.compare(y)+1]
		case !xt.decided() || !yt.decided():
			out.tags[i] = worse(xt, yt)
		default:
			out.tags[i] = n.holds[attr.CompareNumbers(m.digits(l, a), m.digits(r, b))+1]
		}
	}
}

// tryLoop gives the first argument that does not fail.
type tryLoop struct{ args []operand }

func (n *tryLoop) run(m *machine, sel []int32, out *vector) {
	rest := append(m.borrow(), sel...)
	for k := range n.args {
		if len(rest) == 0 {
			break
		}
		n.args[k].into(m, rest, out)
		failed := rest[:0]
		for _, i := range rest {
			if out.tags[i] == isFailure {
				failed = append(failed, i)
			}
		}
		rest = failed
	}
	m.giveBack(rest)
}

// canLoop says whether its argument does not fail.
type canLoop struct{ arg operand }

func (n *canLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		if t := v.tags[int(i)&mask]; t == isUndecided {
			out.tags[i] = t
		} else {
			out.setBool(int(i), t != isFailure)
		}
	}
}

// failLoop is what can't be evaluated.
type failLoop struct{}

func (failLoop) run(_ *machine, sel []int32, out *vector) {
	for _, i := range sel {
		out.tags[i] = isFailure
	}
}

// walkLoop evaluates a part by the walk.
type walkLoop struct{ t term }

func (n *walkLoop) run(m *machine, sel []int32, out *vector) {
	f := &m.frame
	for _, i := range sel {
		f.row = m.base + int(i)
		f.made = 0
		clear(f.calls)
		v, err := n.t.eval(f)
		switch {
		case err != nil:
			out.tags[i] = isFailure
		case f.made > m.limit:
			out.tags[i] = isUndecided
		default:
			out.store(int(i), v)
		}
	}
}
