package record_test

import (
	"sync"
	"testing"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Whatever the size, memory is of that size, is found again, and never belongs
// to two at once.
func TestPoolGivesMemoryAgain(t *testing.T) {
	p := record.NewPool()
	for _, size := range []int{0, 1, 63, 64, 65, 80, 81, 127, 128, 129, 1000, 4 << 10, 5<<20 - 1, 3<<20 + 1, 4 << 20, 4<<20 + 1} {
		a := p.Allocate(size)
		if len(a) != size || cap(a) > max(64, size+size/4+1) {
			t.Fatalf("%d bytes: got %d of %d", size, len(a), cap(a))
		}
		if size == 0 || size > 4<<20 {
			continue
		}
		a[0] = 1
		p.Free(a)
		b, c := p.Allocate(size), p.Allocate(size)
		if &a[0] != &b[0] {
			t.Errorf("%d bytes are not found again", size)
		}
		if &b[0] == &c[0] {
			t.Errorf("%d bytes belong to two", size)
		}
	}
}

// What is free has a bound (promise 6).
func TestPoolIsBounded(t *testing.T) {
	p := record.NewPool()
	const size, held = 1 << 20, 100
	var taken [held][]byte
	seen := map[*byte]bool{}
	for i := range taken {
		taken[i] = p.Allocate(size)
		seen[&taken[i][0]] = true
	}
	for _, b := range taken {
		p.Free(b)
	}
	again := 0
	for range held {
		if seen[&p.Allocate(size)[0]] {
			again++
		}
	}
	if again != 16 {
		t.Errorf("%d MB were kept, want 16", again)
	}
}

func TestPoolReallocate(t *testing.T) {
	p := record.NewPool()
	b := p.Allocate(10)
	copy(b, "0123456789")
	if b = p.Reallocate(1000, b); len(b) != 1000 || string(b[:10]) != "0123456789" {
		t.Errorf("%q", b[:10])
	}
	p.Free(make([]byte, 100)) // from elsewhere: not taken
}

func TestPoolIsSafeForSeveralGoroutines(t *testing.T) {
	p := record.NewPool()
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range 1000 {
				b := p.Allocate(64 + i%500)
				for j := range b {
					b[j] = byte(n)
				}
				for j := range b {
					if b[j] != byte(n) {
						t.Error("memory belongs to two")
						return
					}
				}
				p.Free(b)
			}
		})
	}
	all.Wait()
}
