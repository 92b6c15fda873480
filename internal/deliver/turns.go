package deliver

import "slices"

// turns has rows that are each sent wait for those that came before them and
// share a key. Of each key the first slot's row may be in flight.
type turns map[Key][]*slot

// join has a slot wait for its turn at all of its row's keys, which are the
// slot's own when there are none, and reports that there is nothing to wait for.
func (t turns) join(s *slot, keys []Key) bool {
	if s.keys = keys; keys == nil {
		s.keys = []Key{s.Key}
	}
	for _, key := range s.keys {
		line := t[key]
		if slices.Contains(line[max(0, len(line)-1):], s) {
			continue // a key that the row names twice
		}
		if len(line) > 0 {
			s.blocked++
		}
		t[key] = append(line, s)
	}
	return s.blocked == 0
}

// leave is told that a slot's row has ended, and returns the slots whose turn
// it is now at all of their keys.
func (t turns) leave(s *slot) (free []*slot) {
	for _, key := range s.keys {
		line := t[key]
		if len(line) == 0 || line[0] != s {
			continue
		}
		if len(line) == 1 {
			delete(t, key)
			continue
		}
		t[key] = line[1:]
		if next := line[1]; next.blocked > 1 {
			next.blocked--
		} else {
			next.blocked = 0
			free = append(free, next)
		}
	}
	return free
}
