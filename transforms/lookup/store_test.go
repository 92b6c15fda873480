package lookup

import (
	"fmt"
	"testing"

	"github.com/dynapipe/dynapipe/internal/record"
)

// fetch has a store know an id, as if it had been asked for, and reports whether
// it was.
func fetch(s *store, id string, bytes int) (asked bool) {
	w := newWaiting()
	e, fresh := s.get([]byte(id), w)
	if fresh {
		e.items = e.one[:]
		e.items[0] = make([]byte, bytes)
		e.EndEach(nil, record.Written)
	}
	w.ready()
	<-w.done
	return fresh
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	s := newStore(1000, 10_000)
	for i := range 100 {
		fetch(s, fmt.Sprint(i), 500)
		if s.bytes > 10_000 || s.bytes < 0 || len(s.entries) != s.kept {
			t.Fatalf("%d bytes of %d entries are kept, %d known", s.bytes, s.kept, len(s.entries))
		}
	}
	if s.kept < 8 || fetch(s, "99", 500) || !fetch(s, "0", 500) {
		t.Errorf("%d are kept, and the last used should be", s.kept)
	}
	fetch(s, "large", 20_000) // larger than all there is room for
	if s.kept != 0 || s.bytes != 0 {
		t.Errorf("%d bytes of %d entries", s.bytes, s.kept)
	}
}

func TestCacheForgetsWhatFailed(t *testing.T) {
	s := newStore(10, 1<<20)
	w := newWaiting()
	e, _ := s.get([]byte("k"), w)
	if err := e.Reject(0, record.Rejection{Code: "No"}); err != nil {
		t.Fatal(err)
	}
	w.ready()
	<-w.done
	if len(s.entries) != 0 || s.kept != 0 || !e.failed || e.why.Code != "No" {
		t.Errorf("%d known, %d kept", len(s.entries), s.kept)
	}
}

// A key that somebody asks for is not asked for by others meanwhile.
func TestKeysInFlightAreShared(t *testing.T) {
	s := newStore(0, 0)
	first, second := newWaiting(), newWaiting()
	e, fresh := s.get([]byte("k"), first)
	if !fresh {
		t.Fatal("not fresh")
	}
	for range 3 {
		if again, fresh := s.get([]byte("k"), second); fresh || again != e {
			t.Fatal("asked for twice")
		}
	}
	first.ready()
	second.ready()
	select {
	case <-second.done:
		t.Fatal("done too early")
	default:
	}
	e.EndEach(nil, record.Written)
	<-first.done
	<-second.done
	if _, fresh := s.get([]byte("k"), newWaiting()); !fresh {
		t.Error("kept without a cache")
	}
}
