package transaction

import "github.com/dynapipe/dynapipe/internal/deliver"

// seen finds a draft's first action by the mark of its item. There are a hundred
// actions at most, so the places are few and are soon clear again.
type seen struct {
	places [512]uint8 // of an action, its number from 1; linearly probed
}

// find is the first of the actions that has the mark, when there is one. marks
// are those of the actions, of which each was added.
func (s *seen) find(m deliver.Mark, marks []deliver.Mark) (action int, found bool) {
	at := s.place(m, marks)
	return int(s.places[at]) - 1, s.places[at] != 0
}

// add makes the action known that marks will have next, if it is the first of
// its mark.
func (s *seen) add(m deliver.Mark, marks []deliver.Mark) {
	if at := s.place(m, marks); s.places[at] == 0 {
		s.places[at] = uint8(len(marks) + 1)
	}
}

// place is where the mark stands, or would.
func (s *seen) place(m deliver.Mark, marks []deliver.Mark) uint {
	at := uint(m) % uint(len(s.places))
	for s.places[at] != 0 && marks[s.places[at]-1] != m {
		at = (at + 1) % uint(len(s.places))
	}
	return at
}

func (s *seen) clear() { clear(s.places[:]) }
