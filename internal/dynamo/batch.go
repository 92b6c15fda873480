package dynamo

import (
	"encoding/json"
	"slices"
)

// BatchPage is the answer of one BatchGetItem. It shares the answer's memory.
type BatchPage struct {
	// Found are the items that there are, framed and not yet looked into, and
	// Back the keys that were not processed.
	Found, Back []TableItem
	// Consumed is the answer's ConsumedCapacity as it came; nil when it has none.
	Consumed []byte
}

// TableItem is an item or a key, and its table as the answer names it.
type TableItem struct {
	Table string
	Item  []byte
}

// ParseBatchPage cuts the answer of a BatchGetItem into items, in the memory of
// page.Found and page.Back.
func ParseBatchPage(body []byte, page *BatchPage) error {
	*page = BatchPage{Found: page.Found[:0], Back: page.Back[:0]}
	f := framer{text: body}
	err := f.members('{', '}', func(name []byte) (err error) {
		switch string(name) {
		case "Responses":
			return f.tables(func(table string) error { return f.items(table, &page.Found) })
		case "UnprocessedKeys":
			return f.tables(func(table string) error {
				return f.members('{', '}', func(name []byte) error {
					if string(name) == "Keys" {
						return f.items(table, &page.Back)
					}
					_, err := f.value()
					return err
				})
			})
		case hasConsumed:
			page.Consumed, err = f.value()
			return err
		}
		_, err = f.value()
		return err
	})
	return f.ended(err)
}

const hasConsumed = "ConsumedCapacity"

// TransactPage is the answer of one TransactGetItems. It shares the answer's
// memory.
type TransactPage struct {
	Items    [][]byte // in the request's order; nil where there is none
	Consumed []byte   // as in BatchPage
}

// ParseTransactPage cuts the answer of a TransactGetItems into items.
func ParseTransactPage(body []byte, page *TransactPage) error {
	*page = TransactPage{Items: page.Items[:0]}
	f := framer{text: body}
	err := f.members('{', '}', func(name []byte) (err error) {
		switch string(name) {
		case "Responses":
			return f.members('[', ']', func([]byte) error { return f.response(page) })
		case hasConsumed:
			page.Consumed, err = f.value()
			return err
		}
		_, err = f.value()
		return err
	})
	return f.ended(err)
}

// response takes one entry of a transaction's Responses: {} or {"Item":{...}},
// or null.
func (f *framer) response(page *TransactPage) error {
	page.Items = append(page.Items, nil)
	if f.peek() != '{' {
		_, err := f.null()
		return err
	}
	return f.members('{', '}', func(name []byte) error {
		if string(name) != "Item" {
			_, err := f.value()
			return err
		}
		item, err := f.value()
		if err == nil && item[0] == '{' {
			page.Items[len(page.Items)-1] = item
		}
		return err
	})
}

// ended is err, or that something follows the answer.
func (f *framer) ended(err error) error {
	if err == nil && f.peek() != 0 {
		return f.errorf("something follows the answer")
	}
	return err
}

// null passes a null.
func (f *framer) null() ([]byte, error) {
	text, err := f.value()
	if err == nil && string(text) != "null" {
		err = f.errorf("expected an object")
	}
	return text, err
}

// tables calls each for the value of every table, which it consumes. There may
// be a null in place of them.
func (f *framer) tables(each func(table string) error) error {
	if f.peek() != '{' {
		_, err := f.null()
		return err
	}
	return f.members('{', '}', func(name []byte) error {
		table, err := plainName(name)
		if err != nil {
			return f.errorf("%s", err)
		}
		return each(table)
	})
}

func (f *framer) items(table string, into *[]TableItem) error {
	return f.members('[', ']', func([]byte) error {
		if f.peek() != '{' {
			return f.errorf("expected an item")
		}
		item, err := f.value()
		*into = append(*into, TableItem{Table: table, Item: item})
		return err
	})
}

// plainName is a name as it stands between quotes, without its escapes.
func plainName(raw []byte) (string, error) {
	if !slices.Contains(raw, '\\') {
		return string(raw), nil
	}
	var name string
	err := json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &name)
	return name, err
}

// Pick gives an item's attributes of those names, each as its text in DynamoDB
// JSON, nil when the item has none. It appends them to dst.
func Pick(dst [][]byte, item []byte, names []string) ([][]byte, error) {
	start := len(dst)
	for range names {
		dst = append(dst, nil)
	}
	f := framer{text: item}
	err := f.members('{', '}', func(raw []byte) error {
		value, err := f.value()
		if err != nil {
			return err
		}
		i := slices.Index(names, string(raw))
		if i < 0 && slices.Contains(raw, '\\') {
			name, err := plainName(raw)
			if err != nil {
				return f.errorf("%s", err)
			}
			i = slices.Index(names, name)
		}
		if i >= 0 {
			dst[start+i] = value
		}
		return nil
	})
	return dst, f.ended(err)
}
