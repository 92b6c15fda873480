package faultproxy

import (
	"sync"
	"time"
)

// meter holds the capacity of tables, their partitions and their indexes. It may
// be used by several goroutines; time is passed in.
type meter struct {
	mu     sync.Mutex
	limits Limits
	tables map[string]*capacity // by name
}

// capacity is what can be spent on a table.
type capacity struct {
	table      [3]bucket // by effect
	partitions [][3]bucket
	indexes    map[string]*[3]bucket
}

// claim is what an action wants to spend.
type claim struct {
	table     *Table
	effect    effect
	partition uint64 // a hash
	located   bool   // it has a partition
	units     float64
}

func newMeter(l Limits) *meter { return &meter{limits: l, tables: map[string]*capacity{}} }

// change sets other limits from now on.
func (m *meter) change(l Limits, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.tables {
		for e, rate := range l.table() {
			c.table[e].change(rate, l.Burst, now)
			for _, index := range c.indexes {
				index[e].change(rate, l.Burst, now)
			}
		}
		if l.partitions() != m.limits.partitions() {
			c.partitions = newPartitions(l, now)
			continue
		}
		for i := range c.partitions {
			for e, rate := range l.partition() {
				c.partitions[i][e].change(rate, l.Burst, now)
			}
		}
	}
	m.limits = l
}

// table and partition are the rates by effect.
func (l Limits) table() [3]float64 { return [3]float64{read: l.TableRead, write: l.TableWrite} }
func (l Limits) partition() [3]float64 {
	return [3]float64{read: l.PartitionRead, write: l.PartitionWrite}
}

func newBuckets(rates [3]float64, burst time.Duration, now time.Time) [3]bucket {
	var b [3]bucket
	for e, rate := range rates {
		b[e] = newBucket(rate, burst, now)
	}
	return b
}

func newPartitions(l Limits, now time.Time) [][3]bucket {
	list := make([][3]bucket, l.partitions())
	for i := range list {
		list[i] = newBuckets(l.partition(), l.Burst, now)
	}
	return list
}

// of is the capacity of a table. mu is held.
func (m *meter) of(table string, now time.Time) *capacity {
	c := m.tables[table]
	if c == nil {
		c = &capacity{
			table:      newBuckets(m.limits.table(), m.limits.Burst, now),
			partitions: newPartitions(m.limits, now),
			indexes:    map[string]*[3]bucket{},
		}
		m.tables[table] = c
	}
	return c
}

func (c *capacity) partition(hash uint64) *[3]bucket {
	return &c.partitions[hash%uint64(len(c.partitions))]
}

// spend takes what an action wants, or says why it can't have it.
func (m *meter) spend(cl claim, now time.Time) (reason Reason, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.of(cl.table.Name, now)
	for _, name := range cl.table.Indexes {
		// An index that fell behind pushes back on all writes of its table: only
		// the answer would show that one does not concern it.
		if index := c.indexes[name]; cl.effect == write && index != nil && !index[write].has(1, now) {
			return Reason{reasonName(true, write, LimitProvisioned), cl.table.indexARN(name)}, false
		}
	}
	if !c.table[cl.effect].has(cl.units, now) {
		return Reason{reasonName(false, cl.effect, LimitProvisioned), cl.table.ARN}, false
	}
	if cl.located && !c.partition(cl.partition)[cl.effect].has(cl.units, now) {
		return Reason{reasonName(false, cl.effect, LimitKeyRange), cl.table.ARN}, false
	}
	c.take(cl, cl.units)
	return Reason{}, true
}

func (c *capacity) take(cl claim, units float64) {
	c.table[cl.effect].spend(units)
	if cl.located {
		c.partition(cl.partition)[cl.effect].spend(units)
	}
}

// giveBack undoes claims of a request that did nothing.
func (m *meter) giveBack(claims []claim, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, cl := range claims {
		m.of(cl.table.Name, now).take(cl, -cl.units)
	}
}

// settle corrects the claims of a request on one table by what it did cost.
// The difference is spread over them in proportion.
func (m *meter) settle(claims []claim, cost consumed, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	total, count := 0.0, 0
	for _, cl := range claims {
		if cl.table.Name == tableName(cost.TableName) {
			total += cl.units
			count++
		}
	}
	for _, cl := range claims {
		if cl.table.Name != tableName(cost.TableName) {
			continue
		}
		share := 1 / float64(count)
		if total > 0 {
			share = cl.units / total
		}
		m.of(cl.table.Name, now).take(cl, (cost.ownUnits()-total)*share)
	}
	if count > 0 {
		m.settleIndexes(claims[0].effect, cost, now)
	}
}

func (m *meter) settleIndexes(e effect, cost consumed, now time.Time) {
	c := m.of(tableName(cost.TableName), now)
	for name, u := range cost.GlobalSecondaryIndexes {
		if c.indexes[name] == nil {
			buckets := newBuckets(m.limits.table(), m.limits.Burst, now)
			c.indexes[name] = &buckets
		}
		c.indexes[name][e].refill(now)
		c.indexes[name][e].spend(u.CapacityUnits)
	}
}
