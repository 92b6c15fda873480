package deliver

import "slices"

// Caps is what one request of a call may hold.
type Caps struct {
	Items int // rows
	Bytes int // length of the body
	// Envelope and PerTable are the bytes that a body has beyond its rows: once,
	// and for each table beyond the table's name.
	Envelope int
	PerTable int
	// Single says that a request holds one row, which may have several actions.
	Single bool
}

// rows is how many a request holds at most.
func (c Caps) rows() int64 {
	if c.Single {
		return 1
	}
	return int64(c.Items)
}

// Holds reports that a request may have as many actions and bytes.
func (c Caps) Holds(actions, bytes int) bool { return actions <= c.Items && bytes <= c.Bytes }

// BatchWriteCaps is BatchWriteItem's: 25 requests and 16 MB (AWS: API
// reference, "BatchWriteItem").
func BatchWriteCaps() Caps {
	return Caps{Items: 25, Bytes: 16 << 20, Envelope: 128, PerTable: len(`"":[],`)}
}

// BatchGetCaps is BatchGetItem's: 100 keys, and 16 MB of an answer, which gives
// back what would be beyond (AWS: API reference, "BatchGetItem"). A table may come
// with a projection, for which perTable is the room.
func BatchGetCaps(perTable int) Caps {
	return Caps{Items: 100, Bytes: 16 << 20, Envelope: 128, PerTable: perTable + len(`"":{"Keys":[]},`)}
}

// TransactWriteCaps and TransactGetCaps are TransactWriteItems' and
// TransactGetItems': 100 actions on items of 4 MB together (AWS: API reference).
func TransactWriteCaps() Caps { return Caps{Items: 100, Bytes: 4 << 20, Envelope: 256, Single: true} }

// TransactGetCaps is as TransactWriteCaps.
func TransactGetCaps() Caps { return Caps{Items: 100, Bytes: 4 << 20, Envelope: 128, Single: true} }

// ItemCaps is for the calls on one item: PutItem, UpdateItem, DeleteItem.
func ItemCaps() Caps { return Caps{Items: 1, Bytes: 16 << 20, Envelope: 256, Single: true} }

// load is a request being filled.
type load struct {
	caps     Caps
	maxUnits float64 // 0: no limit
	items    int
	bytes    int
	units    float64
	tables   []string
}

func newLoad(caps Caps, maxUnits float64) load {
	return load{caps: caps, maxUnits: maxUnits, bytes: caps.Envelope}
}

// add counts a row in and reports whether it fits. The first row always does:
// alone it is as small as a request can be.
func (l *load) add(table string, actions, body int, units float64) bool {
	bytes := l.bytes + body + len(",")
	other := !slices.Contains(l.tables, table)
	if other {
		bytes += len(table) + l.caps.PerTable
	}
	if l.items > 0 && (l.full() || l.items+actions > l.caps.Items || bytes > l.caps.Bytes || l.maxUnits > 0 && l.units+units > l.maxUnits) {
		return false
	}
	if other {
		l.tables = append(l.tables, table)
	}
	l.items += actions
	l.bytes = bytes
	l.units += units
	return true
}

func (l *load) full() bool { return l.items >= l.caps.Items || l.caps.Single && l.items > 0 }
