package faultproxy

import (
	"testing"
	"time"
)

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// spendAll spends one unit at a time until there is none left.
func spendAll(m *meter, cl claim, now time.Time) (n int, reason string) {
	for {
		r, ok := m.spend(cl, now)
		if !ok {
			return n, r.Reason
		}
		n++
	}
}

func TestTableTakesItsRateAndItsBurst(t *testing.T) {
	cl := claim{table: &Table{Name: "a"}, effect: write, units: 1}
	m := newMeter(Limits{TableWrite: 10, Burst: 5 * time.Second})
	for _, step := range []struct {
		at   float64
		want int
	}{{0, 50}, {0, 0}, {1, 10}, {1.5, 5}, {100, 50}} {
		if n, reason := spendAll(m, cl, at(step.at)); n != step.want || reason != "TableWriteProvisionedThroughputExceeded" {
			t.Errorf("at %v s: %d units, %s", step.at, n, reason)
		}
	}
	// A table that is scaled up follows from then on, and has no new burst.
	m.change(Limits{TableWrite: 20, Burst: 5 * time.Second}, at(100))
	if n, _ := spendAll(m, cl, at(101)); n != 20 {
		t.Errorf("%d units in the second after it doubled", n)
	}
	// Without a limit for reads there is none.
	cl.effect = read
	for range 1000 {
		if _, ok := m.spend(cl, at(101)); !ok {
			t.Fatal("a read is refused")
		}
	}
}

func TestPartitionsHaveTheirOwnLimit(t *testing.T) {
	m := newMeter(Limits{TableWrite: 100, PartitionWrite: 10, Partitions: 4})
	hot := claim{table: &Table{Name: "a", ARN: "arn"}, effect: write, units: 1, partition: 3, located: true}
	if n, reason := spendAll(m, hot, at(0)); n != 10 || reason != "TableWriteKeyRangeThroughputExceeded" {
		t.Errorf("hot key: %d, %s", n, reason)
	}
	same := hot
	same.partition = 7 // of the same partition of four
	if n, _ := spendAll(m, same, at(0)); n != 0 {
		t.Errorf("its neighbour: %d", n)
	}
	other := hot
	other.partition = 2
	if n, _ := spendAll(m, other, at(0)); n != 10 {
		t.Errorf("another partition: %d", n)
	}
}

// A request larger than what can be saved up goes when that is there, and is
// paid off.
func TestLargeRequestGoesAloneIntoDebt(t *testing.T) {
	m := newMeter(Limits{TableWrite: 10})
	large := claim{table: &Table{Name: "a"}, effect: write, units: 40}
	if _, ok := m.spend(large, at(0)); !ok {
		t.Fatal("it never goes")
	}
	small := large
	small.units = 1
	for seconds, want := range map[float64]bool{1: false, 2.9: false, 3.2: true} {
		n := newMeter(Limits{TableWrite: 10})
		n.spend(large, at(0))
		if _, ok := n.spend(small, at(seconds)); ok != want {
			t.Errorf("after %v s: %v", seconds, ok)
		}
	}
}

func TestSettlingFollowsTheAnswer(t *testing.T) {
	table := &Table{Name: "a", ARN: "arn", Indexes: []string{"i"}}
	m := newMeter(Limits{TableWrite: 10, PartitionWrite: 10})
	claims := []claim{
		{table: table, effect: write, units: 1, partition: 0, located: true},
		{table: table, effect: write, units: 3, partition: 1, located: true},
	}
	for _, cl := range claims {
		if _, ok := m.spend(cl, at(0)); !ok {
			t.Fatal("refused")
		}
	}
	// It did cost 8 of the table, and 11 of the index, which was behind then.
	m.settle(claims, consumed{TableName: "a", CapacityUnits: 19, GlobalSecondaryIndexes: map[string]units{"i": {11}}}, at(0))
	c := m.tables["a"]
	if got := [4]float64{c.table[write].level, c.partitions[0][write].level, c.partitions[1][write].level, c.indexes["i"][write].level}; got != [4]float64{2, 8, 4, -1} {
		t.Errorf("left %v", got)
	}
	if r, ok := m.spend(claims[0], at(0)); ok || r != (Reason{"IndexWriteProvisionedThroughputExceeded", "arn/index/i"}) {
		t.Errorf("index in debt: %v, %v", r, ok)
	}
	if _, ok := m.spend(claims[0], at(1)); !ok {
		t.Error("refused when the index has caught up")
	}
	m.giveBack(claims[:1], at(1))
	if c.table[write].level != 10 {
		t.Errorf("after giving back: %v", c.table[write].level)
	}
}

func TestPeakIsThatOfAnySecond(t *testing.T) {
	u := newUsage(epoch)
	for _, s := range []struct{ at, units float64 }{{0.9, 40}, {1.1, 50}, {1.8, 5}, {1.9, 30}, {5, 20}} {
		u.add(consumed{CapacityUnits: s.units, GlobalSecondaryIndexes: map[string]units{"i": {1}}}, at(s.at))
	}
	got := u.snapshot()
	// 0.9 to 1.8 is one second; at 1.9 the first has just left it.
	if got.Peak != 95 || got.Units != 145 || got.Indexes["i"] != 5 {
		t.Errorf("%+v", got)
	}
	want := []float64{40, 85, 0, 0, 0, 20}
	for i := range want {
		if got.Seconds[i] != want[i] {
			t.Errorf("seconds %v", got.Seconds)
		}
	}
	if got.Average != 145.0/6 {
		t.Errorf("average %v", got.Average)
	}
	late := newUsage(epoch)
	late.add(consumed{CapacityUnits: 10}, at(7.5))
	late.add(consumed{CapacityUnits: 20}, at(9))
	if got := late.snapshot(); got.Average != 10 {
		t.Errorf("average of the three seconds that began late: %v", got.Average)
	}
}
