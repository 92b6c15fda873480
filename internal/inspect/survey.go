package inspect

import (
	"hash/maphash"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// What a survey keeps at most.
const (
	// MaxAttributes have counts of their own; of others only their values are
	// counted.
	MaxAttributes = 1000
	// MaxDistinct different values are told apart of one attribute, and
	// maxDistinctAll of all: a hash takes some 20 bytes.
	MaxDistinct    = 100_000
	maxDistinctAll = 2_000_000
)

// Survey counts what the rows of a sample have. It is used by one goroutine.
type Survey struct {
	text       bool
	seed       maphash.Seed
	buf        []byte
	attributes []*attribute
	byName     map[string]*attribute
	rows       int64
	beyond     int64 // values of attributes that there was no room for
	distinct   int   // hashes kept
	items      Sizes
	oversized  int64
}

// NewSurvey is an empty survey. text says that values come from text cells, so
// that each may be text for want of a type.
func NewSurvey(text bool) *Survey {
	return &Survey{text: text, seed: maphash.MakeSeed(), byName: map[string]*attribute{}}
}

// Rows is how many rows there have been.
func (s *Survey) Rows() int64 { return s.rows }

// Add looks at the first rows of a batch, and keeps nothing of it.
func (s *Survey) Add(b *record.Batch, rows int) {
	for i := range b.Columns() {
		c := b.Column(i)
		a := s.attribute(c.Name)
		if a == nil {
			for row := range rows {
				if !c.Absent(row) {
					s.beyond++
				}
			}
			continue
		}
		for row := range rows {
			s.see(a, attr.At(c, row), s.rows+int64(row))
		}
	}
	for row := range rows {
		s.overflow(b, row)
		n := attr.Size(b, row)
		s.items.add(int64(n))
		if n > delivery.MaxItem {
			s.oversized++
		}
	}
	s.rows += int64(rows)
}

// overflow looks at a row's attributes that have no column. What is not in
// every row's columns is no candidate for a key.
func (s *Survey) overflow(b *record.Batch, row int) {
	for name, cell := range record.Cells(b.Overflow(row)) {
		a := s.attribute(name)
		if a == nil {
			s.beyond++
			continue
		}
		a.key.drop()
		v, err := attr.ParseDynamoJSON(cell)
		if err != nil {
			panic("inspect: an overflow cell that is no value: " + err.Error())
		}
		s.see(a, v, s.rows+int64(row))
	}
}

// attribute is the one of that name; nil when there is no room for another.
func (s *Survey) attribute(name string) *attribute {
	a := s.byName[name]
	if a == nil && len(s.attributes) < MaxAttributes {
		a = newAttribute(name)
		a.key.paired = len(s.attributes) < maxPairAmong
		s.attributes = append(s.attributes, a)
		s.byName[a.name] = a
	}
	return a
}

// see counts a row's value. row is its number in the sample.
func (s *Survey) see(a *attribute, v attr.Value, row int64) {
	if v.Kind() == attr.Absent {
		a.key.drop()
		return
	}
	a.count(v, s.text)
	if v.Kind() == attr.Null {
		a.key.drop()
		return
	}
	s.buf = attr.KeyBytes(s.buf[:0], v)
	h := maphash.Bytes(s.seed, s.buf)
	s.distinct += a.tell(h, row, s.distinct < maxDistinctAll)
	a.key.see(v, h, row)
}

// Sizes are the least, the greatest and the sum of some sizes in bytes.
type Sizes struct {
	Min, Max, Sum, Count int64
}

func (s *Sizes) add(n int64) {
	if s.Count == 0 || n < s.Min {
		s.Min = n
	}
	s.Max = max(s.Max, n)
	s.Sum += n
	s.Count++
}
