package expr

import "github.com/dynapipe/dynapipe/internal/attr"

// callLoop calls a function as the walk does, a row at a time but without the
// walk: what a function without a loop of its own gets.
type callLoop struct {
	node *callNode
	args []operand
}

func (n *callLoop) run(m *machine, sel []int32, out *vector) {
	args := m.arguments(n.args, sel)
	c := &m.call
	for _, i := range sel {
		t := args.state(i)
		if !t.decided() {
			out.tags[i] = t
			continue
		}
		m.args = m.args[:0]
		for k := range args {
			m.args = append(m.args, m.value(args[k].v, int(i)&args[k].mask))
		}
		m.frame.row = m.base + int(i)
		clear(m.frame.calls)
		*c = call{run: m.frame.run, args: m.args, prepared: n.node.prepared, frame: &m.frame, site: n.node.site}
		v, err := n.node.fn.invoke(c)
		if err != nil {
			out.tags[i] = isFailure
			continue
		}
		out.store(int(i), v)
	}
	m.argsUsed -= len(args)
}

// argument is an argument that has been computed.
type argument struct {
	v    *vector
	mask int
}

type argumentList []argument

// arguments computes the arguments of a call. The caller takes their number
// off m.argsUsed.
func (m *machine) arguments(of []operand, sel []int32) argumentList {
	m.argsUsed += len(of)
	if m.argsUsed > len(m.argRoom) {
		m.argRoom = make([]argument, 2*m.argsUsed)
	}
	args := m.argRoom[m.argsUsed-len(of) : m.argsUsed]
	for k := range of {
		args[k].v, args[k].mask = of[k].run(m, sel)
	}
	return args
}

// state is isAbsent when all arguments are decided, or why not.
func (a argumentList) state(i int32) tag {
	state := isAbsent
	for k := range a {
		if t := a[k].v.tags[int(i)&a[k].mask]; !t.decided() {
			state = worse(state, t)
		}
	}
	return state
}

// boundLoop leaves to the walk what the walk keeps account of: long results.
type boundLoop struct{ of loop }

func (n boundLoop) run(m *machine, sel []int32, out *vector) {
	n.of.run(m, sel, out)
	for _, i := range sel {
		switch out.tags[i] {
		case isString, isNumber, isBinary:
			if m.tooLong(len(out.texts[i])) {
				out.tags[i] = isUndecided
			}
		case isCell:
			// An element takes six bytes or more.
			if m.tooLong(len(out.texts[i]) * elementBytes / 6) {
				out.tags[i] = isUndecided
			}
		case isValue:
			v := &out.values[i]
			if m.tooLong(elementBytes * (len(v.Elems()) + len(v.Fields()))) {
				out.tags[i] = isUndecided
			}
		}
	}
}

// textLoop is a function of one text that gives a text: appended, or a part.
type textLoop struct {
	arg    operand
	append func(dst []byte, text string) []byte
	part   func(text string) string
}

func (n *textLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		text, t := m.plainText(v, int(i)&mask)
		switch {
		case t != isString:
			out.tags[i] = t
		case n.part != nil:
			out.setText(int(i), t, n.part(text))
		default:
			out.setText(int(i), t, m.text(len(m.made), n.append(m.made, text)))
		}
	}
}

// textsLoop is a function of two texts, that gives a part of the first or a
// bool.
type textsLoop struct {
	args []operand
	part func(a, b string) string
	test func(a, b string) bool
}

func (n *textsLoop) run(m *machine, sel []int32, out *vector) {
	a, amask := n.args[0].run(m, sel)
	b, bmask := n.args[1].run(m, sel)
	for _, i := range sel {
		x, xt := m.plainText(a, int(i)&amask)
		y, yt := m.plainText(b, int(i)&bmask)
		switch {
		case xt != isString || yt != isString:
			out.tags[i] = worse(xt, yt)
		case n.part != nil:
			out.setText(int(i), isString, n.part(x, y))
		default:
			out.setBool(int(i), n.test(x, y))
		}
	}
}

