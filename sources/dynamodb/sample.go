package dynamodb

import (
	"math"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/sources"
)

var (
	_ sources.Sampler = (*Config)(nil)
	_ sources.Sampled = (*source)(nil)
)

const (
	// sampleUnits is about how much read capacity a sample takes.
	sampleUnits = 16
	// firstItems is the size of the first page, which tells what items take.
	firstItems = 8
	// growth is how many times the items so far a page reads at most.
	growth = 4
)

// Sample reads the first pages, in one segment.
func (c *Config) Sample(rows int64) sources.Config {
	out := *c
	out.sample = max(rows, 1)
	return &out
}

// probe sizes the pages of a sample: a first one tells what items take, and the
// others read what the units allow. A page is read to its end, whatever a filter
// leaves of it. A nil probe is none.
type probe struct {
	most    int64 // items
	items   int64 // scanned
	units   float64
	step    float64
	first   taken // the first page, which is so small that rounding is most of it
	others  taken
	ended   bool
	unknown string // why the number of all items can't be known
	whole   int64
}

// taken is what some pages took, each rounded up to a step.
type taken struct{ items, units float64 }

// each is what an item takes.
func (p *probe) each() float64 {
	switch {
	case p.others.items > 0:
		return p.others.units / p.others.items
	case p.first.items > 0:
		return p.first.units / p.first.items
	}
	return 0
}

func (c *Config) newProbe(t *dynamo.Table) *probe {
	if c.sample == 0 {
		return nil
	}
	p := &probe{most: c.sample, whole: t.ItemCount}
	if c.limit > 0 && c.where == nil && !c.skipExpired {
		p.most = min(p.most, c.limit)
	}
	if x, ok := t.Index(c.index); ok {
		p.whole = x.ItemCount
	}
	switch {
	case c.key != nil:
		p.unknown = "how many items a key has can't be known"
	case len(t.Keys) == 0:
		p.unknown = "the table can't be described"
	case p.whole == 0:
		p.unknown = "DynamoDB's own count, made every six hours or so, is 0"
	}
	return p
}

// sample readies the source for reading a part, when that is what it is for.
func (s *source) sample(c *Config, t *dynamo.Table) {
	s.probe = c.newProbe(t)
	s.rate, s.step, s.segments = c.readCapacity, 0.5, s.identity.Segments
	if c.consistent {
		s.step = 1
	}
	if s.probe != nil {
		s.identity.Segments, s.probe.step = 1, s.step
	}
}

// page is how many items the next page reads.
func (p *probe) page() int {
	left := p.most - p.items
	if p.items == 0 {
		return int(max(min(left, firstItems), 1))
	}
	n := (sampleUnits - p.units) * float64(p.items) / p.units
	n = min(n, growth*float64(p.items)) // the next items may be larger
	return int(min(max(math.Floor(n), 1), float64(left)))
}

func (p *probe) enough() bool {
	return p != nil && (p.items >= p.most || p.units > sampleUnits*7/8)
}

func (p *probe) answered(items int64, units float64, last bool) {
	if p == nil {
		return
	}
	units = max(units, p.step) // a server may not tell
	pages := &p.others
	if p.items == 0 {
		pages = &p.first
	}
	pages.items += float64(items)
	pages.units += units - p.step/2 // half of a step is too much, on average
	p.items += items
	p.units += units
	p.ended = last
}

// Share is counted in the items that the sample read, before a filter.
func (s *source) Share() sources.Share {
	p := s.probe
	if p == nil {
		return sources.Share{By: "all is read"}
	}
	share := sources.Share{Part: float64(p.items), Ended: p.ended || s.exhausted(), Most: s.most, By: "by DynamoDB's own count, made every six hours or so"}
	share.Budget = s.rate
	switch {
	case share.Ended:
		share.Whole, share.By = share.Part, "all was read"
	case p.unknown != "":
		share.By = p.unknown
		return share
	default:
		share.Whole = math.Max(float64(p.whole), share.Part)
	}
	if share.Part == 0 {
		share.Requests, share.Units = 1, p.units
		return share
	}
	scanned := share.Whole
	if kept := float64(s.readers[0].seq); s.limited && kept > 0 {
		scanned = min(scanned, share.Part/kept*float64(s.most))
	}
	share.Units = math.Ceil(p.each()*scanned/s.step) * s.step
	share.Requests = math.Ceil(share.Units / s.step / (pageBytes / unitBytes))
	if s.pageSize > 0 {
		share.Requests = math.Max(share.Requests, math.Ceil(scanned/float64(s.pageSize)))
	}
	share.Requests = math.Max(share.Requests, float64(s.segments))
	return share
}
