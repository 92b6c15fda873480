package dynamo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Page is the answer of one Scan or Query but for its items. It shares the
// answer's memory.
type Page struct {
	// Items is how many there were.
	Items int
	// Scanned is how many items were read to find these. Some servers count one
	// more than there were.
	Scanned int64
	// Last is where the next page starts, as ExclusiveStartKey takes it; nil
	// after the last page.
	Last     []byte
	Consumed Consumed
}

// Consumed is a ConsumedCapacity: the capacity units that a request took.
type Consumed struct {
	TableName              string
	CapacityUnits          float64
	Table                  *Units
	LocalSecondaryIndexes  map[string]Units
	GlobalSecondaryIndexes map[string]Units
}

// Units are capacity units of a table or an index.
type Units struct {
	CapacityUnits float64
}

// ItemReader takes the items of a page as ParsePage comes to them. A page may
// still prove to be broken, so what it takes is worth nothing until ParsePage
// returns.
type ItemReader interface {
	// ReadItem reads the item, a DynamoDB JSON map, at the start of a text that
	// goes on after it, and says how long it is. An error is about the item.
	ReadItem(text []byte) (length int, err error)
	// RefuseItem is told of an item that ReadItem had an error with.
	RefuseItem(item []byte, why error)
}

// ParsePage reads the answer of a Scan or Query in one pass, its items by the
// reader. Where an item ends that the reader refuses, it finds out by itself.
func ParsePage(body []byte, page *Page, items ItemReader) error {
	*page = Page{}
	f := framer{text: body}
	err := f.members('{', '}', func(name []byte) error {
		switch string(name) {
		case "Items":
			return f.members('[', ']', func([]byte) error {
				page.Items++
				return f.item(items)
			})
		case "ScannedCount":
			return f.count(&page.Scanned)
		case "LastEvaluatedKey":
			return f.startKey(&page.Last)
		case "ConsumedCapacity":
			return f.consumed(&page.Consumed)
		}
		_, err := f.value()
		return err
	})
	if err == nil && f.peek() != 0 {
		err = f.errorf("something follows the answer")
	}
	return err
}

// item has the reader read the item that comes next.
func (f *framer) item(items ItemReader) error {
	f.peek()
	length, why := items.ReadItem(f.text[f.pos:])
	if why == nil {
		f.pos += length
		return nil
	}
	item, err := f.value()
	if err == nil {
		items.RefuseItem(item, why)
	}
	return err
}

// framer finds the beginning and end of JSON values without reading them.
type framer struct {
	text []byte
	pos  int
}

var errCut = errors.New("the answer ends in the middle")

func (f *framer) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", f.pos, fmt.Sprintf(format, args...))
}

// peek is the next byte that is not space; 0 at the end.
func (f *framer) peek() byte {
	for ; f.pos < len(f.text); f.pos++ {
		switch c := f.text[f.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// members calls each for every member of the object or array that comes next,
// with its name in an object, as it is spelled. each consumes the value.
func (f *framer) members(begin, end byte, each func(name []byte) error) error {
	if f.peek() != begin {
		return f.errorf("expected %q", begin)
	}
	f.pos++
	if f.peek() == end {
		f.pos++
		return nil
	}
	for {
		var name []byte
		if begin == '{' {
			var err error
			if name, err = f.name(); err != nil {
				return err
			}
		}
		if err := each(name); err != nil {
			return err
		}
		switch f.peek() {
		case ',':
			f.pos++
		case end:
			f.pos++
			return nil
		case 0:
			return errCut
		default:
			return f.errorf("expected ',' or %q", end)
		}
	}
}

func (f *framer) name() ([]byte, error) {
	if f.peek() != '"' {
		return nil, f.errorf("expected a name")
	}
	from := f.pos
	if err := f.quoted(); err != nil {
		return nil, err
	}
	name := f.text[from+1 : f.pos-1]
	if f.peek() != ':' {
		return nil, f.errorf("expected ':'")
	}
	f.pos++
	return name, nil
}

// quoted passes a string: up to a quote before which stands no backslash, or
// an even number of them.
func (f *framer) quoted() error {
	from := f.pos + 1
	for f.pos++; ; {
		n := bytes.IndexByte(f.text[f.pos:], '"')
		if n < 0 {
			return errCut
		}
		f.pos += n + 1
		slashes := 0
		for i := f.pos - 2; i >= from && f.text[i] == '\\'; i-- {
			slashes++
		}
		if slashes%2 == 0 {
			return nil
		}
	}
}

// value passes a value and gives its text. Of an object or array only strings
// and brackets are looked at.
func (f *framer) value() ([]byte, error) {
	first := f.peek()
	from := f.pos
	switch first {
	case 0:
		return nil, errCut
	case '"':
		err := f.quoted()
		return f.text[from:f.pos], err
	case '{', '[':
		err := f.nested()
		return f.text[from:f.pos], err
	}
	for f.pos < len(f.text) && strings.IndexByte(",]} \t\r\n", f.text[f.pos]) < 0 {
		f.pos++
	}
	if f.pos == from {
		return nil, f.errorf("expected a value")
	}
	return f.text[from:f.pos], nil
}

// nested passes an object or array up to the bracket that closes it. It is
// where the time of a scan goes, so position and text are kept in registers.
func (f *framer) nested() error {
	text, depth := f.text, 0
	for i := f.pos; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				f.pos = i + 1
				return nil
			}
		}
	}
	f.pos = len(text)
	return errCut
}

func (f *framer) count(into *int64) error {
	text, err := f.value()
	if err != nil {
		return err
	}
	if *into, err = strconv.ParseInt(string(text), 10, 64); err != nil {
		return f.errorf("a count is no whole number")
	}
	return nil
}

// startKey keeps a LastEvaluatedKey, which goes into the next request as it is.
func (f *framer) startKey(into *[]byte) error {
	text, err := f.value()
	if err != nil {
		return err
	}
	switch {
	case string(text) == "null":
	case text[0] != '{' || !json.Valid(text):
		return f.errorf("LastEvaluatedKey is no JSON object")
	default:
		*into = text
	}
	return nil
}

func (f *framer) consumed(into *Consumed) error {
	text, err := f.value()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return f.errorf("ConsumedCapacity: %s", oneLine(err.Error()))
	}
	return nil
}
