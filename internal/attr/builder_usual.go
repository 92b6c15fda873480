package attr

import "github.com/dynapipe/dynapipe/internal/record"

// Most rows resemble the one before: the same attributes in the same order, of
// the same types, spelled without a space. These read them without a look at
// what can't be otherwise. Whatever is not so, and whatever is wrong, they leave
// to the builder's other functions.

// usualItem consumes members of an item, one after the other, as long as they
// are those of the likely columns and of their types. It stops before the comma
// or brace that follows the last of them, and reports whether there was one.
func (b *Builder) usualItem() bool {
	return b.usual((*scanner).usualItemValue, (*heads).aroundItemText)
}

// usualObject is usualItem of a plain JSON object.
func (b *Builder) usualObject() bool { return b.usual((*scanner).usualValue, (*heads).aroundText) }

// usual consumes members; value appends the value of a column at a byte of the
// text and says where it ends, or gives less than 0; around is what a member
// with a text takes beside it, if nothing in it is escaped.
func (b *Builder) usual(value func(s *scanner, c *column, at int) (data []byte, end int), around func(*heads) int) bool {
	s, row := &b.scan, len(b.pos)
	from := s.pos
	for pos := from; b.next < len(b.columns); pos++ {
		c := b.columns[b.next]
		if c.row == row+1 || c.quoted == "" {
			break
		}
		data, end := value(s, c, pos)
		if end < 0 {
			break
		}
		text := len(data) - len(c.data)
		b.size += text
		c.begin(row)
		c.data, c.bare = data, c.rest && c.typ == record.String && end-pos-text == around(&c.heads)
		c.finish(row)
		b.next++
		s.pos = end
		if pos = end; pos == len(s.text) || s.text[pos] != ',' {
			break
		}
	}
	return s.pos != from
}

// usualItemValue appends the column's name and value in DynamoDB JSON.
func (s *scanner) usualItemValue(c *column, at int) (data []byte, end int) {
	text := s.text
	switch c.typ {
	case record.String:
		if at = after(text, at, c.heads.itemText); at > 0 {
			data, end = appendBody(c.data, text, at)
			return data, after(text, end, `"}`)
		}
	case record.Number:
		if at = after(text, at, c.heads.itemNumber); at > 0 {
			if end = after(text, shortNumber(text, at), `"}`); end > 0 {
				return append(c.data, text[at:end-2]...), end
			}
		}
	case record.Bool:
		if at = after(text, at, c.quoted); at > 0 {
			if end = after(text, at, `{"BOOL":true}`); end > 0 {
				return append(c.data, boolByte(true)), end
			}
			return append(c.data, boolByte(false)), after(text, at, `{"BOOL":false}`)
		}
	case record.Any:
		if at = after(text, at, c.quoted); at > 0 {
			if end = s.compact(at, 1); end > 0 {
				return append(c.data, text[at:end]...), end
			}
		}
	}
	return nil, -1
}

// usualValue appends the column's name and value in plain JSON.
func (s *scanner) usualValue(c *column, at int) (data []byte, end int) {
	text := s.text
	if c.typ == record.String {
		if at = after(text, at, c.heads.text); at > 0 {
			data, end = appendBody(c.data, text, at)
			return data, after(text, end, `"`)
		}
		return nil, -1
	}
	if at = after(text, at, c.quoted); at < 0 {
		return nil, -1
	}
	switch c.typ {
	case record.Number:
		if end = shortNumber(text, at); end > 0 && endsNumber(text, end) {
			return append(c.data, text[at:end]...), end
		}
	case record.Bool:
		if end = after(text, at, "true"); end > 0 {
			return append(c.data, boolByte(true)), end
		}
		return append(c.data, boolByte(false)), after(text, at, "false")
	case record.Any:
		return s.appendPlain(c.data, at, 1)
	}
	return nil, -1
}
