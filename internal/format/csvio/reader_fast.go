package csvio

import (
	"encoding/binary"
	"math/bits"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Nearly every record is whole in the window and has nothing wrong with it.
// fast reads those eight bytes at a time; whatever is out of the ordinary it
// leaves, untouched, to record, which can wait for more text and say what is
// wrong. The two give the same cells, which FuzzReader checks.

const (
	eachByte = 0x0101010101010101 // times a byte: that byte, eight times
	lowBits  = 0x7f7f7f7f7f7f7f7f
	highBits = 0x8080808080808080
)

// nonZero has the high bit of every byte of x that is not zero. The other bits
// mean nothing.
func nonZero(x uint64) uint64 { return x&lowBits + lowBits | x }

// fast reads the record that starts the window; false when it must be read by
// record.
func (r *Reader) fast() bool {
	w := r.w
	if !r.ordinary || len(w) == 0 || r.odd[w[0]] {
		return false
	}
	delim, delims := r.delim[0], uint64(r.delim[0])*eachByte
	spans := r.spans[:0]
	quotes := false
	from, seen := 0, uint64(0)
	for {
		if from < len(w) && w[from] == '"' {
			s, high, ok := quotedSpan(w, from+1)
			if !ok {
				return false
			}
			spans = append(spans, s)
			quotes, seen = true, seen|high
			from = s.to + 1
			if w[from] == '\r' && from+1 < len(w) {
				from++
				if w[from] != '\n' {
					return false
				}
			}
			if w[from] == '\n' {
				from++
				break
			}
			if w[from] != delim {
				return false
			}
			from++
			continue
		}
		var ended bool
		spans, from, ended, seen = plainSpans(w, from, delims, spans, seen)
		if ended {
			break
		}
		if from < 0 {
			return false
		}
	}
	if seen&highBits != 0 && !attr.ValidText(w[:from]) {
		return false
	}
	if r.o.Trim {
		trim(w, spans)
	}
	r.spans, r.i, r.multi = spans, from, quotes
	return true
}

// plainSpans adds the cells without quotes from a place on. It ends after a
// line feed, which it says, or before a cell in quotes; from is negative when
// the record is not one for fast.
func plainSpans(w []byte, from int, delims uint64, spans []span, seen uint64) ([]span, int, bool, uint64) {
	for at := from; at+8 <= len(w); at += 8 {
		x := binary.LittleEndian.Uint64(w[at:])
		seen |= x
		for found := ^(nonZero(x^delims) & nonZero(x^'\n'*eachByte) & nonZero(x^'"'*eachByte)) & highBits; found != 0; found &= found - 1 {
			i := at + bits.TrailingZeros64(found)/8
			switch w[i] {
			case '"':
				if i != from {
					return spans, -1, false, seen
				}
				return spans, i, false, seen
			case '\n':
				to := i
				if to > from && w[to-1] == '\r' {
					to--
				}
				return append(spans, span{from: from, to: to}), i + 1, true, seen
			}
			spans = append(spans, span{from: from, to: i})
			from = i + 1
		}
	}
	return spans, -1, false, seen
}

// quotedSpan is the cell in quotes whose text starts at a place; ok is false
// when its end, and a byte after it, are not in the window. high has the high
// bits of the bytes that were read.
func quotedSpan(w []byte, from int) (s span, high uint64, ok bool) {
	s = span{from: from, quoted: true}
	for at := from; at+8 <= len(w); {
		x := binary.LittleEndian.Uint64(w[at:])
		high |= x
		found := ^nonZero(x^'"'*eachByte) & highBits
		if found == 0 {
			at += 8
			continue
		}
		i := at + bits.TrailingZeros64(found)/8
		if i+1 == len(w) {
			break
		}
		if w[i+1] != '"' {
			s.to = i
			return s, high, true
		}
		s.doubled = true
		at = i + 2
	}
	return s, high, false
}

// trim takes the spaces off cells without quotes. None of them is a delimiter,
// or it would not be in the cell.
func trim(w []byte, spans []span) {
	for i := range spans {
		s := &spans[i]
		if s.quoted {
			continue
		}
		for s.from < s.to && isSpace(w[s.from]) {
			s.from++
		}
		for s.to > s.from && isSpace(w[s.to-1]) {
			s.to--
		}
	}
}
