package verify

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// tableSink is a sink that can say what its rows make of tables.
type tableSink interface {
	sinks.Config
	// Unverifiable is why nothing can be said of what its rows make of items;
	// empty when something can. noRejects says that a rejected row fails the run.
	Unverifiable(noRejects bool) string
	Expect(ctx context.Context, mem memory.Allocator, noRejects bool) (*delivery.Expectation, error)
}

// expecting takes the place of a sink that writes to tables: it keeps what its
// rows would make of which items.
type expecting struct {
	tableSink
	node    uint64
	address string
	ignored map[string]bool
	// noRejects says that a rejected row fails a run.
	noRejects bool
	into      *expected
}

var _ sinks.Config = (*expecting)(nil)

// expected is what becomes of the changes of all sinks.
type expected struct {
	targets *targets
	places  *places
	sampler *sampler
	spill   *spill
	// wanted, when not nil, is what is looked for in place of keeping entries.
	wanted *wanted
	doubts func(sink string, why []string)
}

// Open finds the sink's tables.
func (c *expecting) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	x, err := c.Expect(ctx, env.Mem, c.noRejects)
	if err != nil {
		return nil, err
	}
	s := &expectSink{expecting: c, x: x, targetOf: map[*delivery.Table]*target{}, digesters: map[*target]*digester{}}
	for _, t := range x.Tables {
		s.target(t)
		for _, k := range t.Keys {
			if c.ignored[k.Name] {
				x.Close()
				return nil, fmt.Errorf("%q, the %s of table %s, is made anew in every run, so its items can't be told apart: "+
					"verify with --report FILE, the report of the run that wrote them; or make keys of what rows hold, as uuidv5() does", k.Name, k.Role, t.Name)
			}
		}
	}
	if x.RowTables {
		c.into.targets.share(c.ignored)
	}
	if c.into.doubts != nil {
		c.into.doubts(c.address, x.Doubts)
	}
	return s, nil
}

type expectSink struct {
	*expecting
	x         *delivery.Expectation
	targetOf  map[*delivery.Table]*target
	digesters map[*target]*digester
	batch     *record.Batch
	entry     entry
	scratch   []byte
}

func (s *expectSink) target(t *delivery.Table) *target {
	found := s.targetOf[t]
	if found == nil {
		found = s.into.targets.ofTable(s.x, t, s.address, s.ignored)
		found.known = found.known || s.Unverifiable(s.noRejects) == ""
		s.targetOf[t] = found
	}
	return found
}

// Write tells what the rows of a batch make of which items.
func (s *expectSink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	s.batch = b
	defer s.done()
	return s.x.Rows.Expect(ctx, b, r, s.tell)
}

func (s *expectSink) done() {
	s.batch = nil
	for _, d := range s.digesters {
		d.end()
	}
}

// tell keeps one change, when its key is in the sample.
func (s *expectSink) tell(c delivery.Change) error {
	t := s.target(c.Key.Table())
	e := &s.entry
	*e = entry{
		fate: c.Fate, alone: c.Alone, target: uint64(t.number), node: s.node, pos: c.Pos, text: e.text[:0],
	}
	e.key, s.scratch = keySum(s.scratch, t.number, c.Key.Bytes())
	if s.into.wanted != nil {
		s.into.wanted.offer(e.key, place{c.Place, c.Pos, s.node}, func() []byte { return s.itemOf(c) })
		return nil
	}
	if !s.into.sampler.expects(e.key) {
		return nil
	}
	e.place = s.into.places.number(c.Place)
	e.text = c.Key.Append(e.text)
	if c.Fate == delivery.IsPut {
		var err error
		if e.digest, err = s.digest(t, c); err != nil {
			return err
		}
	}
	return s.into.spill.add(e)
}

func (s *expectSink) digest(t *target, c delivery.Change) (sum, error) {
	d := s.digesters[t]
	if d == nil {
		d = &digester{ignored: t.ignored}
		s.digesters[t] = d
	}
	if c.Item != nil {
		fields, err := parseItem(c.Item)
		return d.item(fields), err
	}
	if d.batch != s.batch {
		d.begin(s.batch)
	}
	return d.row(c.Row), nil
}

// itemOf is the item that a change puts.
func (s *expectSink) itemOf(c delivery.Change) []byte {
	if c.Item != nil {
		return bytes.Clone(c.Item)
	}
	return attr.AppendRow(nil, s.batch, c.Row)
}

// Flush tells what the sink had held.
func (s *expectSink) Flush(ctx context.Context, how sinks.Ending) error {
	if how == sinks.Stopped {
		return nil
	}
	return s.x.Rows.Flush(ctx, s.tell)
}

// Close gives back what the sink's own code holds.
func (s *expectSink) Close() error {
	s.x.Close()
	return nil
}

// wanted are rows whose items are looked for in a second reading.
type wanted struct {
	mu    sync.Mutex
	rows  map[sum][]place
	items map[sum][]byte // of the row that came last
	open  int
	found func() // called when there is nothing left to look for
}

func newWanted(found func()) *wanted {
	return &wanted{rows: map[sum][]place{}, items: map[sum][]byte{}, found: found}
}

func (w *wanted) want(key sum, at place) {
	w.rows[key] = append(w.rows[key], at)
	w.open++
}

// offer takes the item of a row that is wanted.
func (w *wanted) offer(key sum, at place, item func() []byte) {
	places := w.rows[key] // nobody writes to it by now
	if places == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range places {
		if !p.same(at) {
			continue
		}
		w.items[key] = item()
		if w.open--; w.open == 0 {
			w.found()
		}
	}
}
