package attr

import "strings"

// A cell of an any column is a value in compact DynamoDB JSON. These look into
// one without making a Value of what nobody asks for. What they give shares the
// cell's memory.

// Decode is the value of a cell.
func Decode(cell string) Value { return decodeCell(cell) }

// CellKind is the kind of a cell's value.
func CellKind(cell string) Kind {
	d := decoder{text: cell}
	return d.descriptor()
}

// CellText is a string's or number's text, when it stands in the cell as it is.
func CellText(cell string) (kind Kind, text string, ok bool) {
	const head, tail = `{"S":"`, `"}`
	if len(cell) < len(head)+len(tail) || cell[3] != '"' {
		return 0, "", false
	}
	text = cell[len(head) : len(cell)-len(tail)]
	switch cell[2] {
	case 'N':
		return Number, text, true
	case 'S':
		return String, text, strings.IndexByte(text, '\\') < 0
	}
	return 0, "", false
}

// CellField is the cell of a map's attribute; false when there is none. The
// cell is that of a map.
func CellField(cell, name string) (field string, ok bool) {
	d := decoder{text: cell}
	d.descriptor()
	for more := d.enter(); more; more = d.more() {
		found := d.str() == name
		d.pos++ // the colon
		start := d.pos
		d.skip()
		if found {
			return cell[start:d.pos], true
		}
	}
	return "", false
}

// CellElem is the cell of a list's i-th element; false when there is none. The
// cell is that of a list.
func CellElem(cell string, i int) (elem string, ok bool) {
	d := decoder{text: cell}
	d.descriptor()
	for more := d.enter(); more; more = d.more() {
		start := d.pos
		d.skip()
		if i == 0 {
			return cell[start:d.pos], true
		}
		i--
	}
	return "", false
}

// CellLength is the number of elements of a list or a set, or of a map's
// attributes.
func CellLength(cell string) (n int) {
	d := decoder{text: cell}
	kind := d.descriptor()
	for more := d.enter(); more; more = d.more() {
		n++
		switch kind {
		case List:
			d.skip()
		case Map:
			d.raw()
			d.pos++ // the colon
			d.skip()
		default:
			d.raw()
		}
	}
	return n
}

// skip passes over an object, whatever is in it.
func (d *decoder) skip() {
	depth := 0
	for {
		switch d.text[d.pos] {
		case '"':
			d.raw()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		d.pos++
		if depth == 0 {
			return
		}
	}
}
