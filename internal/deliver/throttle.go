package deliver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/progress"
)

// Throttle is why a request was throttled (AWS: "Diagnosing throttling").
type Throttle struct {
	Reason   string // as TableWriteProvisionedThroughputExceeded
	Resource string // ARN of the table or index
	Table    string // the resource's table, as rows name it
}

// keyRange is in the reasons that are about some keys and not the whole table:
// one partition takes no more.
const keyRange = "KeyRange"

// ofKeys reports that the tables would take other rows.
func (f *Fault) ofKeys() bool {
	for _, t := range f.Reasons {
		if !strings.Contains(t.Reason, keyRange) {
			return false
		}
	}
	return len(f.Reasons) > 0
}

// names reports that a reason is about the table or one of its indexes.
func (f *Fault) names(table string) bool {
	return slices.ContainsFunc(f.Reasons, func(t Throttle) bool { return t.Table == table })
}

// what says in words what pushes back, and what could be done.
func (t Throttle) what() string {
	switch {
	case strings.Contains(t.Reason, keyRange):
		return "takes no more rows of some range of keys: those wait and others go on; keys that spread more evenly would help"
	case strings.Contains(t.Reason, "ProvisionedThroughput"):
		return "takes no more than its provisioned capacity; write_capacity can keep the run below it"
	case strings.Contains(t.Reason, "MaxOnDemand"):
		return "is at the maximum set for its on-demand throughput"
	case strings.Contains(t.Reason, "AccountLimit"):
		return "is at the account's limit for a table in this region, which Service Quotas can raise"
	}
	return "is throttled"
}

// warnOf names what pushed back, each resource and reason once in a request.
func warnOf(meter *progress.Meter, reasons []Throttle) {
	for i, t := range reasons {
		if !slices.Contains(reasons[:i], t) {
			meter.Warn("throttled "+t.Reason+" "+t.Resource, fmt.Sprintf("%s %s (%s)", t.Resource, t.what(), t.Reason))
		}
	}
}
