package attr

import "slices"

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
