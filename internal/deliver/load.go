package deliver

import "github.com/dynapipe/dynapipe/internal/progress"

// load is for those that watch a run. It is counted when they ask.
func (c *Core) load() progress.Load {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine.load()
}

// load is the requests in flight, and how many may be to the tables that there
// is something for.
func (m *machine) load() progress.Load {
	limit := 0
	for _, l := range m.lanes {
		if l.inFlight > 0 || !l.idle() {
			limit += l.limit.allowed()
		}
	}
	now := progress.Load{InFlight: m.inFlight, Limit: min(limit, m.cfg.Concurrency), Budget: m.budget.limit}
	if m.budget.short && len(m.busy) > 0 {
		now.Saving = 1
	}
	return now
}
