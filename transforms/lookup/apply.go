package lookup

import (
	"context"
	"fmt"

	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

const (
	// unitBytes is how much memory the items of a batch should take at a time
	// (promise 6). A batch whose items take more is worked on in windows of some
	// of its rows.
	unitBytes = 8 << 20
	// leastKeys is how many keys a window asks for at least, so that requests are
	// full; and the first of all, since nothing is known of the items' size.
	leastKeys = 100
	// usualItem is the size of items as long as none is found.
	usualItem = 1 << 10
)

// unit is a batch on its way through the lookup.
type unit struct {
	*lookup
	in      *record.Batch
	origins *record.Origins
	asker   *asker
	out     *transforms.Out

	// known are the entries of the windows before, as long as they fit.
	known      map[string]*entry
	knownBytes int

	window window
}

// window is some rows of the batch, for whose items it waits.
type window struct {
	wishes []wish
	space  []ref
	asked  int
	fresh  []*entry
	rows   map[*group][]deliver.Row
	waits  map[*group]*waiting
}

// Apply asks for the items of a batch's rows, window by window, and sends the
// rows on with them.
func (l *lookup) Apply(ctx context.Context, in *record.Batch, out *transforms.Out) error {
	origins := in.Origins()
	u := &unit{lookup: l, in: in, origins: &origins, out: out, known: map[string]*entry{}}
	u.asker = newAsker(l, in)
	defer u.asker.release()
	for row := 0; row < in.Rows(); {
		row = u.open(row)
		if err := u.wait(ctx); err != nil {
			return err
		}
		if err := u.close(); err != nil {
			return err
		}
	}
	return nil
}

// open looks at rows until they ask for as many keys as a window should, and
// gives the row after them.
func (u *unit) open(row int) int {
	u.window = window{
		wishes: u.window.wishes[:0], space: u.window.space[:0], fresh: u.window.fresh[:0],
		rows: map[*group][]deliver.Row{}, waits: map[*group]*waiting{},
	}
	most := u.keys()
	for ; row < u.in.Rows(); row++ {
		if u.window.asked > 0 && u.window.asked+len(u.gets) > most {
			break
		}
		u.look(row)
	}
	return row
}

// keys is how many keys a window asks for at most.
func (l *lookup) keys() int {
	size := int(l.itemSize.Load())
	if size == 0 {
		return leastKeys
	}
	return max(unitBytes/size/leastKeys, 1) * leastKeys
}

// look has a row ask for its items, if it can and has to.
func (u *unit) look(row int) {
	if no := u.asker.keys(row); no.Refused() {
		u.out.Rejects = append(u.out.Rejects, u.reject(u.in, row, no.Code, no.Message))
		return
	}
	if u.asker.missing() {
		for i, w := range u.asker.wants {
			if w.missing && !u.without(u.in, row, u.gets[i].name, "a part of the key is null", u.out) {
				return
			}
		}
	}
	w := wish{row: row}
	if u.transaction {
		w.items = u.asker.together(u, row)
	} else {
		w.items = u.asker.singly(u, row)
	}
	u.window.wishes = append(u.window.wishes, w)
}

// refs is space for the items of a row.
func (u *unit) refs(n int) []ref {
	if len(u.window.space)+n > cap(u.window.space) {
		u.window.space = make([]ref, 0, max(u.in.Rows(), 64)*n) // rows before keep theirs
	}
	from := len(u.window.space)
	u.window.space = u.window.space[:from+n]
	refs := u.window.space[from:]
	clear(refs)
	return refs
}

// entry is that of a key, which this unit knows, somebody asks for, or is fresh.
func (u *unit) entry(g *group, id []byte) (e *entry, fresh bool) {
	if e := u.known[string(id)]; e != nil {
		return e, false
	}
	w := u.window.waits[g]
	if w == nil {
		w = newWaiting()
		u.window.waits[g] = w
	}
	e, fresh = u.store.get(id, w)
	u.known[e.id] = e
	u.window.fresh = append(u.window.fresh, e)
	return e, fresh
}

func (u *unit) submit(g *group, r deliver.Row) {
	u.window.rows[g] = append(u.window.rows[g], r)
	u.window.asked += max(r.Actions, 1)
}

// wait hands the window's keys to the cores and waits until all that it asks
// for is there. An error is a core's, and ends the run.
func (u *unit) wait(ctx context.Context) error {
	if len(u.window.waits) == 0 {
		return nil
	}
	// Everything is submitted before anything is awaited: others may wait for it.
	for g, rows := range u.window.rows {
		if err := g.core.Submit(ctx, rows); err != nil {
			return err
		}
	}
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for g, w := range u.window.waits {
		w.ready()
		p.Go(func(ctx context.Context) error { return g.core.Await(ctx, w.done) })
	}
	return p.Wait()
}

// close sends the window's rows on, and forgets what is too much to keep.
func (u *unit) close() error {
	u.measure()
	p := part{unit: u}
	for _, w := range u.window.wishes {
		added, ok := u.found(w)
		if !ok {
			continue
		}
		if len(p.wishes) > 0 && p.bytes+added > u.limits.Bytes {
			if err := p.send(); err != nil {
				return err
			}
		}
		p.add(w, added)
	}
	if len(p.wishes) > 0 {
		if err := p.send(); err != nil {
			return err
		}
	}
	if u.knownBytes > unitBytes {
		clear(u.known)
		u.knownBytes = 0
	}
	return nil
}

// measure counts what the window's entries take, and learns the size of items.
func (u *unit) measure() {
	found, bytes := 0, 0
	for _, e := range u.window.fresh {
		u.knownBytes += e.size()
		for _, item := range e.items {
			if item != nil {
				found++
				bytes += len(item)
			}
		}
	}
	if found > 0 {
		u.itemSize.Store(int64(max(bytes/found, 1)))
	} else if len(u.window.fresh) > 0 {
		u.itemSize.CompareAndSwap(0, usualItem)
	}
}

// found looks at what came of a row's wishes, and says how many bytes they are.
// A row that does not go on is accounted for.
func (u *unit) found(w wish) (bytes int64, ok bool) {
	for i, r := range w.items {
		if r.entry != nil && r.entry.failed {
			why := u.reject(u.in, w.row, r.entry.why.Code, fmt.Sprintf("get %q: %s", u.gets[i].name, r.entry.why.Message))
			why.Attempts = r.entry.why.Attempts
			u.out.Rejects = append(u.out.Rejects, why)
			return 0, false
		}
	}
	for i, r := range w.items {
		item := r.item()
		if item == nil && r.entry != nil && !u.without(u.in, w.row, u.gets[i].name, u.gets[i].target.nothing(), u.out) {
			return 0, false
		}
		bytes += int64(len(item))
	}
	return bytes, true
}

func (t *target) nothing() string {
	return fmt.Sprintf("table %s has no item with the row's key", t.table.Name)
}
