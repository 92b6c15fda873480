package delivery

import (
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/record"
)

// MaxItem is the largest item (AWS: "Constraints in Amazon DynamoDB").
const MaxItem = 400 << 10

// attribute is where a batch has an attribute, so that rows need not search.
type attribute struct {
	name   string
	column record.Column
	there  bool
	text   *array.String // the column's, when it gives every row a text
}

func locate(b *record.Batch, name string) attribute {
	c, ok := b.Lookup(name)
	a := attribute{name: name, column: c, there: ok}
	if ok && c.Type == record.String && c.Nulls == nil && c.Values.NullN() == 0 {
		a.text = c.Values.(*array.String)
	}
	return a
}

func (a *attribute) value(b *record.Batch, row int) attr.Value {
	switch {
	case a.text != nil:
		return attr.StringValue(a.text.Value(row))
	case a.there && !a.column.Absent(row):
		return attr.At(a.column, row)
	case b.HasOverflow():
		return attr.Get(b, a.name, row)
	}
	return attr.Value{}
}

// Page is a batch whose rows are being made into items.
type Page struct {
	Batch    *record.Batch
	Items    *attr.Encoder
	argument string // what gave the rows, when it is not the source
	views    map[*Table]*View
	last     *View
	lengths  []int32 // of the rows; nil until one is asked for
}

// NewPage is valid until the batch is released.
func NewPage(b *record.Batch) *Page {
	return &Page{Batch: b, Items: attr.NewEncoder(b), views: map[*Table]*View{}}
}

// Bytes is about how long the row is as DynamoDB JSON, which takes no look at its
// values: at least if nothing in it has to be escaped.
func (p *Page) Bytes(row int) int {
	if p.lengths == nil {
		p.lengths = p.Items.Lengths()
	}
	return int(p.lengths[row])
}

// View is where a batch has the key attributes of a table and its indexes.
type View struct {
	Table   *Table
	page    *Page
	keys    []attribute
	indexes []attribute
}

// View is that of a table.
func (p *Page) View(t *Table) *View {
	if p.last != nil && p.last.Table == t {
		return p.last
	}
	v := p.views[t]
	if v == nil {
		v = &View{Table: t, page: p}
		for _, k := range t.Keys {
			v.keys = append(v.keys, locate(p.Batch, k.Name))
		}
		for _, x := range t.Indexes {
			v.indexes = append(v.indexes, locate(p.Batch, x.Name))
		}
		p.views[t] = v
	}
	p.last = v
	return v
}

// Key takes the row's key of the table.
func (v *View) Key(k *Key, row int) Refusal {
	k.Reset(v.Table)
	for i := range v.keys {
		a, key := &v.keys[i], &v.Table.Keys[i]
		if a.text != nil && key.usual(a.text.Value(row)) {
			k.addText(a.text.Value(row))
			continue
		}
		value := a.value(v.page.Batch, row)
		if no := v.Table.checkKey(key, value, v.page.argument); no.Refused() {
			return no
		}
		k.add(value)
	}
	return Refusal{}
}

// Item checks the row as an item of the table and says what putting it takes.
// bytes is how long the row is as DynamoDB JSON, at least if nothing in it has
// to be escaped.
func (v *View) Item(row, bytes int) (units float64, no Refusal) {
	units, _, _, no = v.measure(row, bytes)
	return units, no
}

// measure is Item, and says how large the item is, or of a small one that it is
// no larger than that.
func (v *View) measure(row, bytes int) (units float64, size int, exact bool, no Refusal) {
	within, outside := v.Table.Count, "" // of the indexes that the row is in, and the last it is not in
	for i := range v.indexes {
		x, value := &v.Table.Indexes[i], v.indexes[i].value(v.page.Batch, row)
		if no := v.Table.CheckIndex(x, value); no.Refused() {
			return 0, 0, false, no
		}
		if value.Kind() == attr.Absent && x.Index != outside {
			within, outside = within-1, x.Index
		}
	}
	size = bytes
	if exact = deliver.WriteUnits(size) > 1; exact { // else the size can't matter: it is no more than the text's
		size = v.page.Items.Size(row)
	}
	if no := CheckSize(size); no.Refused() {
		return 0, 0, false, no
	}
	return deliver.WriteUnits(size) * (1 + within), size, exact, Refusal{}
}

