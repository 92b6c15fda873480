package expr

import "github.com/hashicorp/hcl/v2"

// Part is a part of an expression that is evaluated row by row.
type Part struct {
	What  string // "for expression"
	Range hcl.Range
}

// lower makes loops of a bound tree; nil when all of it would be walked.
func lower(root *term) *program {
	l := &lowering{p: &program{}}
	l.p.root = l.operand(root, 0)
	l.p.limit = min(mostLong, maxMade/(l.nodes+1))
	if _, walked := l.p.root.loop.(*walkLoop); walked {
		return &program{byRow: l.p.byRow}
	}
	return l.p
}

// mostLong is the longest text that loops make.
const mostLong = 64 << 10

// lowering is the state of one lower.
type lowering struct {
	p     *program
	nodes int
}

// operand lowers a term, whose loop fills the register reg and may use those
// after it.
func (l *lowering) operand(t *term, reg int) operand {
	l.nodes++
	l.p.regs = max(l.p.regs, reg+1)
	if v, ok := t.value(); ok {
		return operand{constant: constantVector(v)}
	}
	return operand{loop: l.loop(t, reg+1), reg: reg}
}

// number is operand of what is used as a number: a constant one is read once.
func (l *lowering) number(t *term, reg int) operand {
	o := l.operand(t, reg)
	if o.constant != nil {
		if n, ok := o.constant.number(0); ok == isSmall {
			o.constant.setSmall(0, n)
		}
	}
	return o
}

// operands lowers terms into registers that follow each other.
func (l *lowering) operands(terms []term, reg int) []operand {
	out := make([]operand, len(terms))
	for i := range terms {
		out[i] = l.operand(&terms[i], reg+i)
	}
	return out
}

// loop makes the loop of a term that is no constant. reg is the first register
// that it may use for its parts.
func (l *lowering) loop(t *term, reg int) loop {
	switch n := t.node.(type) {
	case *failing:
		return failLoop{}
	case *rowAttr:
		return &attrLoop{n.name}
	case *metaAttr:
		return &metaLoop{n}
	case *attrStep:
		return &attrStepLoop{l.operand(&n.from, reg), n.name}
	case *indexStep:
		return &indexLoop{l.operand(&n.from, reg), l.operand(&n.key, reg+1)}
	case *andNode:
		return &logicLoop{l.operand(&n.left, reg), l.operand(&n.right, reg), isFalse}
	case *orNode:
		return &logicLoop{l.operand(&n.left, reg), l.operand(&n.right, reg), isTrue}
	case *notNode:
		return &notLoop{l.operand(&n.of, reg)}
	case *equalNode:
		return &equalLoop{l.operand(&n.left, reg), l.operand(&n.right, reg+1), n.not}
	case *orderNode:
		return &orderLoop{l.number(&n.left, reg), l.number(&n.right, reg+1), ordersOf(n.holds)}
	case *arithmetic:
		return &arithmeticLoop{l.number(&n.left, reg), l.number(&n.right, reg+1), n.symbol, n.op}
	case *negateNode:
		return &negateLoop{l.number(&n.of, reg)}
	case *choiceNode:
		return &choiceLoop{l.operand(&n.cond, reg), l.operand(&n.yes, reg), l.operand(&n.no, reg)}
	case *templateNode:
		return l.template(n, reg)
	case *tryNode:
		out := make([]operand, len(n.args))
		for i := range n.args {
			out[i] = l.operand(&n.args[i], reg)
		}
		return &tryLoop{out}
	case *canNode:
		return &canLoop{l.operand(&n.arg, reg)}
	case *tupleNode:
		return l.tuple(n, reg)
	case *objectNode:
		if made := l.object(n, reg); made != nil {
			return made
		}
	case *callNode:
		if !n.expand {
			return boundLoop{functionLoop(n, l.operands(n.args, reg))}
		}
	}
	l.p.byRow = append(l.p.byRow, Part{whatOf(t.node), t.rng})
	return &walkLoop{*t}
}

func (l *lowering) template(n *templateNode, reg int) loop {
	out := &templateLoop{parts: make([]templatePart, len(n.parts))}
	for i := range n.parts {
		if v, ok := n.parts[i].value(); ok {
			if text, ok := scalarText(v); ok {
				out.parts[i].written = text
				continue
			}
		}
		o := l.operand(&n.parts[i], reg+i)
		out.parts[i].operand = &o
	}
	return out
}

// ordersOf is what an ordering operator says of the orders -1, 0 and 1.
func ordersOf(holds func(int) bool) (tags [3]tag) {
	for order := -1; order <= 1; order++ {
		tags[order+1] = isFalse
		if holds(order) {
			tags[order+1] = isTrue
		}
	}
	return tags
}

// whatOf is how a message speaks of a node that has no loop.
func whatOf(n node) string {
	switch n.(type) {
	case *forNode:
		return "for expression"
	case *splatNode:
		return "splat"
	case *objectNode:
		return "map with computed names"
	case *rowMap:
		return "row as a whole"
	case *joinNode:
		return "for in a template"
	case *callNode:
		return "call with a list of arguments"
	}
	return "expression"
}
