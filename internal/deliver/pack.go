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
}

// BatchWriteCaps is BatchWriteItem's: 25 requests and 16 MB (AWS: API
// reference, "BatchWriteItem").
func BatchWriteCaps() Caps {
	return Caps{Items: 25, Bytes: 16 << 20, Envelope: 128, PerTable: len(`"":[],`)}
}

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
func (l *load) add(table string, body int, units float64) bool {
	bytes := l.bytes + body + len(",")
	other := !slices.Contains(l.tables, table)
	if other {
		bytes += len(table) + l.caps.PerTable
	}
	if l.items > 0 && (l.full() || bytes > l.caps.Bytes || l.maxUnits > 0 && l.units+units > l.maxUnits) {
		return false
	}
	if other {
		l.tables = append(l.tables, table)
	}
	l.items++
	l.bytes = bytes
	l.units += units
	return true
}

func (l *load) full() bool { return l.items >= l.caps.Items }
