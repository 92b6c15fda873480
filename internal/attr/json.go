package attr

import (
	"strings"

	"github.com/dynapipe/dynapipe/internal/record"
)

// ParseJSON reads one plain JSON value (RFC 8259): null is NULL, numbers keep
// their spelling and are checked, a name twice in an object is an error.
func ParseJSON(text []byte) (Value, error) {
	var s scanner
	s.reset(text)
	cell := s.plain(make([]byte, 0, 2*len(text)+16), 1)
	if err := s.end(); err != nil {
		return Value{}, err
	}
	return decodeCell(view(cell)), nil
}

// String is the value as plain JSON, shortened, for messages.
func (v Value) String() string {
	if v.kind == Absent {
		return v.kind.String()
	}
	text, _ := AppendJSON(nil, v)
	return shorten(string(text))
}

// plain consumes a plain JSON value and appends it as compact DynamoDB JSON.
func (s *scanner) plain(dst []byte, depth int) []byte {
	switch c := s.peek(); c {
	case '"':
		dst = append(dst, `{"S":`...)
		dst = s.appendQuoted(dst, "a value")
	case '{':
		dst = append(dst, `{"M":`...)
		dst = s.fields(dst, depth, (*scanner).plain)
	case '[':
		dst = append(dst, `{"L":`...)
		dst = s.members(dst, depth, (*scanner).plain)
	case 't', 'f':
		dst = append(dst, `{"BOOL":`...)
		dst = appendBool(dst, s.boolean())
	case 'n':
		s.literal("null")
		dst = append(dst, `{"NULL":true`...)
	default:
		dst = append(dst, `{"N":"`...)
		dst = append(dst, s.plainNumber()...)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// plainNumber consumes a JSON number and gives its text.
func (s *scanner) plainNumber() []byte {
	at := s.pos
	n := jsonNumber(view(s.text[at:]))
	if n == 0 {
		s.failf(at, "expected a value, found %s", s.found())
		return nil
	}
	s.pos += n
	text := s.text[at:s.pos]
	if err := CheckNumber(view(text)); err != nil {
		s.failf(at, "%s", err)
	}
	return text
}

// plain consumes a value and appends it as AppendJSON would.
func (d *decoder) plain(dst []byte) (out []byte, plainest bool) {
	const head, tail = `{"S":"`, `"}`
	if rest := d.text[d.pos:]; strings.HasPrefix(rest, head) {
		n, _ := plainRun(bytesOf(rest[len(head):]), 0)
		if end := len(head) + n; rest[end] == '"' {
			d.pos += end + len(tail)
			return append(dst, rest[len(head)-1:end+1]...), false
		}
	}
	switch kind := d.descriptor(); kind {
	case Null:
		d.pos += len("true")
		dst = append(dst, "null"...)
	case Bool:
		dst = appendBool(dst, d.boolean())
	case List:
		dst = append(dst, '[')
		for i, more := 0, d.enter(); more; more = d.more() {
			var lost bool
			dst, lost = d.plain(appendComma(dst, i))
			plainest = plainest || lost
			i++
		}
		dst = append(dst, ']')
	case Map:
		dst = append(dst, '{')
		for i, more := 0, d.enter(); more; more = d.more() {
			var lost bool
			dst = d.plainText(appendComma(dst, i), String)
			d.pos++ // the colon
			dst, lost = d.plain(append(dst, ':'))
			plainest = plainest || lost
			i++
		}
		dst = append(dst, '}')
	case StringSet, NumberSet, BinarySet:
		plainest = true
		dst = append(dst, '[')
		for i, more := 0, d.enter(); more; more = d.more() {
			dst = d.plainText(appendComma(dst, i), elementKind(kind))
			i++
		}
		dst = append(dst, ']')
	default:
		plainest = kind == Binary
		dst = d.plainText(dst, kind)
	}
	d.pos++ // the brace
	return dst, plainest
}

// plainText consumes a string and appends a string, a binary or a number.
func (d *decoder) plainText(dst []byte, kind Kind) []byte {
	start := d.pos
	raw, _ := d.raw()
	if kind == Number {
		return AppendJSONNumber(dst, raw)
	}
	return append(dst, d.text[start:d.pos]...)
}

// appendCellJSON appends the value that a row has in a column, as AppendJSON.
func appendCellJSON(dst []byte, c record.Column, row int) (out []byte, plainest bool) {
	if c.Null(row) {
		return append(dst, "null"...), false
	}
	switch c.Type {
	case record.String:
		return AppendJSONString(dst, c.Text(row)), false
	case record.Number:
		return AppendJSONNumber(dst, c.Text(row)), false
	case record.Bool:
		return appendBool(dst, c.Bool(row)), false
	case record.Binary:
		return appendBase64(dst, c.Bytes(row)), true
	}
	return appendEncodedJSON(dst, c.Bytes(row))
}

// AppendEncodedJSON appends a cell of an any column as AppendJSON would its
// value, without making one. lost is the kind of a value that got its plainest
// form; Absent when none is lost.
func AppendEncodedJSON(dst, cell []byte) (out []byte, lost Kind) {
	out, plainest := appendEncodedJSON(dst, cell)
	if plainest {
		d := decoder{text: view(cell)}
		lost = d.descriptor()
	}
	return out, lost
}

// appendEncodedJSON appends a cell of an any column as AppendJSON.
func appendEncodedJSON(dst, cell []byte) (out []byte, plainest bool) {
	d := decoder{text: view(cell)}
	return d.plain(dst)
}

// AppendJSON appends a value as plain JSON. What JSON does not have gets its
// plainest form and sets plainest: a set an array, a binary a base64 string.
func AppendJSON(dst []byte, v Value) (out []byte, plainest bool) {
	switch v.kind {
	case String:
		return AppendJSONString(dst, v.text), false
	case Number:
		return AppendJSONNumber(dst, v.text), false
	case Bool:
		return appendBool(dst, v.flag), false
	case Binary:
		return appendBase64(dst, bytesOf(v.text)), true
	case List, StringSet, NumberSet, BinarySet:
		plainest = v.kind != List
		dst = append(dst, '[')
		for i, e := range v.elems {
			var lost bool
			dst, lost = AppendJSON(appendComma(dst, i), e)
			plainest = plainest || lost
		}
		return append(dst, ']'), plainest
	case Map:
		dst = append(dst, '{')
		for i, f := range v.fields {
			var lost bool
			dst = AppendJSONString(appendComma(dst, i), f.Name)
			dst, lost = AppendJSON(append(dst, ':'), f.Value)
			plainest = plainest || lost
		}
		return append(dst, '}'), plainest
	}
	return append(dst, "null"...), false
}
