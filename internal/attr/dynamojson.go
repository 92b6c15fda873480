package attr

import (
	"bytes"
	"encoding/base64"
)

// AppendDynamoJSON appends a value as compact DynamoDB JSON, {"S":"x"} (AWS:
// "DynamoDB low-level API", Data type descriptors). The value is not Absent.
func AppendDynamoJSON(dst []byte, v Value) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, v.kind.Descriptor()...)
	dst = append(dst, `":`...)
	switch v.kind {
	case Null:
		dst = append(dst, "true"...)
	case Bool:
		dst = appendBool(dst, v.flag)
	case List:
		dst = append(dst, '[')
		for i, e := range v.elems {
			dst = appendComma(dst, i)
			dst = AppendDynamoJSON(dst, e)
		}
		dst = append(dst, ']')
	case Map:
		dst = append(dst, '{')
		for i, f := range v.fields {
			dst = appendComma(dst, i)
			dst = AppendJSONString(dst, f.Name)
			dst = append(dst, ':')
			dst = AppendDynamoJSON(dst, f.Value)
		}
		dst = append(dst, '}')
	case StringSet, NumberSet, BinarySet:
		dst = append(dst, '[')
		for i, e := range v.elems {
			dst = appendComma(dst, i)
			dst = appendText(dst, e.kind, e.text)
		}
		dst = append(dst, ']')
	default:
		dst = appendText(dst, v.kind, v.text)
	}
	return append(dst, '}')
}

