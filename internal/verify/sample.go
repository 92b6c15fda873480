package verify

import (
	"container/heap"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
)

// maxSample is the largest sample by number: each of its keys takes memory.
const maxSample = 1_000_000

// Sample is which keys are compared: all, a share, or a number of them. Keys are
// chosen by their sums, so both sides have the same ones, and every time.
type Sample struct {
	Percent float64 // above 0: a share
	Keys    int     // above 0: a number
}

// ParseSample reads "5%" or "10000"; empty is everything.
func ParseSample(text string) (Sample, error) {
	if text == "" {
		return Sample{}, nil
	}
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(digits, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return Sample{}, fmt.Errorf("a share is above 0%% and at most 100%%, such as 5%% or 0.1%%")
		}
		return Sample{Percent: p}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSample {
		return Sample{}, fmt.Errorf("it is a share of the keys, such as 5%%, or a number of them from 1 to 1000000")
	}
	return Sample{Keys: n}, nil
}

// sampler chooses keys: those whose prefix is no greater than a bound. With a
// number of keys the bound is the greatest prefix of that many smallest ones
// among the keys that were expected, and falls while they come.
type sampler struct {
	mu    sync.Mutex
	bound uint64
	most  int
	least prefixes
	held  map[uint64]bool
}

func newSampler(s Sample) *sampler {
	out := &sampler{bound: math.MaxUint64, most: s.Keys}
	if s.Percent > 0 && s.Percent < 100 {
		out.bound = uint64(math.Ldexp(s.Percent/100, 64))
	}
	if s.Keys > 0 {
		out.held = map[uint64]bool{}
	}
	return out
}

// expects reports that an expected key is in the sample as far as is known yet.
func (s *sampler) expects(key sum) bool {
	p := key.prefix()
	if s.most == 0 {
		return p <= s.bound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p > s.bound:
		return false
	case s.held[p]:
		return true
	}
	heap.Push(&s.least, p)
	s.held[p] = true
	if len(s.least) > s.most {
		delete(s.held, heap.Pop(&s.least).(uint64))
	}
	if len(s.least) == s.most {
		s.bound = s.least[0]
	}
	return s.held[p]
}

// has reports that a key is in the sample, when all expected ones have come.
func (s *sampler) has(key sum) bool { return key.prefix() <= s.bound }

// prefixes is a heap with the greatest first.
type prefixes []uint64

func (p prefixes) Len() int           { return len(p) }
func (p prefixes) Less(i, j int) bool { return p[i] > p[j] }
func (p prefixes) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// Push implements heap.Interface.
func (p *prefixes) Push(x any) { *p = append(*p, x.(uint64)) }

// Pop implements heap.Interface.
func (p *prefixes) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
