package faultproxy

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Stats is what a Proxy has seen and done so far.
type Stats struct {
	Seed       uint64                    `json:"seed" doc:"The number that decides what goes wrong."`
	Seconds    float64                   `json:"seconds" doc:"How long it has stood before the server, in seconds."`
	Operations map[string]OperationStats `json:"operations" doc:"Requests by operation."`
	Faults     map[Kind]int64            `json:"faults" doc:"Requests by what befell them; of the kinds that have items in their names, items."`
	Reasons    map[string]int64          `json:"throttling_reasons" doc:"How often each throttling reason was given."`
	Tables     map[string]TableStats     `json:"tables" doc:"Consumed capacity by table."`
}

// OperationStats counts the requests of an operation.
type OperationStats struct {
	Requests int64 `json:"requests" doc:"Requests that were received."`
	Answered int64 `json:"answered" doc:"Requests that the server answered with 200."`
	Refused  int64 `json:"refused" doc:"Requests that the server itself refused."`
	Items    int64 `json:"items" doc:"Items in those answered: written, or asked for by key."`
}

// TableStats is the capacity that a table consumed.
type TableStats struct {
	Write Usage `json:"write" doc:"Write units."`
	Read  Usage `json:"read" doc:"Read units."`
}

// Usage is consumed capacity in units, as DynamoDB bills it: with secondary
// indexes, without what was refused. It counts when the server has answered.
type Usage struct {
	Units   float64            `json:"units" doc:"Units in all, with those of secondary indexes, without what was refused."`
	Peak    float64            `json:"peak_per_second" doc:"The most in any one second, wherever that second begins."`
	Average float64            `json:"average_per_second" doc:"The mean from the first second that has any to the last."`
	Indexes map[string]float64 `json:"indexes,omitempty" doc:"Units of each global secondary index, which are part of the units."`
	Seconds []float64          `json:"seconds,omitempty" doc:"Units by second since it has stood before the server."`
}

// recorder collects Stats. It may be used by several goroutines.
type recorder struct {
	start time.Time

	mu         sync.Mutex
	operations map[string]OperationStats
	faults     map[Kind]int64
	reasons    map[string]int64
	tables     map[string]*[3]*usage // by effect
}

func newRecorder(start time.Time) *recorder {
	return &recorder{
		start: start, operations: map[string]OperationStats{}, faults: map[Kind]int64{},
		reasons: map[string]int64{}, tables: map[string]*[3]*usage{},
	}
}

// arrive counts a request and gives its number among those of its operation.
func (r *recorder) arrive(operation string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.operations[operation]
	o.Requests++
	r.operations[operation] = o
	return uint64(o.Requests - 1)
}

// answered counts an answer of the server.
func (r *recorder) answered(operation string, ok bool, items int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.operations[operation]
	if ok {
		o.Answered++
		o.Items += int64(items)
	} else {
		o.Refused++
	}
	r.operations[operation] = o
}

// fault counts n times a fault; a kind that never occurs is not there.
func (r *recorder) fault(kind Kind, n int, reasons ...Reason) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[kind] += int64(n)
	for _, reason := range reasons {
		r.reasons[reason.Reason]++
	}
}

// spent books what an answer says was consumed.
func (r *recorder) spent(e effect, c consumed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := tableName(c.TableName)
	if r.tables[name] == nil {
		r.tables[name] = &[3]*usage{read: newUsage(r.start), write: newUsage(r.start)}
	}
	// The clock is read under the lock, so that times never go back.
	r.tables[name][e].add(c, time.Now())
}

func (r *recorder) snapshot(seed uint64) Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{
		Seed: seed, Seconds: time.Since(r.start).Seconds(), Operations: maps.Clone(r.operations),
		Faults: maps.Clone(r.faults), Reasons: maps.Clone(r.reasons), Tables: map[string]TableStats{},
	}
	for name, t := range r.tables {
		s.Tables[name] = TableStats{Write: t[write].snapshot(), Read: t[read].snapshot()}
	}
	return s
}

func (u *usage) snapshot() Usage {
	out := Usage{Units: u.total, Peak: u.peak, Indexes: maps.Clone(u.indexes), Seconds: slices.Clone(u.seconds)}
	for i, first := range u.seconds {
		if first > 0 {
			out.Average = u.total / float64(len(u.seconds)-i)
			break
		}
	}
	return out
}
