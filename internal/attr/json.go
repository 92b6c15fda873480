package attr

// ParseJSON reads one plain JSON value (RFC 8259): null is NULL, numbers keep
// their spelling and are checked, a name twice in an object is an error.
func ParseJSON(text []byte) (Value, error) {
	var s scanner
	s.reset(text)
	cell := s.plain(nil, 1)
	if err := s.end(); err != nil {
		return Value{}, err
	}
	return decodeCell(view(cell)), nil
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
