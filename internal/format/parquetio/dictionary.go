package parquetio

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// dictionary is the different values of a chunk and which of them each value
// is. It is used again from chunk to chunk; what is written does not depend on
// the seed.
type dictionary struct {
	seed    maphash.Seed
	slots   []uint32 // a hash table of 1 + the number of an entry
	first   []uint32 // the value of the chunk that is the entry
	indexes []uint32 // the entry of each value
	width   int      // bits of an index
}

// A dictionary is not made where it would not pay: after so many values more
// than three in four are different, or it grows too large for a page.
const (
	dictionarySample = 2048
	dictionaryBytes  = 1 << 20
	dictionaryMost   = 1 << 16
)

// build makes the dictionary of a chunk; false when its values are better
// written as they are.
func (d *dictionary) build(c *chunk) bool {
	n := c.values()
	if n == 0 || c.physical == boolean {
		return false
	}
	if d.slots == nil {
		d.seed = maphash.MakeSeed()
	}
	d.clear(1 << 12)
	size := 0
	for i := range n {
		if i == dictionarySample && 4*len(d.first) > 3*dictionarySample {
			return false
		}
		entry, added := d.find(c, i)
		if added {
			if size += len(c.value(i)) + 4; size > dictionaryBytes || len(d.first) > dictionaryMost {
				return false
			}
			if 2*len(d.first) > len(d.slots) {
				d.grow(c)
			}
		}
		d.indexes = append(d.indexes, entry)
	}
	d.width = max(1, bits.Len(uint(len(d.first)-1)))
	return size+n*d.width/8 < len(c.data)+4*len(c.ends)
}

func (d *dictionary) clear(slots int) {
	if len(d.slots) < slots {
		d.slots = make([]uint32, slots)
	}
	clear(d.slots)
	d.first, d.indexes = d.first[:0], d.indexes[:0]
}

// find gives the number of the entry of a value, which it adds when it is new.
func (d *dictionary) find(c *chunk, i int) (entry uint32, added bool) {
	v := c.value(i)
	mask := uint64(len(d.slots) - 1)
	for at := maphash.Bytes(d.seed, v) & mask; ; at = (at + 1) & mask {
		slot := d.slots[at]
		if slot == 0 {
			d.first = append(d.first, uint32(i))
			d.slots[at] = uint32(len(d.first))
			return uint32(len(d.first) - 1), true
		}
		if string(c.value(int(d.first[slot-1]))) == string(v) {
			return slot - 1, false
		}
	}
}

// grow makes the hash table larger.
func (d *dictionary) grow(c *chunk) {
	d.slots = make([]uint32, 4*len(d.slots))
	mask := uint64(len(d.slots) - 1)
	for entry, i := range d.first {
		at := maphash.Bytes(d.seed, c.value(int(i))) & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = uint32(entry + 1)
	}
}

// entries is the values that are entries; nil when there is no dictionary.
func (d *dictionary) entries(coded bool) []uint32 {
	if !coded {
		return nil
	}
	return d.first
}

// appendPage appends the entries in PLAIN encoding.
func (d *dictionary) appendPage(dst []byte, c *chunk) []byte {
	for _, i := range d.first {
		dst = appendPlain(dst, c, int(i), int(i)+1)
	}
	return dst
}

// appendIndexes appends the indexes of the values from (included) to to
// (excluded) in the hybrid of runs and packed bits (Apache Parquet,
// "Encodings", RLE), after their width.
func (d *dictionary) appendIndexes(dst []byte, from, to int) []byte {
	dst = append(dst, byte(d.width))
	rest := d.indexes[from:to]
	for len(rest) > 0 {
		if n := run(rest); n >= 16 || n == len(rest) {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			for w, v := d.width, rest[0]; w > 0; w, v = w-8, v>>8 {
				dst = append(dst, byte(v))
			}
			rest = rest[n:]
			continue
		}
		n := literal(rest)
		dst = append(dst, byte((n+7)/8<<1|1))
		dst = d.pack(dst, rest[:n])
		rest = rest[n:]
	}
	return dst
}

// run is how many values at the start are the same.
func run(v []uint32) int {
	n := 1
	for n < len(v) && v[n] == v[0] {
		n++
	}
	return n
}

// literal is how many values to pack, in whole eights unless it is the rest: up
// to the next run, and to what a header of one byte can say.
func literal(v []uint32) int {
	const most = 8 * 63
	n := 8
	for n < min(len(v), most) && !(len(v)-n >= 16 && run(v[n:n+16]) == 16) {
		n += 8
	}
	return min(n, len(v))
}

// pack appends values as bits, the lowest first, filled up to whole eights.
func (d *dictionary) pack(dst []byte, v []uint32) []byte {
	for len(v) > 0 {
		var word uint64
		have := 0
		for i := range 8 {
			if i < len(v) {
				word |= uint64(v[i]) << have
			}
			for have += d.width; have >= 8; have -= 8 {
				dst = append(dst, byte(word))
				word >>= 8
			}
		}
		v = v[min(8, len(v)):]
	}
	return dst
}
