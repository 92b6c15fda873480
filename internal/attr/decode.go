package attr

import (
	"encoding/base64"
	"strings"
)

// decoder reads compact DynamoDB JSON that was checked when it was written.
// What it makes shares the text.
type decoder struct {
	text string
	pos  int
}

// decodeCell is the value of a cell of an any column.
func decodeCell(cell string) Value {
	d := decoder{text: cell}
	return d.value()
}

// descriptor consumes {"X": and gives the kind.
func (d *decoder) descriptor() Kind {
	d.pos += len(`{"`)
	if d.text[d.pos+1] == '"' { // as of most values
		d.pos += len(`S":`)
		return kindOf(bytesOf(d.text[d.pos-3 : d.pos-2]))
	}
	end := strings.IndexByte(d.text[d.pos:], '"') + d.pos
	kind := kindOf(bytesOf(d.text[d.pos:end]))
	d.pos = end + len(`":`)
	return kind
}

func (d *decoder) value() Value {
	v := Value{kind: d.descriptor()}
	switch v.kind {
	case Null:
		d.pos += len("true")
	case Bool:
		v.flag = d.boolean()
	case List:
		for more := d.enter(); more; more = d.more() {
			v.elems = append(v.elems, d.value())
		}
	case Map:
		v.fields = make([]Field, 0, 4)
		for more := d.enter(); more; more = d.more() {
			name := d.str()
			d.pos++ // the colon
			v.fields = append(v.fields, Field{Name: name, Value: d.value()})
		}
	case StringSet, NumberSet, BinarySet:
		kind := elementKind(v.kind)
		for more := d.enter(); more; more = d.more() {
			v.elems = append(v.elems, Value{kind: kind, text: d.content(kind)})
		}
	default:
		v.text = d.content(v.kind)
	}
	d.pos++ // the brace
	return v
}

func (d *decoder) boolean() bool {
	if d.text[d.pos] == 't' {
		d.pos += len("true")
		return true
	}
	d.pos += len("false")
	return false
}

// enter consumes the byte that opens an array or object and, when it is empty,
// the one that closes it.
func (d *decoder) enter() bool {
	d.pos++
	if c := d.text[d.pos]; c == ']' || c == '}' {
		d.pos++
		return false
	}
	return true
}

// more consumes a comma or the byte that closes.
func (d *decoder) more() bool {
	d.pos++
	return d.text[d.pos-1] == ','
}

// raw consumes a string and gives what is between the quotes.
func (d *decoder) raw() (raw string, escaped bool) {
	start := d.pos + 1
	for i := start; ; i += len(`\n`) {
		n, _ := plainRun(bytesOf(d.text[i:]), 0)
		if i += n; d.text[i] == '"' {
			d.pos = i + 1
			return d.text[start:i], escaped
		}
		escaped = true
	}
}

func (d *decoder) str() string {
	raw, escaped := d.raw()
	if !escaped {
		return raw
	}
	text, _, _ := unescape(nil, bytesOf(raw))
	return view(text)
}

// content consumes a string and gives a string's, number's or binary's text.
func (d *decoder) content(kind Kind) string {
	if kind != Binary {
		return d.str()
	}
	raw, _ := d.raw()
	data, _ := base64.StdEncoding.DecodeString(raw)
	return view(data)
}

// elementKind is the kind of a set's elements.
func elementKind(set Kind) Kind {
	switch set {
	case StringSet:
		return String
	case NumberSet:
		return Number
	}
	return Binary
}