// numberLoop is a function of one number.
type numberLoop struct {
	arg operand
	// small computes with a small number, spelled as text where it was spelled.
	small func(m *machine, out *vector, i int, v *vector, at int, n small)
	node  *callNode
}

func (n *numberLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		x, t := v.number(at)
		switch t {
		case isSmall:
			n.small(m, out, int(i), v, at, x)
		case isNumber:
			m.args = append(m.args[:0], attr.CheckedNumber(m.digits(v, at)))
			m.call = call{run: m.frame.run, args: m.args}
			value, err := n.node.fn.invoke(&m.call)
			if err != nil {
				out.tags[i] = isFailure
				continue
			}
			out.store(int(i), value)
		default:
			out.tags[i] = t
		}
	}
}

// keepNumber sets a row to a place that is a number, spelled as it was.
func keepNumber(out *vector, i int, v *vector, at int) {
	if v.tags[at] == isSmall {
		out.setSmall(i, v.nums[at])
		return
	}
	out.setText(i, isNumber, v.texts[at])
}

// extremeLoop is max and min: it gives the argument itself.
type extremeLoop struct {
	args []operand
	sign int
}

func (n *extremeLoop) run(m *machine, sel []int32, out *vector) {
	args := m.arguments(n.args, sel)
	for _, i := range sel {
		best, state := args[0], isSmall
		for _, a := range args {
			if _, t := a.v.number(int(i) & a.mask); !t.decided() {
				state = worse(state, t)
			}
		}
		if !state.decided() {
			out.tags[i] = state
			continue
		}
		for _, a := range args[1:] {
			if m.compare(a.v, int(i)&a.mask, best.v, int(i)&best.mask)*n.sign > 0 {
				best = a
			}
		}
		keepNumber(out, int(i), best.v, int(i)&best.mask)
	}
	m.argsUsed -= len(args)
}

// coalesceLoop gives the first argument that is neither null nor an empty text.
type coalesceLoop struct{ args []operand }

func (n *coalesceLoop) run(m *machine, sel []int32, out *vector) {
	args := m.arguments(n.args, sel)
rows:
	for _, i := range sel {
		if t := args.state(i); !t.decided() {
			out.tags[i] = t
			continue
		}
		for _, a := range args {
			at := int(i) & a.mask
			if t := a.v.tags[at]; !t.null() && !(t == isString && a.v.texts[at] == "") {
				out.copy(int(i), a.v, at)
				continue rows
			}
		}
		out.tags[i] = isFailure
	}
	m.argsUsed -= len(args)
}

// convertLoop is tostring, tonumber and tobool: null stays null.
type convertLoop struct {
	arg operand
	to  class
}

func (n *convertLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		t := v.tags[at]
		switch {
		case t.null() || t == isUndecided:
			out.tags[i] = t
		case n.to == numeric:
			if _, t = v.number(at); t.decided() {
				keepNumber(out, int(i), v, at)
			} else {
				out.tags[i] = t
			}
		case n.to == boolean && t == isNumber || n.to == boolean && t == isSmall:
			out.tags[i] = isFailure
		case n.to == boolean:
			out.tags[i] = v.truth(at)
		default:
			text, t := m.plainText(v, at)
			if out.tags[i] = t; t == isString {
				out.texts[i] = text
			}
		}
	}
}

// lengthLoop is length.
type lengthLoop struct{ arg operand }

func (n *lengthLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		count, t := 0, v.tags[at]
		switch t {
		case isString:
			count = codePoints(v.texts[at])
		case isBinary:
			count = len(v.texts[at])
		case isCell:
			count = attr.CellLength(v.texts[at])
		case isValue:
			count = len(v.values[at].Elems()) + len(v.values[at].Fields())
		case isUndecided:
			out.tags[i] = t
			continue
		default:
			out.tags[i] = isFailure
			continue
		}
		out.setSmall(int(i), small{coef: int64(count)})
	}
}
