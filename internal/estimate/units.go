package estimate

import (
	"hash/maphash"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// use is what the writes of a sink take.
type use struct {
	times  float64 // what a write takes in place of a unit
	tables []*tableUse
	of     map[*delivery.Table]*tableUse

	requests int64 // rows of the core
	repeats  int64 // of them, those whose key came before, where rows share requests
	shared   bool  // they do
	items    int64 // that are put
	bytes    int64 // of them
	largest  int64
	verbs    map[delivery.Verb]int64
}

// tableUse is the same of one table.
type tableUse struct {
	table   *delivery.Table
	units   float64
	indexes []*indexUse
	keys    keys
	seen    map[uint64]struct{} // hashes of keys
	samples []stored            // of items that are put
	expiry  expiry
}

// indexUse is what writes take of one index.
type indexUse struct {
	dynamo.Index
	parts []string // the attributes in the index; nil for all
	units float64
}

// add counts one row of the core in.
func (u *use) add(s *delivery.Sending) {
	if u.of == nil {
		u.of, u.verbs = map[*delivery.Table]*tableUse{}, map[delivery.Verb]int64{}
	}
	u.requests++
	for i := range s.Actions {
		a := &s.Actions[i]
		u.verbs[a.Verb]++
		t := u.table(a.Key.Table())
		t.keys.add(a.Key)
		if u.shared && t.again(a.Key.Bytes()) {
			u.repeats++
		}
		switch a.Verb {
		case delivery.VerbPut:
			u.put(t, a)
		case delivery.VerbUpdate:
			t.units += deliver.WriteUnits(a.Size) * u.times
		default:
			t.units += u.times // the least: what is stored decides
		}
	}
}

// seed is of the hashes of keys.
var seed = maphash.MakeSeed()

// again notes a key, and reports that it came before, as far as keys are told
// apart.
func (t *tableUse) again(key []byte) bool {
	h := maphash.Bytes(seed, key)
	if _, twice := t.seen[h]; twice {
		return true
	}
	if len(t.seen) < mostKeys {
		t.seen[h] = struct{}{}
	}
	return false
}

func (u *use) table(table *delivery.Table) *tableUse {
	t := u.of[table]
	if t != nil {
		return t
	}
	t = &tableUse{table: table, seen: map[uint64]struct{}{}}
	for _, x := range table.Described.Indexes {
		one := &indexUse{Index: x}
		if x.Projection == "KEYS_ONLY" || x.Projection == "INCLUDE" {
			for _, k := range slices.Concat(table.Described.Keys, x.Keys) {
				one.parts = append(one.parts, k.Name)
			}
			one.parts = append(one.parts, x.Included...)
			slices.Sort(one.parts)
			one.parts = slices.Compact(one.parts)
		}
		t.indexes = append(t.indexes, one)
	}
	u.of[table] = t
	u.tables = append(u.tables, t)
	return t
}

// put counts what a put of a new item takes: one unit for each KB that is begun,
// in the table and in each index that has the item (AWS: "DynamoDB read and
// write operations"; "Write capacity units", global secondary indexes).
func (u *use) put(t *tableUse, a *delivery.Action) {
	item, err := parseItem(a.Item)
	if err != nil {
		return // the sink made it
	}
	size := 0
	for _, f := range item.Fields() {
		size += len(f.Name) + f.Value.Size()
	}
	u.items++
	u.bytes += int64(size)
	u.largest = max(u.largest, int64(size))
	t.units += deliver.WriteUnits(size) * u.times
	for _, x := range t.indexes {
		if x.holds(item) {
			x.units += deliver.WriteUnits(x.size(item, size)) * u.times
		}
	}
	t.keep(a.Key, item)
	t.expiry.see(item)
}

// holds reports that the index has the item: it has the attributes of its key.
func (x *indexUse) holds(item attr.Value) bool {
	return !slices.ContainsFunc(x.Keys, func(k dynamo.Key) bool { return item.Get(k.Name).Kind() == attr.Absent })
}

// size is that of the part of an item that the index has.
func (x *indexUse) size(item attr.Value, whole int) int {
	if x.parts == nil {
		return whole
	}
	size := 0
	for _, f := range item.Fields() {
		if _, in := slices.BinarySearch(x.parts, f.Name); in {
			size += len(f.Name) + f.Value.Size()
		}
	}
	return size
}