// ItemSize is the size of an item in DynamoDB JSON, as DynamoDB counts.
func ItemSize(text []byte) int {
	n := 0
	item, _ := parseItem(text)
	for _, f := range item.Fields() {
		n += len(f.Name) + f.Value.Size()
	}
	return n
}

// CheckSize refuses an item that is too large.
func CheckSize(size int) Refusal {
	if size > MaxItem {
		return Refuse(CodeTooLarge, "the item has %d bytes by DynamoDB's count, more than the %d (400 KB) that one may have", size, MaxItem)
	}
	return Refusal{}
}

// Key is the key of one item, checked. It is used again from row to row.
type Key struct {
	table  *Table
	values []attr.Value
	bytes  []byte
}

// Reset begins a key of the table.
func (k *Key) Reset(t *Table) {
	k.table, k.values, k.bytes = t, k.values[:0], k.bytes[:0]
}

// Add takes the value that an expression gave for the next attribute of the
// table's key.
func (k *Key) Add(v attr.Value) Refusal {
	return k.take(v, "key")
}

// take takes what an argument gave for the next attribute.
func (k *Key) take(v attr.Value, argument string) Refusal {
	if no := k.table.checkKey(&k.table.Keys[len(k.values)], v, argument); no.Refused() {
		return no
	}
	k.add(v)
	return Refusal{}
}

func (k *Key) add(v attr.Value) {
	k.values = append(k.values, v)
	k.bytes = attr.KeyBytes(k.bytes, v)
}

func (k *Key) addText(text string) {
	k.values = append(k.values, attr.StringValue(text))
	k.bytes = attr.StringKeyBytes(k.bytes, text)
}

// Bytes is the key in a form that is equal when DynamoDB deems two keys equal.
func (k *Key) Bytes() []byte { return k.bytes }

// Append appends the key as DynamoDB JSON: {"pk":{"S":"a"},"sk":{"N":"1"}}.
func (k *Key) Append(dst []byte) []byte {
	for i, v := range k.values {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		dst = attr.AppendJSONString(append(dst, separator), k.table.Keys[i].Name)
		dst = attr.AppendDynamoJSON(append(dst, ':'), v)
	}
	return append(dst, '}')
}

// arenaSize is how much memory encoded rows share. A row that waits long keeps
// its share's whole alive, so it is small.
const arenaSize = 16 << 10

// Arena is where encoded rows live until they have ended.
type Arena struct {
	chunk   []byte
	usual   int    // how much rows take, the largest of late
	scratch []byte // for rows that take much
	lent    bool   // scratch is the room given last
}

// Room is memory to append a row to. Keep then need not copy it, if it fits.
func (a *Arena) Room() []byte {
	if want := a.usual + a.usual/4 + 64; want > cap(a.chunk)-len(a.chunk) {
		if want > arenaSize/4 {
			a.lent = true
			return a.scratch[:0]
		}
		a.chunk = make([]byte, 0, arenaSize)
	}
	return a.chunk[len(a.chunk):]
}

// Keep is the bytes where they live as long as their row.
func (a *Arena) Keep(b []byte) []byte {
	start := len(a.chunk)
	if len(b) > 0 && start < cap(a.chunk) && &b[0] == &a.chunk[:start+1][start] {
		a.chunk = a.chunk[:start+len(b)]
	} else {
		if len(b) > cap(a.chunk)-start {
			a.chunk, start = make([]byte, 0, max(arenaSize, len(b))), 0
		}
		a.chunk = append(a.chunk, b...)
		if a.lent {
			a.scratch, a.lent = b[:0], false
		}
	}
	a.usual = max(len(b), a.usual-a.usual/16)
	return a.chunk[start:len(a.chunk):len(a.chunk)]
}

// KeepText is bytes as a string that lives as long as a row.
func (a *Arena) KeepText(b []byte) string {
	usual := a.usual
	b = a.Keep(b)
	a.usual = usual
	return unsafe.String(unsafe.SliceData(b), len(b))
}
