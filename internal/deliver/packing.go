package deliver

// Packing reckons how many requests rows make that come in an order, by the rules
// of pack.go, when nothing has to be sent again and none is cut short for want of
// rows. The zero Packing has no caps: use NewPacking.
type Packing struct {
	caps   Caps
	budget float64 // units in any second; 0: none
	left   float64 // of them, in the second at hand
	load   load
	keys   map[string]struct{} // in the request

	requests int64
	actions  int64 // in whole requests
}

// NewPacking is a Packing without rows.
func NewPacking(caps Caps, budget float64) *Packing {
	p := &Packing{caps: caps, budget: budget, left: budget, keys: map[string]struct{}{}}
	p.load = newLoad(caps, budget)
	return p
}

// Add adds a row. The request that it is in may not be full: Requests counts it.
func (p *Packing) Add(r *Row) {
	key := ""
	if r.Key != "" {
		key = r.Table + "\x00" + r.Key
		if _, twice := p.keys[key]; twice {
			p.cut()
		}
	}
	if !p.load.add(r.Table, r.actions(), r.part(), r.Units) {
		p.cut()
		p.load.add(r.Table, r.actions(), r.part(), r.Units)
	}
	if key != "" {
		p.keys[key] = struct{}{}
	}
	if p.load.full() {
		p.cut()
	}
}

// cut ends a request. The next one takes what the budget has left, unless that
// is so little that it waits for more.
func (p *Packing) cut() {
	if p.load.items == 0 {
		return
	}
	p.requests++
	p.actions += int64(p.load.items)
	if p.left -= p.load.units; p.left < min(p.budget*crumb, p.load.units) || p.left <= 0 {
		p.left = p.budget
	}
	p.load = newLoad(p.caps, p.left)
	clear(p.keys)
}

// Requests is how many requests the rows so far make. With a budget it is about
// that: how much of it is left at a moment depends on how long answers take.
func (p *Packing) Requests() int64 {
	if p.load.items > 0 {
		return p.requests + 1
	}
	return p.requests
}

// Scaled is how many requests a multiple of the rows would make.
func (p *Packing) Scaled(times float64) float64 {
	if p.requests == 0 {
		if p.load.items == 0 {
			return 0
		}
		// Not one request is full: how full they get is what the caps say.
		return max(1, float64(p.load.items)*times/float64(p.caps.Items))
	}
	each := float64(p.actions) / float64(p.requests)
	return float64(p.requests)*times + float64(p.load.items)*times/each
}
