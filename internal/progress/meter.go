// Package progress holds the counters and events of a run's nodes: what they
// asked of a service, what it cost, how far they are, what they warn of. It
// renders nothing; terminals, logs and reports read it.
package progress

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Request is one attempt at a call of a service.
type Request struct {
	Node        string        `json:"node"`
	Number      int64         `json:"number"` // of the request within the node, from 1; the same for each attempt
	Operation   string        `json:"operation"`
	Items       int           `json:"items"`
	Bytes       int           `json:"bytes"`
	Attempt     int           `json:"attempt"` // from 1
	Duration    time.Duration `json:"duration"`
	Unprocessed int           `json:"unprocessed,omitempty"` // items the service gave back
	Throttled   bool          `json:"throttled,omitempty"`
	Reason      string        `json:"reason,omitempty"`   // why it was throttled: the service's reason, or its error code
	Resource    string        `json:"resource,omitempty"` // ARN of what throttled, if the service named it
	Units       float64       `json:"units,omitempty"`    // capacity units consumed
	Err         string        `json:"error,omitempty"`
}

// Warning is something a node noticed that did not stop it, counted by key.
type Warning struct {
	Key     string `json:"key" doc:"What kind of warning it is, the same in each run."`
	Message string `json:"message" doc:"The first of its kind, in words."`
	Count   int64  `json:"count" doc:"How often it came."`
}

// Consumed is capacity used on a table, or on one of its indexes.
type Consumed struct {
	Table string  `json:"table" doc:"The table."`
	Index string  `json:"index,omitempty" doc:"Its index, when it is an index that took them."`
	Units float64 `json:"units" doc:"Capacity units."`
}

// Throttle counts requests throttled for one reason, by one resource.
type Throttle struct {
	Reason   string `json:"reason" doc:"The service's reason, or its error code."`
	Resource string `json:"resource,omitempty" doc:"The ARN of the table or index that throttled, if the service named it."`
	Count    int64  `json:"count" doc:"Requests that were throttled so."`
}

// Load is what a node has asked of a service and not been answered, at one moment.
type Load struct {
	InFlight int     // requests
	Limit    int     // how many may be in flight now
	Budget   float64 // capacity units in any second; 0: none
	Saving   int     // those that wait until the budget has room for more requests
}

// Snapshot is a meter's counters at one moment.
type Snapshot struct {
	Requests    int64
	Retries     int64
	Throttles   int64
	Unprocessed int64
	Splits      int64 // requests divided to find the row that spoils them
	BytesRead   int64
	BytesTotal  int64 // 0 when it can't be known
	RowsTotal   int64 // 0 when it can't be known
	Capacity    []Consumed
	// ThrottleReasons has the Throttles that had a reason, the most frequent first.
	ThrottleReasons []Throttle
	Warnings        []Warning
	// Seconds and Items are of the requests; nil when there were none.
	Seconds, Items *Histogram
}

// Meter gathers the counters of one node. It may be used by several goroutines.
type Meter struct {
	node   string
	events func(Request)

	mu       sync.Mutex
	loads    []func() Load
	counts   Snapshot
	warnings map[string]*Warning
	capacity map[Consumed]float64 // keyed with Units 0
	reasons  map[Throttle]int64   // keyed with Count 0
	seconds  spread               // that requests took
	items    spread               // that were in them
}

// NewMeter is the meter of one node. events, which may be nil, is told of each
// request, from the goroutine that made it.
func NewMeter(node string, events func(Request)) *Meter {
	return &Meter{
		node: node, events: events,
		warnings: map[string]*Warning{}, capacity: map[Consumed]float64{}, reasons: map[Throttle]int64{},
		seconds: newSpread(secondsBounds()), items: newSpread(itemsBounds()),
	}
}

// Warn counts a warning. Of each key the first message is kept.
func (m *Meter) Warn(key, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.warnings[key]
	if w == nil {
		w = &Warning{Key: key, Message: message}
		m.warnings[key] = w
	}
	w.Count++
}

// Requested counts an attempt and passes it to whoever listens.
func (m *Meter) Requested(r Request) {
	r.Node = m.node
	m.mu.Lock()
	m.counts.Requests++
	m.counts.Unprocessed += int64(r.Unprocessed)
	m.seconds.add(r.Duration.Seconds())
	m.items.add(float64(r.Items))
	if r.Attempt > 1 {
		m.counts.Retries++
	}
	if r.Throttled {
		m.counts.Throttles++
		if r.Reason != "" {
			m.reasons[Throttle{Reason: r.Reason, Resource: r.Resource}]++
		}
	}
	m.mu.Unlock()
	if m.events != nil {
		m.events(r)
	}
}

// Capacity adds units consumed on a table, or on one of its indexes.
func (m *Meter) Capacity(table, index string, units float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity[Consumed{Table: table, Index: index}] += units
}

// Split counts a request that was divided to find the row that spoils it.
func (m *Meter) Split() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Splits++
}

// Read adds input bytes read, as they stand in the file (compressed if it is).
func (m *Meter) Read(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.BytesRead += bytes
}

// Total sets how much there is to do, where that can be known.
func (m *Meter) Total(bytes, rows int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.BytesTotal, m.counts.RowsTotal = bytes, rows
}

// Watch has Load ask f. It costs nothing while nobody looks.
func (m *Meter) Watch(f func() Load) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads = append(m.loads, f)
}

// Load is the sum of what those say that Watch was told of.
func (m *Meter) Load() (sum Load) {
	m.mu.Lock()
	loads := m.loads
	m.mu.Unlock() // who answers may be about to call the meter
	for _, f := range loads {
		l := f()
		sum.InFlight += l.InFlight
		sum.Limit += l.Limit
		sum.Budget += l.Budget
		sum.Saving += l.Saving
	}
	return sum
}

// Snapshot is the counters now, warnings and capacity sorted by name,
// throttles by how many.
func (m *Meter) Snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.counts
	s.Seconds, s.Items = m.seconds.histogram(), m.items.histogram()
	for _, k := range slices.Sorted(maps.Keys(m.warnings)) {
		s.Warnings = append(s.Warnings, *m.warnings[k])
	}
	for k, units := range m.capacity {
		k.Units = units
		s.Capacity = append(s.Capacity, k)
	}
	for k, n := range m.reasons {
		k.Count = n
		s.ThrottleReasons = append(s.ThrottleReasons, k)
	}
	slices.SortFunc(s.ThrottleReasons, func(a, b Throttle) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Resource, b.Resource))
	})
	slices.SortFunc(s.Capacity, func(a, b Consumed) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Index, b.Index))
	})
	return s
}
