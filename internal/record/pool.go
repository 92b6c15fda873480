package record

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Pool is the memory of a run's batches. What a released batch had is given to
// the next one as it is: neither cleared nor left to the garbage collector.
// Batches of a pipeline resemble each other, so that after the first few none
// is new. It may be used from several goroutines.
//
// Whoever reads a batch that it has released reads another's data. With
// -tags=assert, memory that comes back is spoiled at once, so that tests see it.
type Pool struct {
	mu   sync.Mutex
	free [classes][][]byte
	held int // bytes in free
}

var _ memory.Allocator = (*Pool)(nil)

// Memory comes in sizes that are a power of two or 1.25, 1.5 or 1.75 times one,
// from 64 bytes to maxPooled. Beyond that, and beyond maxFree in all, it is left
// to the garbage collector (promise 6).
const (
	minPooled = 64
	maxPooled = 4 << 20
	maxFree   = 16 << 20
	minShift  = 6
	maxShift  = 22
	classes   = 4*(maxShift-minShift) + 1
)

// NewPool is an empty pool.
func NewPool() *Pool { return &Pool{} }

// class is the number of the smallest class that holds size bytes, and how many
// it holds. size is at most maxPooled.
func class(size int) (number, holds int) {
	if size <= minPooled {
		return 0, minPooled
	}
	shift := bits.Len(uint(size-1)) - 1 // of the power of two below size
	step := 1 << (shift - 2)
	quarters := (size - 1<<shift + step - 1) / step // 1 to 4
	return 4*(shift-minShift) + quarters, 1<<shift + quarters*step
}

// Allocate is memory of that size, with anything in it.
func (p *Pool) Allocate(size int) []byte {
	if size > maxPooled {
		return make([]byte, size)
	}
	n, holds := class(size)
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.free[n]
	if len(list) == 0 {
		return make([]byte, size, holds)
	}
	last := len(list) - 1
	buf := list[last]
	list[last] = nil
	p.free[n] = list[:last]
	p.held -= holds
	return buf[:size]
}

// Reallocate is memory of that size that starts with what b has, which is
// freed.
func (p *Pool) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	buf := p.Allocate(size)
	copy(buf, b)
	p.Free(b)
	return buf
}

// Free takes memory back.
func (p *Pool) Free(b []byte) {
	b = b[:cap(b)]
	if len(b) < minPooled || len(b) > maxPooled {
		return
	}
	n, holds := class(len(b))
	if len(b) != holds {
		return // it is not from here
	}
	spoil(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+holds <= maxFree {
		p.free[n] = append(p.free[n], b)
		p.held += holds
	}
}
