package attr

import "bytes"

// manyUniques is where comparing with each earlier one costs more than a map.
const manyUniques = 24

// uniques finds what occurs twice among the names of a map or the elements of
// a set. Maps within maps use one stack: a level ends before the one around it.
type uniques struct {
	arena  []byte
	ends   []int
	levels []uniqueLevel
}

type uniqueLevel struct {
	start int // of its entries in ends
	many  map[string]struct{}
}

func (u *uniques) reset() {
	u.arena, u.ends, u.levels = u.arena[:0], u.ends[:0], u.levels[:0]
}

func (u *uniques) push() { u.levels = append(u.levels, uniqueLevel{start: len(u.ends)}) }

func (u *uniques) pop() {
	last := len(u.levels) - 1
	u.ends = u.ends[:u.levels[last].start]
	u.arena = u.arena[:u.from(len(u.ends))]
	u.levels[last].many = nil
	u.levels = u.levels[:last]
}

// from is where the i-th entry starts in the arena.
func (u *uniques) from(i int) int {
	if i == 0 {
		return 0
	}
	return u.ends[i-1]
}

// add adds b to the innermost level and reports whether it is new there.
func (u *uniques) add(b []byte) bool {
	level := &u.levels[len(u.levels)-1]
	if level.many != nil {
		if _, twice := level.many[string(b)]; twice {
			return false
		}
		level.many[string(b)] = struct{}{}
		return true
	}
	for i := level.start; i < len(u.ends); i++ {
		if bytes.Equal(u.arena[u.from(i):u.ends[i]], b) {
			return false
		}
	}
	u.arena = append(u.arena, b...)
	u.ends = append(u.ends, len(u.arena))
	if n := len(u.ends) - level.start; n > manyUniques {
		level.many = make(map[string]struct{}, 4*n)
		for i := level.start; i < len(u.ends); i++ {
			level.many[string(u.arena[u.from(i):u.ends[i]])] = struct{}{}
		}
	}
	return true
}
