package expr

import "github.com/dynapipe/dynapipe/internal/attr"

// nestedLoop makes a list, or a map with names that are written: right as the
// cell of an any column, without a value for each element.
type nestedLoop struct {
	open, close string   // {"L":[ and ]}
	names       []string // of a map: "name":
	elems       []operand
}

func (n *nestedLoop) run(m *machine, sel []int32, out *vector) {
	elems := m.arguments(n.elems, sel)
	for _, i := range sel {
		if t := elems.state(i); !t.decided() {
			out.tags[i] = t
			continue
		}
		start := len(m.made)
		m.made = append(m.made, n.open...)
		for k := range elems {
			if k > 0 {
				m.made = append(m.made, ',')
			}
			if n.names != nil {
				m.made = append(m.made, n.names[k]...)
			}
			m.encode(elems[k].v, int(i)&elems[k].mask)
		}
		m.made = append(m.made, n.close...)
		out.setText(int(i), isCell, view(m.made[start:]))
		if m.tooLong(len(m.made) - start) {
			out.tags[i] = isUndecided
		}
	}
	m.argsUsed -= len(elems)
}

// encode appends a place to m.made as the cell of an any column. Null is NULL
// there.
func (m *machine) encode(v *vector, at int) {
	switch v.tags[at] {
	case isAbsent, isNull:
		m.made = append(m.made, `{"NULL":true}`...)
	case isString:
		m.made = append(m.made, `{"S":`...)
		m.made = attr.AppendJSONString(m.made, v.texts[at])
		m.made = append(m.made, '}')
	case isNumber:
		m.made = append(m.made, `{"N":"`...)
		m.made = append(m.made, v.texts[at]...)
		m.made = append(m.made, `"}`...)
	case isSmall:
		m.made = append(m.made, `{"N":"`...)
		m.made = v.nums[at].append(m.made)
		m.made = append(m.made, `"}`...)
	case isCell:
		m.made = append(m.made, v.texts[at]...)
	default:
		m.made = attr.AppendDynamoJSON(m.made, m.value(v, at))
	}
}

// tuple makes the loop of a list.
func (l *lowering) tuple(n *tupleNode, reg int) loop {
	return &nestedLoop{open: `{"L":[`, close: "]}", elems: l.operands(n.elems, reg)}
}

// object makes the loop of a map whose names are written and differ; nil for
// others.
func (l *lowering) object(n *objectNode, reg int) loop {
	out := &nestedLoop{open: `{"M":{`, close: "}}", names: make([]string, len(n.keys))}
	seen := map[string]bool{}
	for i := range n.keys {
		v, ok := n.keys[i].value()
		name, text := scalarText(v)
		if !ok || !text || seen[name] {
			return nil
		}
		seen[name] = true
		out.names[i] = string(append(attr.AppendJSONString(nil, name), ':'))
	}
	out.elems = l.operands(n.values, reg)
	return out
}
