package inspect

import (
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// The longest keys (AWS: "Service, account, and table quotas", "Partition keys
// and sort keys").
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

// How far the search for pairs goes.
const (
	maxPairRows       = 20_000 // looked at
	maxPairAttributes = 40     // tried with each other
	maxPairAmong      = 100    // of the first so many attributes
	maxPairProbes     = 20_000_000
	maxPairs          = 5 // found
)

// candidate is what an attribute needs to be a key: it is in every row, always
// of one type that a key may have, never empty and never too long.
type candidate struct {
	out     bool
	rows    int64
	kind    attr.Kind
	longest int
	paired  bool     // it may be part of a pair
	hashes  []uint64 // then, of the values of the first rows
}

func (c *candidate) drop() { c.out, c.hashes = true, nil }

// see notes the value of a row. Every row before has to have had one.
func (c *candidate) see(v attr.Value, h uint64, row int64) {
	if c.out {
		return
	}
	size := len(v.Text())
	switch {
	case row != c.rows, row > 0 && v.Kind() != c.kind:
		c.drop()
		return
	case v.Kind() == attr.Number:
		size = v.Size()
	case v.Kind() != attr.String && v.Kind() != attr.Binary, size == 0, size > maxPartitionKey:
		c.drop()
		return
	}
	c.kind, c.rows, c.longest = v.Kind(), row+1, max(c.longest, size)
	if c.paired && row < maxPairRows {
		c.hashes = append(c.hashes, h)
	}
}

// candidates are the attributes that could be part of a key by themselves.
func (s *Survey) candidates() []*attribute {
	var out []*attribute
	for _, a := range s.attributes {
		if !a.key.out && a.key.rows == s.rows && s.rows > 0 {
			out = append(out, a)
		}
	}
	return out
}

// keys finds the attributes that are unique, or else pairs that are. cut says
// that not every pair was tried.
func (s *Survey) keys() (single []Key, pairs []Pair, cut bool) {
	all := s.candidates()
	for _, a := range all {
		if !a.repeat {
			k := Key{KeyPart: partOf(a), Rows: s.rows}
			if a.until >= 0 {
				k.Rows = a.until
			}
			single = append(single, k)
		}
	}
	if len(single) > 0 {
		return single, nil, false
	}
	pairs, cut = s.pairs(all)
	return nil, pairs, cut
}

func (s *Survey) pairs(all []*attribute) (pairs []Pair, cut bool) {
	possible := len(all)
	all = slices.DeleteFunc(all, func(a *attribute) bool { return !a.key.paired })
	all = all[:min(len(all), maxPairAttributes)]
	cut = len(all) < possible
	rows := min(s.rows, maxPairRows)
	seen := make(map[[2]uint64]struct{}, rows)
	probes := int64(0)
	for i, a := range all {
		for _, b := range all[i+1:] {
			switch {
			case len(pairs) == maxPairs:
				return pairs, cut
			case probes >= maxPairProbes:
				return pairs, true
			case a.told*b.told < rows && a.until < 0 && b.until < 0: // too few different pairs
				continue
			}
			unique, tried := uniqueTogether(a.key.hashes, b.key.hashes, seen)
			probes += tried
			if p, ok := pairOf(a, b, rows); ok && unique {
				pairs = append(pairs, p)
			}
		}
	}
	return pairs, cut
}

func uniqueTogether(a, b []uint64, seen map[[2]uint64]struct{}) (unique bool, tried int64) {
	clear(seen)
	for i := range a {
		pair := [2]uint64{a[i], b[i]}
		if _, again := seen[pair]; again {
			return false, int64(i + 1)
		}
		seen[pair] = struct{}{}
	}
	return true, int64(len(a))
}

// pairOf makes the attribute with fewer values the partition key, whose items
// the other then sorts, unless only the other fits.
func pairOf(a, b *attribute, rows int64) (Pair, bool) {
	if a.told > b.told {
		a, b = b, a
	}
	if b.key.longest > maxSortKey {
		a, b = b, a
	}
	return Pair{Partition: partOf(a), Sort: partOf(b), Rows: rows}, b.key.longest <= maxSortKey
}

func partOf(a *attribute) KeyPart { return KeyPart{Name: a.name, Type: a.key.kind.Descriptor()} }

// sortKeys puts strings first, then binaries, then numbers, as the sample has
// them: most keys are text, and a measurement is unique more often by chance.
func sortKeys(keys []Key) {
	rank := map[string]int{"S": 0, "B": 1, "N": 2}
	slices.SortStableFunc(keys, func(a, b Key) int { return rank[a.Type] - rank[b.Type] })
}
