package expr

import "github.com/dynapipe/dynapipe/internal/attr"

// templateLoop joins the texts of its parts, all rows into one buffer.
type templateLoop struct{ parts []templatePart }

// templatePart is what is written, or computed.
type templatePart struct {
	written string
	operand *operand
	v       *vector
	mask    int
}

func (n *templateLoop) run(m *machine, sel []int32, out *vector) {
	parts := m.parts(n.parts)
	for k := range parts {
		if p := &parts[k]; p.operand != nil {
			p.v, p.mask = p.operand.run(m, sel)
		}
	}
	for _, i := range sel {
		start, made, t := len(m.made), m.made, isString
		for k := range parts {
			p := &parts[k]
			if p.operand == nil {
				made = append(made, p.written...)
				continue
			}
			at := int(i) & p.mask
			if p.v.tags[at] == isString {
				made = append(made, p.v.texts[at]...)
				continue
			}
			var part tag
			if made, part = p.v.appendText(made, at); part != isString {
				t = worse(t, part)
			}
		}
		if m.tooLong(len(made)-start) && t == isString {
			t = isUndecided
		}
		if t != isString {
			out.tags[i] = t
			continue
		}
		out.setText(int(i), t, m.text(start, made))
	}
	clear(parts)
	m.partsUsed -= len(parts)
}

// appendText appends a place as text: a string, a number in plain decimal, a
// bool. The tag is isString, or why there is no text.
func (v *vector) appendText(dst []byte, at int) ([]byte, tag) {
	switch t := v.tags[at]; t {
	case isString:
		return append(dst, v.texts[at]...), isString
	case isNumber:
		return attr.AppendNumber(dst, v.texts[at]), isString
	case isSmall:
		return v.nums[at].append(dst), isString
	case isTrue:
		return append(dst, "true"...), isString
	case isFalse:
		return append(dst, "false"...), isString
	case isUndecided:
		return dst, t
	}
	return dst, isFailure
}

// plainText is a place as text, as appendText.
func (m *machine) plainText(v *vector, at int) (string, tag) {
	if v.tags[at] == isString {
		return v.texts[at], isString
	}
	made, t := v.appendText(m.made, at)
	if t != isString {
		return "", t
	}
	return m.text(len(m.made), made), t
}

// parts is a copy of a template's parts, to be filled in: another template may
// be among them.
func (m *machine) parts(of []templatePart) []templatePart {
	m.partsUsed += len(of)
	if m.partsUsed > len(m.partRoom) {
		m.partRoom = make([]templatePart, 2*m.partsUsed)
	}
	parts := m.partRoom[m.partsUsed-len(of) : m.partsUsed]
	copy(parts, of)
	return parts
}
