package file

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/sinks"
)

var (
	_ sinks.Checkpointer = (*sink)(nil)
	_ sinks.Checkpointer = (*split)(nil)
	_ sinks.Checkpointer = (*finished)(nil)
	_ sinks.Holder       = (*sink)(nil)
	_ sinks.Holder       = (*split)(nil)
)

// Checkpoint makes the file one that a later run can go on with (promise 5).
func (s *sink) Checkpoint(ctx context.Context) (json.RawMessage, error) {
	if s.out.whole == nil && s.config.columnar() {
		// What has gone down a pipe can't be read back, and half a Parquet or
		// Arrow file can't be continued without.
		return nil, sinks.ErrNotNow
	}
	st := newState(s.config, s.run)
	st.Direct = s.out.whole == nil
	u := unsaved{}
	t := targetState{Path: s.config.path}
	numbers := layouts{state: st}
	if err := s.pause(&u, &t, &numbers); err != nil {
		return nil, err
	}
	if err := u.save(ctx); err != nil {
		return nil, err
	}
	t.set(s.ended, s.out)
	st.Targets = append(st.Targets, t)
	s.resumable = true
	return json.Marshal(st)
}

// set puts the file where it belongs.
func (t *targetState) set(whole bool, o *output) {
	f := o.state()
	if whole {
		f.Side = nil // it takes no part any more
		t.Whole = append(t.Whole, f)
	} else {
		t.Now = &f
	}
}

// pause hands on what there is in such a way that it can be continued, and adds
// what has to be put on the disk.
func (s *sink) pause(u *unsaved, t *targetState, numbers *layouts) (err error) {
	if s.sample != nil {
		t.Held = len(s.sample.slots)
		t.Survey, err = json.Marshal(s.sample.survey)
		u.add(s.out, nil)
		return err
	}
	if s.learned {
		if t.Layout, err = numbers.number(s.layout); err != nil {
			return err
		}
	}
	var journal []byte
	if !s.ended {
		if journal, err = s.writer.Checkpoint(); err != nil {
			return s.out.explain(err)
		}
		if err := s.out.pause(); err != nil {
			return err
		}
	}
	u.add(s.out, journal)
	return nil
}

// unsaved is files of which something is not on the disk yet.
type unsaved struct{ files []unsavedFile }

type unsavedFile struct {
	out     *output
	journal []byte
}

func (u *unsaved) add(o *output, journal []byte) {
	if o.whole != nil {
		u.files = append(u.files, unsavedFile{o, journal})
	}
}

// syncsAtOnce is how many files are put on the disk side by side: a disk does
// several in the time of one.
const syncsAtOnce = 16

