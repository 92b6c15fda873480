package verify

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
)

// target is a table or a set of files that rows go to.
type target struct {
	number     int
	report     TargetReport
	table      *delivery.Table
	connection *dynamo.Connection

	puts    bool        // some sink puts items
	files   *fileTarget // in place of table
	known   bool        // of some sink what it makes of items
	ignored map[string]bool
}

// targets are those known so far. They may be asked for by several goroutines.
type targets struct {
	mu      sync.Mutex
	all     []*target
	byTable map[string]*target // by where it is
	// shared are the attributes that sinks ignore whose rows name their tables:
	// these may be any.
	shared map[string]bool
}

// share notes what such a sink ignores. It comes before any row.
func (ts *targets) share(ignored map[string]bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.shared = union(ts.shared, ignored)
	for _, t := range ts.all {
		t.ignore(ts.shared)
	}
}

func union(a, b map[string]bool) map[string]bool {
	if len(b) == 0 {
		return a
	}
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}

// ofTable is the target that is a table: of however many sinks, under whatever
// name they know it.
func (ts *targets) ofTable(x *delivery.Expectation, t *delivery.Table, sink string, ignored map[string]bool) *target {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	id := t.ARN
	if id == "" {
		id = t.Name
	}
	id = x.Client.Place() + " " + id
	found := ts.byTable[id]
	if found == nil {
		found = &target{
			number: len(ts.all), table: t, connection: x.Connection,
			report: TargetReport{Target: "table " + dynamo.TableName(t.Name), Kind: "table", Ignored: []string{}},
		}
		ts.all = append(ts.all, found)
		if ts.byTable == nil {
			ts.byTable = map[string]*target{}
		}
		ts.byTable[id] = found
	}
	found.add(sink, !x.OnlyDeletes, union(ts.shared, ignored))
	return found
}

// add notes a sink of the target.
func (t *target) add(sink string, puts bool, ignored map[string]bool) {
	if !slices.Contains(t.report.Sinks, sink) {
		t.report.Sinks = append(t.report.Sinks, sink)
	}
	t.puts = t.puts || puts
	t.ignore(ignored)
}

// ignore leaves attributes out of the comparison.
func (t *target) ignore(names map[string]bool) {
	if len(names) > 0 {
		t.ignored = union(t.ignored, names)
		t.report.Ignored = slices.Sorted(maps.Keys(t.ignored))
	}
}

// place is where a row came from.
type place struct {
	place *record.Place
	pos   record.Pos
	node  uint64
}

func (p place) String() string {
	return record.Origins{Place: p.place, Pos: []record.Pos{p.pos}}.At(0).String()
}

// same reports the same row of another reading of the same input.
func (p place) same(q place) bool {
	return p.node == q.node && p.pos == q.pos && placeID(p.place) == placeID(q.place)
}

func placeID(p *record.Place) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%s %d", p.Source, p.Segment)
}

// places are the partitions that rows came from, by number.
type places struct {
	mu  sync.Mutex
	all []*record.Place
	of  map[*record.Place]uint64
}

func (ps *places) number(p *record.Place) uint64 {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	n, ok := ps.of[p]
	if !ok {
		if ps.of == nil {
			ps.of = map[*record.Place]uint64{}
		}
		n = uint64(len(ps.all))
		ps.all = append(ps.all, p)
		ps.of[p] = n
	}
	return n
}

func (ps *places) at(n uint64) *record.Place { return ps.all[n] }

// onlyOnce reports a path whose rows come once: standard input, a pipe, a
// device.
func onlyOnce(path string) bool {
	if path == plan.StandardStream {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}