func appendComma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// appendText appends what DynamoDB JSON writes in quotes: a string, a number or
// a binary.
func appendText(dst []byte, kind Kind, text string) []byte {
	switch kind {
	case String:
		return AppendJSONString(dst, text)
	case Binary:
		return appendBase64(dst, bytesOf(text))
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

func appendBase64(dst, data []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// ParseDynamoJSON reads one value in DynamoDB JSON, in any legal spelling.
func ParseDynamoJSON(text []byte) (Value, error) {
	cell, err := CompactDynamoJSON(make([]byte, 0, len(text)), text)
	if err != nil {
		return Value{}, err
	}
	return decodeCell(view(cell)), nil
}

// CompactDynamoJSON checks one value in DynamoDB JSON, in any legal spelling,
// and appends it as AppendDynamoJSON would.
func CompactDynamoJSON(dst, text []byte) ([]byte, error) {
	var s scanner
	s.reset(text)
	out := s.dynamo(dst, 1)
	if err := s.end(); err != nil {
		return dst, err
	}
	return out, nil
}

// dynamo consumes a value and appends it compactly. depth is that of a list or
// map, should it be one.
func (s *scanner) dynamo(dst []byte, depth int) []byte {
	kind := s.descriptor()
	dst = s.payload(dst, kind, depth)
	s.closeValue()
	return dst
}

// descriptor consumes a value up to its descriptor and the colon after it.
func (s *scanner) descriptor() Kind {
	if t := s.text[s.pos:]; len(t) > 5 && t[0] == '{' && t[1] == '"' && t[3] == '"' && t[4] == ':' {
		if kind := kindOf(t[2:3]); kind != Absent { // as the service spells most values
			s.pos += 5
			return kind
		}
	}
	s.peek()
	at := s.pos
	if !s.open('{', '}', "a value in DynamoDB JSON") {
		s.failf(at, "a value in DynamoDB JSON needs a type descriptor, as {\"S\":\"text\"}")
		return Absent
	}
	s.peek()
	at = s.pos
	name := s.name()
	if s.err != nil {
		return Absent
	}
	kind := kindOf(name)
	if kind == Absent {
		s.failf(at, "%q is no type descriptor of DynamoDB JSON: it has S, N, B, BOOL, NULL, SS, NS, BS, L and M", shorten(string(name)))
	}
	return kind
}

// kindOf is the kind of a type descriptor; Absent when it is none.
func kindOf(descriptor []byte) Kind {
	switch string(descriptor) {
	case "S":
		return String
	case "N":
		return Number
	case "BOOL":
		return Bool
	case "B":
		return Binary
	case "NULL":
		return Null
	case "SS":
		return StringSet
	case "NS":
		return NumberSet
	case "BS":
		return BinarySet
	case "L":
		return List
	case "M":
		return Map
	}
	return Absent
}

// closeValue consumes the brace that ends a value.
func (s *scanner) closeValue() {
	if s.err == nil && !s.take('}') {
		if s.peek() == ',' {
			s.failf(s.pos, "a value in DynamoDB JSON has one type descriptor")
			return
		}
		s.expect('}', "after a value")
	}
}

// payload consumes what follows the descriptor and appends the whole value.
func (s *scanner) payload(dst []byte, kind Kind, depth int) []byte {
	if s.err != nil {
		return dst
	}
	dst = append(dst, `{"`...)
	dst = append(dst, kind.Descriptor()...)
	dst = append(dst, `":`...)
	switch kind {
	case Null:
		s.null()
		dst = append(dst, "true"...)
	case Bool:
		dst = appendBool(dst, s.boolean())
	case String:
		dst = s.appendQuoted(dst, "S")
	case Number:
		dst = s.quotedNumber(dst, "N")
	case Binary:
		dst = s.quotedBinary(dst, "B")
	case List:
		dst = s.members(dst, depth, (*scanner).dynamo)
	case Map:
		dst = s.fields(dst, depth, (*scanner).dynamo)
	default:
		dst = s.set(dst, kind)
	}
	return append(dst, '}')
}

// null consumes the true of {"NULL":true}.
func (s *scanner) null() {
	if s.peek() != 't' {
		s.failf(s.pos, "NULL must be true, found %s", s.found())
		return
	}
	s.literal("true")
}

// boolean consumes true or false.
func (s *scanner) boolean() bool {
	switch s.peek() {
	case 't':
		s.literal("true")
		return true
	case 'f':
		s.literal("false")
	default:
		s.failf(s.pos, "BOOL must be true or false, found %s", s.found())
	}
	return false
}

// number consumes a number in quotes; its text is valid until the next string.
func (s *scanner) number(what string) []byte {
	s.peek()
	at := s.pos
	text := s.str(what)
	if s.err == nil {
		if err := CheckNumber(view(text)); err != nil {
			s.failf(at, "%s", err)
		}
	}
	return text
}

func (s *scanner) quotedNumber(dst []byte, what string) []byte {
	dst = append(dst, '"')
	dst = append(dst, s.number(what)...)
	return append(dst, '"')
}

// binary consumes base64 (RFC 4648, section 4, with padding and nothing else)
// and appends the bytes.
func (s *scanner) binary(dst []byte, what string) []byte {
	s.peek()
	at := s.pos
	text := s.str(what)
	if s.err != nil {
		return dst
	}
	out, err := base64.StdEncoding.Strict().AppendDecode(dst, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") {
		s.failf(at, "%s is not base64: %q", what, shorten(string(text)))
		return dst
	}
	return out
}

func (s *scanner) quotedBinary(dst []byte, what string) []byte {
	s.bin = s.binary(s.bin[:0], what)
	return appendBase64(dst, s.bin)
}

// valueOf consumes one value and appends it compactly.
type valueOf func(s *scanner, dst []byte, depth int) []byte

func (s *scanner) tooDeep(depth int) bool {
	if depth > MaxDepth {
		s.failf(s.pos, "lists and maps are nested deeper than DynamoDB's %d levels", MaxDepth)
		return true
	}
	return false
}

// members consumes the array of a list.
func (s *scanner) members(dst []byte, depth int, value valueOf) []byte {
	if s.peek(); s.tooDeep(depth) {
		return dst
	}
	dst = append(dst, '[')
	for i, more := 0, s.open('[', ']', "L"); more; more = s.more(']') {
		dst = appendComma(dst, i)
		dst = value(s, dst, depth+1)
		i++
	}
	return append(dst, ']')
}

// fields consumes the object of a map.
func (s *scanner) fields(dst []byte, depth int, value valueOf) []byte {
	if s.peek(); s.tooDeep(depth) {
		return dst
	}
	dst = append(dst, '{')
	s.seen.push()
	for i, more := 0, s.open('{', '}', "M"); more; more = s.more('}') {
		dst = appendComma(dst, i)
		s.peek()
		at := s.pos
		name := s.name()
		if s.err == nil && !s.seen.add(name) {
			s.failDuplicate(at, name)
		}
		dst = AppendJSONString(dst, view(name))
		dst = append(dst, ':')
		dst = value(s, dst, depth+1)
		i++
	}
	s.seen.pop()
	return append(dst, '}')
}

func (s *scanner) failDuplicate(at int, name []byte) {
	s.failf(at, "the name %q stands twice in one object", shorten(string(name)))
}

// set consumes the array of a set.
func (s *scanner) set(dst []byte, kind Kind) []byte {
	what := kind.Descriptor()
	s.peek()
	at := s.pos
	dst = append(dst, '[')
	s.seen.push()
	n := 0
	for more := s.open('[', ']', what); more; more = s.more(']') {
		dst = appendComma(dst, n)
		s.peek()
		at, start := s.pos, len(dst)
		dst = s.element(dst, kind)
		if s.err == nil && !s.seen.add(s.identity(dst[start:], kind)) {
			s.failf(at, "the element %s stands twice in a set", shorten(string(dst[start:])))
		}
		n++
	}
	s.seen.pop()
	if n == 0 {
		s.failf(at, "a set has at least one element")
	}
	return append(dst, ']')
}

func (s *scanner) element(dst []byte, kind Kind) []byte {
	switch kind {
	case StringSet:
		return s.appendQuoted(dst, "an element of SS")
	case NumberSet:
		return s.quotedNumber(dst, "an element of NS")
	}
	return s.quotedBinary(dst, "an element of BS")
}

// identity is what two elements of a set may not have in common: their text,
// or the value of a number.
func (s *scanner) identity(quoted []byte, kind Kind) []byte {
	if kind != NumberSet {
		return quoted
	}
	s.bin = appendNumberKey(s.bin[:0], view(quoted[1:len(quoted)-1]))
	return s.bin
}