// save puts all of it on the disk.
func (u *unsaved) save(ctx context.Context) error {
	work := pool.New().WithErrors().WithMaxGoroutines(syncsAtOnce)
	for _, f := range u.files {
		if f.out.written == f.out.synced && len(f.journal) == 0 {
			continue
		}
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f.out.explain(f.save())
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, f := range u.files {
		for _, folder := range f.out.whole.NewNames() {
			folders[folder] = true
		}
	}
	return syncFolders(folders)
}

func syncFolders(folders map[string]bool) error {
	for folder := range folders {
		if err := atomicfile.SyncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (f unsavedFile) save() error {
	sync := f.out.whole.Sync
	if f.out.buffer == nil { // parked
		sync = f.out.whole.SyncSuspended
	}
	if f.out.written != f.out.synced {
		if err := sync(); err != nil {
			return err
		}
		f.out.synced = f.out.written
	}
	return f.out.whole.AppendSide(f.journal)
}

// Keep makes Close leave the file for a later run.
func (s *sink) Keep() { s.out.keep() }

// Held is the rows from which the columns will be learned.
func (s *sink) Held() []sinks.Held { return heldBy(s) }

// heldBy is the rows that files hold back, in the order in which they came.
func heldBy(files ...*sink) []sinks.Held {
	type held struct {
		came int64
		sinks.Held
	}
	var all []held
	for _, s := range files {
		if s.sample == nil {
			continue
		}
		for i, slot := range s.sample.slots {
			all = append(all, held{s.sample.came[i], sinks.Held{Receipt: slot.receipt, Row: slot.row, Item: s.sample.item(i)}})
		}
	}
	slices.SortFunc(all, func(a, b held) int { return cmp.Compare(a.came, b.came) })
	out := make([]sinks.Held, len(all))
	for i := range all {
		out[i] = all[i].Held
	}
	return out
}

// maxHeld is how many bytes of rows that files hold back a checkpoint takes.
// After so many that were refused for more, columns are learned from fewer rows.
const (
	maxHeld    = 16 << 20
	maxRefused = 8
)

// Checkpoint makes the files ones that a later run can go on with (promise 5).
func (s *split) Checkpoint(ctx context.Context) (json.RawMessage, error) {
	if err := s.lighten(); err != nil {
		return nil, err
	}
	st := newState(s.config, s.run)
	numbers, u := layouts{state: st}, unsaved{}
	targets := s.inOrder()
	states := make([]targetState, len(targets))
	for i, t := range targets {
		if err := s.pause(t, &states[i], &u, &numbers); err != nil {
			return nil, err
		}
	}
	if err := u.save(ctx); err != nil {
		return nil, err
	}
	for i, t := range targets {
		for _, o := range t.whole {
			states[i].set(true, o)
		}
		if o := t.file(); o != nil {
			states[i].set(false, o)
		}
	}
	st.Targets = states
	return json.Marshal(st)
}

// lighten refuses a checkpoint that would hold too many rows, and sees to it
// that a later one does not.
func (s *split) lighten() error {
	held := 0
	for _, t := range s.open {
		held += t.now.held()
	}
	if held <= s.maxHeld {
		s.refused = 0
		return nil
	}
	if s.refused++; s.refused <= maxRefused {
		return sinks.ErrNotNow
	}
	s.refused = 0
	for _, t := range s.open {
		if held <= s.maxHeld {
			break
		}
		held -= t.now.held()
		if err := t.now.learnNow(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) held() int {
	if s.sample == nil {
		return 0
	}
	return s.sample.bytes()
}

// inOrder is the targets by path, and then those whose file is open, the one used
// longest ago first.
func (s *split) inOrder() []*target {
	var closed []*target
	for _, t := range s.targets {
		if t.now == nil {
			closed = append(closed, t)
		}
	}
	slices.SortFunc(closed, func(a, b *target) int { return strings.Compare(a.path, b.path) })
	return append(closed, s.open...)
}

// file is the file under way; nil when there is none.
func (t *target) file() *output {
	if t.now != nil {
		return t.now.out
	}
	return t.parked
}

func (s *split) pause(t *target, st *targetState, u *unsaved, numbers *layouts) (err error) {
	*st = targetState{Path: t.path, Number: t.number, Ended: t.ended, Parked: t.parked != nil}
	if s.config.rotates() && t.file() != nil {
		st.Taken = t.rows
	}
	for _, o := range t.whole {
		u.add(o, nil)
	}
	if t.now != nil {
		err := t.now.pause(u, st, numbers)
		if st.Taken > 0 {
			st.Taken -= int64(st.Held)
		}
		return err
	}
	if t.parked != nil {
		u.add(t.parked, nil)
	}
	if t.known && s.learns() {
		st.Layout, err = numbers.number(t.layout)
	}
	return err
}

// learns reports that the block leaves columns to be learned.
func (s *split) learns() bool {
	_, learn := s.config.layout()
	return learn
}

// Keep makes Close leave the files for a later run.
func (s *split) Keep() {
	for _, o := range s.created {
		o.keep()
	}
}

// Held is the rows from which columns will be learned.
func (s *split) Held() []sinks.Held {
	var files []*sink
	for _, t := range s.open {
		files = append(files, t.now)
	}
	return heldBy(files...)
}

// layoutKnown is the layout of a file that a later run begins, or the error that
// a damaged checkpoint deserves.
func layoutKnown(c *Config, st *state, t *targetState) (l layout.Layout, learned bool, err error) {
	l, learn := c.layout()
	known := st.layout(t)
	switch {
	case known != nil && !learn || known == nil && learn && t.Survey == nil:
		return l, false, fmt.Errorf("%w: the columns of %s", errState, shorten(t.Path))
	case known != nil:
		return *known, true, nil
	}
	return l, false, nil
}
