package deliver

// turns has rows that are each sent wait for those that came before them and
// share an item. Of each item the first slot's row may be in flight.
type turns struct {
	lines index // of each mark that slots wait at, the first and the last place
	// places are slots in the lines they stand in. The first is none; those that
	// are not taken are linked from free.
	places []place
	free   int32
}

// place is a slot's place in a line.
type place struct{ slot, next int32 }

// join has a slot wait for its turn at all of its marks, and reports that there
// is nothing to wait for.
func (t *turns) join(s *slot) bool {
	for _, m := range s.marks() {
		i := t.lines.find(m)
		if i < 0 {
			p := t.take(s.number)
			t.lines.add(cell{mark: m, first: p, last: p})
			continue
		}
		line := &t.lines.cells[i]
		if t.places[line.last].slot == s.number {
			continue // an item that the row names twice
		}
		p := t.take(s.number)
		t.places[line.last].next = p
		line.last = p
		s.blocked++
	}
	return s.blocked == 0
}

// leave is told that a slot's row has ended, and returns the numbers of the slots
// whose turn it is now at all of their marks.
func (t *turns) leave(s *slot, slots []*slot) (free []*slot) {
	for _, m := range s.marks() {
		i := t.lines.find(m)
		if i < 0 {
			continue
		}
		line := &t.lines.cells[i]
		first := t.places[line.first]
		if first.slot != s.number {
			continue
		}
		t.drop(line.first)
		if first.next == 0 {
			t.lines.remove(i)
			continue
		}
		line.first = first.next
		next := slots[t.places[line.first].slot]
		if next.blocked--; next.blocked == 0 {
			free = append(free, next)
		}
	}
	return free
}

func (t *turns) take(slot int32) int32 {
	p := t.free
	if p == 0 {
		if len(t.places) == 0 {
			t.places = append(t.places, place{})
		}
		t.places = append(t.places, place{})
		p = int32(len(t.places) - 1)
	}
	t.free = t.places[p].next
	t.places[p] = place{slot: slot}
	return p
}

func (t *turns) drop(p int32) {
	t.places[p] = place{next: t.free}
	t.free = p
}
