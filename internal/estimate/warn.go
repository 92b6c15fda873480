package estimate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/plan"
)

const (
	// fewest writes say something of how keys are spread.
	fewest = 500
	// perPartition is what one partition takes in a second (AWS: "Designing
	// partition keys to distribute your workload").
	perPartition = 1000
	// hot is the share of one key from which on it is worth a warning, wide the
	// units below which it does not matter.
	hot  = 0.2
	wide = 2 * perPartition
	// long runs of one key fill what a sink holds at once, so that little else is
	// written beside them.
	long = 500
	// near is the size from which on an item is close to the limit.
	near = delivery.MaxItem * 7 / 8
)

// warnings is what is worth a warning.
func (s *sample) warnings() (diags hcl.Diagnostics) {
	diags = append(diags, s.tooManyRejects()...)
	for _, n := range s.plan.Nodes {
		x := s.nodes[n]
		if x.sink == nil || x.sink.packing == nil {
			continue
		}
		for _, t := range x.sink.use.tables {
			diags = append(diags, s.hotPartition(x, t)...)
		}
		diags = append(diags, s.largeItems(x)...)
		diags = append(diags, s.doubled(x)...)
		for i := range x.sink.asked.found {
			f := &x.sink.asked.found[i]
			diags = append(diags, s.neverExpires(x, f)...)
			diags = append(diags, s.drops(x, f)...)
		}
	}
	for _, d := range diags {
		d.Detail = s.plan.Secrets.Mask(d.Detail)
	}
	return diags
}

// tooManyRejects warns of a run that would fail.
func (s *sample) tooManyRejects() hcl.Diagnostics {
	rejects, read, whole := 0.0, 0.0, 0.0 // whole: in a run, as far as that is known
	var first *node
	for _, n := range s.plan.Nodes {
		x := s.nodes[n]
		read += float64(x.report.Read)
		if x.report.Rejected > 0 && first == nil {
			first = x
		}
		rejects += float64(x.report.Rejected)
		if e := x.view.Estimate; e != nil {
			whole += e.Rejected.Value
		}
	}
	limit := s.plan.Settings.MaxRejects
	switch {
	case first == nil:
		return nil
	case !limit.IsPercent && max(rejects, whole) <= float64(limit.Count), limit.IsPercent && rejects*100 <= limit.Percent*read:
		return nil
	}
	s.view.Sampling.Fails = "more rows are rejected than max_rejects allows"
	return hcl.Diagnostics{diag.Warning(first.Range, "Too many rejects",
		"A run would fail: %s of the %s looked at would be rejected, and max_rejects is %s. The first: %s",
		figures.Count(int64(rejects)), count(int64(read), "row"), limit, strings.Join(s.rejects, "; "))}
}

// hotPartition warns of writes that go to few partitions, all the time or one
// after the other.
func (s *sample) hotPartition(x *node, t *tableUse) hcl.Diagnostics {
	k := &t.keys
	if k.rows < fewest || k.many {
		return nil
	}
	units := s.times(x, t.units)
	key, share := k.hottest()
	switch {
	case !units.Known() || units.Value < wide:
		return nil
	case share >= hot:
		return hcl.Diagnostics{diag.Warning(x.Range, "Hot partition",
			"Of the writes to table %s %.0f %% go to one partition key (%q), and a partition takes %s WCU in a second: they take %s at least, whatever the table could take. "+
				"Spread them over more keys, for instance by a suffix of the partition key.",
			t.table.Name, share*100, s.short(key), figures.Count(perPartition), figures.Seconds(units.Value*share/perPartition))}
	case k.typicalRun() >= long:
		return hcl.Diagnostics{diag.Warning(x.Range, "Hot partition",
			"Rows of one partition key of table %s follow each other, %s of them typically, so that one partition after the other takes all of the writes, and a partition takes %s WCU in a second. "+
				"Bring the rows into another order, for instance by the sort key.",
			t.table.Name, figures.Count(int64(k.typicalRun())), figures.Count(perPartition))}
	}
	return nil
}

// largeItems warns of items close to DynamoDB's limit.
func (s *sample) largeItems(x *node) hcl.Diagnostics {
	if x.sink.use.largest < near {
		return nil
	}
	return hcl.Diagnostics{diag.Warning(x.Range, "Large items",
		"The largest item looked at has %s bytes, and one may have %s (400 KB): a larger one is rejected. Keep what is large outside of the table, or divide it.",
		figures.Count(x.sink.use.largest), figures.Count(delivery.MaxItem))}
}

// doubled warns of what transactions cost.
func (s *sample) doubled(x *node) hcl.Diagnostics {
	k := x.sink
	if k.x.Cost.Times <= 1 || k.use.requests == 0 {
		return nil
	}
	var units plan.Figure
	for _, t := range k.use.tables {
		units = s.times(x, t.units)
		if !units.Known() {
			return nil
		}
	}
	total := 0.0
	for _, t := range k.use.tables {
		total += s.times(x, t.units).Value
	}
	return hcl.Diagnostics{diag.Warning(x.Range, "Transactions cost twice",
		"Transactions take 2 WCU for each KB: %s WCU in place of %s. Where the writes need not succeed or fail together, batch_write or update takes half.",
		figures.Units(total), figures.Units(total/k.x.Cost.Times))}
}

// neverExpires warns of a time to live that DynamoDB will not act on.
func (s *sample) neverExpires(x *node, f *found) hcl.Diagnostics {
	seen := f.use.expiry.seen[f.expires]
	if f.expires == "" || seen == nil {
		return nil
	}
	switch {
	case seen.late > 0:
		return hcl.Diagnostics{diag.Warning(x.Range, "Time to live in milliseconds",
			"Table %s takes %s for the second of 1970 at which an item expires, and %s of the %s looked at have more than any sensible one there, as %s: they look like milliseconds. Divide them by 1000: floor(row.%s / 1000).",
			f.use.table.Name, f.expires, figures.Count(seen.late), count(f.use.expiry.rows, "item"), s.short(seen.example), f.expires)}
	case seen.numbers < seen.present:
		return hcl.Diagnostics{diag.Warning(x.Range, "Time to live is no number",
			"Table %s takes %s for the second of 1970 at which an item expires, and %s of the %s looked at have no number there%s: they never expire. Make it a number of seconds: epoch(row.%s) of an RFC 3339 time, tonumber(row.%s) of digits.",
			f.use.table.Name, f.expires, figures.Count(seen.present-seen.numbers), count(f.use.expiry.rows, "item"), s.example(seen.example), f.expires, f.expires)}
	}
	return nil
}

func (s *sample) example(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(", as %q", s.short(text))
}

// short is a value for a message: masked before it is cut, since a part of a
// secret is one too (promise 8).
func (s *sample) short(text string) string { return delivery.Shorten(s.plan.Secrets.Mask(text)) }

// drops warns of puts that replace items which have more.
func (s *sample) drops(x *node, f *found) hcl.Diagnostics {
	if len(f.dropped) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(f.dropped))
	shown := strings.Join(names[:min(len(names), 10)], ", ")
	if more := len(names) - 10; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return hcl.Diagnostics{diag.Warning(x.Range, "Put drops attributes",
		"A put replaces the whole item: of %s looked at in table %s some have what the rows have not, and would lose it: %s. An update sink leaves other attributes as they are.",
		count(int64(f.items), "stored item"), f.use.table.Name, shown)}
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return figures.Count(n) + " " + what + "s"
}
