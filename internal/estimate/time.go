package estimate

import (
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// lasting says how long a sink takes at least: by its budget, or by what its
// tables have provisioned.
func (s *sample) lasting(x *node, e *plan.NodeEstimate) {
	total, known := 0.0, x.in.Known()
	for _, c := range e.Capacity {
		total += c.Units.Value
	}
	slowest, by := 0.0, ""
	offer := func(units, perSecond float64, what string) {
		if perSecond > 0 && (by == "" || units/perSecond > slowest) {
			slowest, by = units/perSecond, what
		}
	}
	if b := x.sink.budget; b > 0 {
		offer(total, b, fmt.Sprintf("write_capacity = %g WCU per second", b))
	}
	var onDemand []string
	for _, t := range x.sink.use.tables {
		d := t.table.Described
		if d.Billing != dynamo.BillingProvisioned {
			onDemand = append(onDemand, t.table.Name)
			continue
		}
		own := s.times(x, t.units).Value
		for _, i := range t.indexes {
			units := s.times(x, i.units).Value
			if !i.Global {
				own += units
				continue
			}
			offer(units, float64(i.ProvisionedWrite), fmt.Sprintf("the %d WCU of index %s of table %s", i.ProvisionedWrite, i.Name, d.Name))
		}
		offer(own, float64(d.ProvisionedWrite), fmt.Sprintf("the %d WCU of table %s", d.ProvisionedWrite, t.table.Name))
	}
	switch {
	case !known:
	case by != "":
		e.Seconds = &plan.Figure{Value: slowest, AtLeast: true}
		e.SecondsBy = by
	case len(onDemand) > 0:
		f := unknown("there is no write_capacity, and on demand a table takes what it can (" + strings.Join(onDemand, ", ") + ")")
		e.Seconds = &f
	}
}

// replaces reports that items are stored under keys that are put.
func (s *sink) replaces() bool {
	for _, f := range s.asked.found {
		if f.items > 0 {
			return true
		}
	}
	return false
}
