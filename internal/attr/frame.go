package attr

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// framed is how many bytes are copied of a cell of up to so many, and of what
// stands before one, as with short: there is one place to write to, and so it
// pays for longer ones, too.
const framed = 32

// Frame is what stands before and after each cell of a column, where cells need
// no escapes.
type Frame struct {
	head []byte
	open [framed]byte // head, if it is no longer
	shut [4]byte
	tail int // bytes of shut
}

// Set makes it one of a head, which it keeps, and a tail of up to 4 bytes.
func (f *Frame) Set(head []byte, tail string) {
	f.head = head
	copy(f.open[:], head)
	f.tail = copy(f.shut[:], tail)
}

// Append appends a cell in its frame.
func (f *Frame) Append(dst, cell []byte) []byte {
	n := len(dst)
	need := n + len(f.head) + len(cell) + framed // at least, which is more than the tail
	if need > cap(dst) {
		dst = slices.Grow(dst, need-n)
	}
	dst = dst[:need]
	if len(f.head) <= framed {
		*(*[framed]byte)(dst[n:]) = f.open
	} else {
		copy(dst[n:], f.head)
	}
	n += len(f.head)
	if len(cell) <= framed && cap(cell) >= framed {
		*(*[framed]byte)(dst[n:]) = *(*[framed]byte)(cell[:framed])
	} else {
		copy(dst[n:], cell)
	}
	n += len(cell)
	*(*[4]byte)(dst[n:]) = f.shut
	return dst[:n+f.tail]
}

// ValidText is utf8.Valid for text that is ASCII for the most part, here and there
// interrupted: that one skips ASCII eight bytes at a time only at the start.
func ValidText(b []byte) bool {
	for len(b) >= 8 {
		high := binary.LittleEndian.Uint64(b) & highBits
		if high == 0 {
			b = b[8:]
			continue
		}
		b = b[bits.TrailingZeros64(high)/8:]
		for len(b) > 0 && b[0] >= utf8.RuneSelf {
			c, n := utf8.DecodeRune(b)
			if c == utf8.RuneError && n == 1 {
				return false
			}
			b = b[n:]
		}
	}
	return utf8.Valid(b)
}
