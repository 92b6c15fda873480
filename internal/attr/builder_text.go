package attr

import (
	"fmt"

	"github.com/dynapipe/dynapipe/internal/record"
)

// AddItem sets the row's attributes from an item in DynamoDB JSON, a map of
// names to values, in any legal spelling. After an error the caller calls Drop.
func (b *Builder) AddItem(text []byte) error {
	return b.addWhole(text, "an item", (*Builder).TakeItem)
}

// TakeItem is AddItem of the item at the start of a text that goes on after it,
// and says how long the item is.
func (b *Builder) TakeItem(text []byte) (length int, err error) {
	return b.addRow(text, "an item", (*Builder).usualItem, (*Builder).addItemValue)
}

// AddObject sets the row's attributes from a plain JSON object, as ParseJSON
// reads it. After an error the caller calls Drop.
func (b *Builder) AddObject(text []byte) error {
	return b.addWhole(text, "a row", (*Builder).takeObject)
}

func (b *Builder) takeObject(text []byte) (length int, err error) {
	return b.addRow(text, "a row", (*Builder).usualObject, (*Builder).addPlainValue)
}

// addWhole reads a text that is one object and nothing more.
func (b *Builder) addWhole(text []byte, what string, take func(*Builder, []byte) (int, error)) error {
	if len(text) > MaxRowBytes {
		return fmt.Errorf("%s of %d bytes is more than the %d MB that a row may hold", what, len(text), MaxRowBytes>>20)
	}
	n, err := take(b, text)
	if err != nil || n == len(text) {
		return err
	}
	b.scan.reset(text)
	b.scan.pos = n
	err = b.scan.end()
	b.scan.text = nil
	return err
}

// addRow reads the object at the start of the text. usual reads members that are
// as expected, if they are; add reads the value of any.
func (b *Builder) addRow(text []byte, what string, usual func(*Builder) bool, add func(*Builder, *column, int)) (length int, err error) {
	s := &b.scan
	s.reset(text)
	for more := s.open('{', '}', what); more; more = s.more('}') {
		if usual(b) {
			continue
		}
		s.peek()
		if c := b.likely(); c != nil {
			add(b, c, len(b.pos))
			b.count(c)
			continue
		}
		at := s.pos
		name := s.name()
		if s.err != nil {
			break
		}
		if b.isSet(view(name)) {
			s.failDuplicate(at, name)
			break
		}
		if c := b.column(view(name)); c != nil {
			add(b, c, len(b.pos))
			b.count(c)
			continue
		}
		b.addOverflow(b.over.mark(view(name)), add)
	}
	s.text = nil
	if s.err != nil {
		return 0, s.err
	}
	b.room(s.pos)
	if b.bytes <= MaxRowBytes/12 {
		return s.pos, checkSize(0, b.held) // however its values are spelled, the row is not too large
	}
	return s.pos, b.Err()
}

// likely consumes the next name when it is that of the likely column, spelled
// as usual, and starts the column's cell; else it gives nil.
func (b *Builder) likely() *column {
	if b.next == len(b.columns) {
		return nil
	}
	s, c, row := &b.scan, b.columns[b.next], len(b.pos)
	rest := s.text[s.pos:]
	n := len(c.quoted)
	if n == 0 || len(rest) < n || string(rest[:n]) != c.quoted || c.row == row+1 {
		return nil
	}
	s.pos += n
	b.next++
	c.begin(row)
	return c
}

// isSet reports whether the row has set that name.
func (b *Builder) isSet(name string) bool {
	if c := b.index[name]; c != nil {
		return c.row == len(b.pos)+1
	}
	return b.over.set(name)
}

// addOverflow reads a value into a column of its own, which then goes into the
// row's overflow cell.
func (b *Builder) addOverflow(name string, add func(*Builder, *column, int)) {
	c := &b.over.one
	c.reset()
	c.typ = record.Any
	add(b, c, 0)
	switch {
	case b.scan.err != nil:
	case c.marked > 0:
		b.over.append(name, AppendDynamoJSON(c.data, NullValue()))
	default:
		b.over.append(name, c.data)
	}
}

// addItemValue reads a value in DynamoDB JSON as the row's cell of c.
func (b *Builder) addItemValue(c *column, row int) {
	s := &b.scan
	kind := s.descriptor()
	if s.err != nil {
		return
	}
	b.addPayload(c, kind, row)
	s.closeValue()
}

func (b *Builder) addPayload(c *column, kind Kind, row int) {
	s := &b.scan
	if kind == Null {
		s.null()
		c.finishNull(row)
		return
	}
	switch {
	case !c.accepts(columnType(kind)):
		c.data = s.payload(c.data, kind, 1)
	case kind == String:
		c.addText(s, "S")
	case kind == Number:
		c.data = append(c.data, s.number("N")...)
	case kind == Bool:
		c.data = append(c.data, boolByte(s.boolean()))
	default:
		c.data = s.binary(c.data, "B")
	}
	c.finish(row)
}

// addPlainValue reads a plain JSON value as the row's cell of c.
func (b *Builder) addPlainValue(c *column, row int) {
	s := &b.scan
	kind := plainKind(s.peek())
	if kind == Null {
		s.literal("null")
		c.finishNull(row)
		return
	}
	switch {
	case !c.accepts(columnType(kind)):
		c.data = s.plain(c.data, 1)
	case kind == String:
		c.addText(s, "a value")
	case kind == Bool:
		c.data = append(c.data, boolByte(s.boolean()))
	default:
		c.data = append(c.data, s.plainNumber()...)
	}
	c.finish(row)
}

// addText reads a string as the cell that has begun.
func (c *column) addText(s *scanner, what string) {
	start := len(c.data)
	c.data = s.appendStr(c.data, what)
	c.bare = c.rest && JSONHoldsBare([]int32{0}, c.data[start:])
}

// plainKind is the kind of a plain JSON value by its first byte. What starts no
// value counts as a number, which then fails.
func plainKind(c byte) Kind {
	switch c {
	case '"':
		return String
	case '{':
		return Map
	case '[':
		return List
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}
