package deliver

import "hash/maphash"

// Mark stands for an item of a table: rows of equal items have equal marks.
// Other items may share it, which happens about as often as two random 64-bit
// numbers are the same.
type Mark uint64

// seed keeps input from being made that has many items share a place.
var seed = maphash.MakeSeed()

// MarkOf is the mark of an item by its key, in the form of Row.Key.
func MarkOf(table string, key []byte) Mark { return markOf(table, maphash.Bytes(seed, key)) }

func (r *Row) mark() Mark { return markOf(r.Table, maphash.String(seed, r.Key)) }

func markOf(table string, key uint64) Mark { return Mark(31*maphash.String(seed, table) + key) }

// index finds numbers by a mark. Several entries may have the same one. It has
// no pointers: the garbage collector does not look inside.
type index struct {
	cells []cell // a power of two of them, linearly probed
	used  int
}

// cell is an entry, two numbers above zero; the zero cell is none.
type cell struct {
	mark        Mark
	first, last int32
}

const minCells = 64

func (x *index) home(m Mark) int { return int(uint64(m) & uint64(len(x.cells)-1)) }

func (x *index) after(i int) int { return (i + 1) & (len(x.cells) - 1) }

// find is the place of the first entry with the mark; -1 when there is none.
func (x *index) find(m Mark) int {
	if x.used == 0 {
		return -1
	}
	return x.from(x.home(m), m)
}

// next is the place of the next entry with the mark of the one at i, or -1.
func (x *index) next(i int) int { return x.from(x.after(i), x.cells[i].mark) }

func (x *index) from(i int, m Mark) int {
	for ; x.cells[i].first != 0; i = x.after(i) {
		if x.cells[i].mark == m {
			return i
		}
	}
	return -1
}

// add makes an entry and returns its place, which holds until the next entry is
// made or removed.
func (x *index) add(c cell) int {
	if 2*x.used >= len(x.cells) {
		x.grow()
	}
	x.used++
	return x.place(c)
}

func (x *index) place(c cell) int {
	i := x.home(c.mark)
	for x.cells[i].first != 0 {
		i = x.after(i)
	}
	x.cells[i] = c
	return i
}

func (x *index) grow() {
	old := x.cells
	x.cells = make([]cell, max(minCells, 2*len(old)))
	for _, c := range old {
		if c.first != 0 {
			x.place(c)
		}
	}
}

// remove takes the entry at i out. Those behind it that stood there because it
// was in their place move up.
func (x *index) remove(i int) {
	x.used--
	for j := x.after(i); x.cells[j].first != 0; j = x.after(j) {
		// The entry at j may stand at i when its home is not between the two.
		if home := x.home(x.cells[j].mark); (j-home)&(len(x.cells)-1) >= (j-i)&(len(x.cells)-1) {
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = cell{}
}
