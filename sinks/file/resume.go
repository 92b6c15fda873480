package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// resume opens what an earlier run had at its checkpoint.
func (c *Config) resume(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	st, err := parseState(env.Resume)
	if err == nil {
		err = st.fits(c)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	if env.Done {
		return c.finished(st)
	}
	if c.splits() {
		s := newSplit(c, env, st.Run)
		if err := s.restore(st); err != nil {
			s.Keep() // the state stays true, and what is wrong may be mended
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	if len(st.Targets) != 1 || st.Targets[0].Path != c.path {
		return nil, fmt.Errorf("%s: %w: it is of another path", c.path, errState)
	}
	s := newSink(c, env, st.Run)
	if err := s.restore(ctx, st, &st.Targets[0], nil); err != nil {
		return nil, err
	}
	return s.published(), nil
}

// restore makes the sink what it was at a checkpoint.
func (s *sink) restore(ctx context.Context, st *state, t *targetState, held *int64) error {
	if whole := len(t.Whole) == 1 && t.Now == nil; whole != (len(t.Whole) > 0 || t.Now == nil) {
		return fmt.Errorf("%w: nothing can be made of the file of %s", errState, shorten(t.Path))
	}
	var err error
	if s.layout, s.learned, err = layoutKnown(s.config, st, t); err != nil {
		return err
	}
	s.resumable, s.ended = true, t.Now == nil
	switch {
	case st.Direct:
		if s.out, err = openOutput(ctx, s.config, s.run, true); err == nil {
			// A pipe has nothing of the earlier run, and a terminal or a file that is
			// appended to has: in either case the rows go on where they were.
			s.continued = t.Now != nil && t.Now.Length > 0
		}
	case s.ended:
		s.out, err = restoreClosed(t.Whole[0], st.Run)
	default:
		s.out, err = restoreOutput(*t.Now, st.Run)
		s.continued, s.side = t.Now.Length > 0, t.Now.side()
	}
	if err != nil {
		return err
	}
	if !s.ended {
		err = s.ready(t, held)
	}
	if err != nil {
		s.out.keep()
		return errors.Join(err, s.out.discard())
	}
	return nil
}

// ready makes a restored output one that can be written on.
func (s *sink) ready(t *targetState, held *int64) error {
	if s.out.buffer == nil {
		if err := s.out.dress(s.config); err != nil {
			return err
		}
	}
	if t.Survey == nil {
		if err := s.begin(); err != nil {
			return fmt.Errorf("%s can't be continued: %w", s.out.name, err)
		}
		return nil
	}
	s.learn(held)
	s.sample.seen = t.Held
	if err := json.Unmarshal(t.Survey, s.sample.survey); err != nil {
		return fmt.Errorf("%w: the columns of %s: %w", errState, shorten(t.Path), err)
	}
	return nil
}

// direct reports that there is no file to publish.
func (c *Config) direct() bool { return c.toStandardOutput() || special(c.path) }

// restoreOutput opens a file as it was at a checkpoint.
func restoreOutput(f fileState, run string) (*output, error) {
	whole, err := atomicfile.Continue(f.place(), run, f.Length)
	if err != nil {
		return nil, err
	}
	return &output{name: f.Path, whole: whole, written: f.Length, synced: f.Length, rows: f.Rows}, nil
}

// restoreClosed is restoreOutput for a file that needs not be open.
func restoreClosed(f fileState, run string) (*output, error) {
	o, err := restoreOutput(f, run)
	if err != nil {
		return nil, err
	}
	return o, o.explain(o.whole.Suspend())
}

// restore makes the targets what they were at a checkpoint.
func (s *split) restore(st *state) error {
	for i := range st.Targets {
		t := &st.Targets[i]
		if err := s.restoreTarget(st, t); err != nil {
			return err
		}
	}
	if len(s.open) > s.config.maxOpen {
		return fmt.Errorf("%w: %d files are open, and max_open is %d", errState, len(s.open), s.config.maxOpen)
	}
	return nil
}

func (s *split) restoreTarget(st *state, from *targetState) error {
	if err := s.reclaim(from.Path); err != nil {
		return err
	}
	files := len(from.Whole)
	if from.Now != nil {
		files++
	}
	if s.config.rotates() && files != from.Number || !s.config.rotates() && (files > 1 || from.Number != 0) {
		return fmt.Errorf("%w: the files of %q", errState, shorten(from.Path))
	}
	t := s.target(from.Path)
	t.number, t.rows, t.ended = from.Number, from.Taken, from.Ended
	var err error
	if from.Now == nil || from.Parked {
		if from.Survey != nil {
			return fmt.Errorf("%w: the columns of %s", errState, shorten(from.Path))
		}
		if t.layout, _, err = layoutKnown(s.config, st, from); err != nil {
			return err
		}
		t.known = true
	}
	for i, f := range from.Whole {
		number := 0
		if s.config.rotates() {
			number = i + 1
		}
		if err := s.expect(t, number, f); err != nil {
			return err
		}
		o, err := restoreClosed(f, st.Run)
		if err != nil {
			return err
		}
		s.created = append(s.created, o)
		t.whole = append(t.whole, o)
	}
	if s.config.rotates() {
		// Files begun after the checkpoint may not be begun again, where how much
		// goes into one depends on what a compressor holds.
		if err := s.removeAfter(t); err != nil {
			return err
		}
	}
	if from.Now == nil {
		return nil
	}
	if err := s.expect(t, t.number, *from.Now); err != nil {
		return err
	}
	if from.Parked {
		if t.parked, err = restoreClosed(*from.Now, st.Run); err == nil {
			s.created = append(s.created, t.parked)
		}
		return err
	}
	c := *s.config
	c.path = from.Now.Path
	now := newSink(&c, s.env, st.Run)
	one := *from
	one.Whole = nil
	if err := now.restore(context.Background(), st, &one, &s.held); err != nil {
		return err
	}
	t.now = now
	if t.known = now.sample == nil; t.known {
		t.layout = now.layout
	}
	s.created = append(s.created, now.out)
	s.open = append(s.open, t)
	return nil
}

// removeAfter removes the unfinished files behind the one under way.
func (s *split) removeAfter(t *target) error {
	for number := t.number + 1; ; number++ {
		place := atomicfile.Place{Path: s.pathOfFile(t, number)}
		if _, err := os.Lstat(place.Partial(s.run)); err != nil {
			return nil
		}
		if err := atomicfile.Remove(place, s.run); err != nil {
			return err
		}
	}
}

// reclaim is claim for a path that was in use at a checkpoint.
func (s *split) reclaim(path string) error {
	switch {
	case s.targets[path] != nil:
		return fmt.Errorf("%w: the path %q is there twice", errState, shorten(path))
	case s.config.where.Parts == nil:
		if path != s.config.path {
			return fmt.Errorf("%s: %w: it is of another path", s.config.path, errState)
		}
		return nil
	}
	if err := checkPath(path); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	if err := s.claim(path); err != nil {
		return fmt.Errorf("%s can't be continued: %w", s.config.path, err)
	}
	return nil
}

// expect checks that a file is the one that a target has under a number.
func (s *split) expect(t *target, number int, f fileState) error {
	if path := s.pathOfFile(t, number); f.Path != path {
		return fmt.Errorf("%w: %q is not %q", errState, shorten(f.Path), shorten(path))
	}
	return nil
}

// finished is the files of a run that had written everything, and may have put
// some of them under their names.
type finished struct {
	path  string
	run   string
	state json.RawMessage
	left  []*output          // not under their names yet
	there []atomicfile.Place // under their names
}

var _ sinks.Publisher = (*finished)(nil)

// finished opens what is left to publish.
func (c *Config) finished(st *state) (_ sinks.Sink, err error) {
	raw, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	f := &finished{path: c.path, run: st.Run, state: raw}
	defer func() {
		if err != nil {
			f.Keep()
			err = errors.Join(err, f.Close())
		}
	}()
	for i := range st.Targets {
		t := &st.Targets[i]
		if t.Now != nil && !st.Direct {
			return nil, fmt.Errorf("%s: %w: %s was not written to its end", c.path, errState, shorten(t.Now.Path))
		}
		for _, w := range t.Whole {
			if st.Direct {
				continue
			}
			published, err := atomicfile.Published(w.place(), st.Run, w.Length)
			if err != nil {
				return nil, err
			}
			if published {
				f.there = append(f.there, w.place())
				continue
			}
			o, err := restoreClosed(w, st.Run)
			if err != nil {
				return nil, err
			}
			f.left = append(f.left, o)
		}
	}
	return f, nil
}

// Write refuses: the run had come to its end.
func (f *finished) Write(context.Context, *record.Batch, *record.Receipt) error {
	return fmt.Errorf("%s had been written to its end, and more rows came for it", f.path)
}

// Flush has nothing left to write.
func (f *finished) Flush(ctx context.Context, _ sinks.Ending) error { return ctx.Err() }

// Publish puts the files that are not there yet under their names. Of the others
// something may have been left beside them.
func (f *finished) Publish(context.Context) error {
	for _, place := range f.there {
		place.Made = nil
		if err := atomicfile.Remove(place, f.run); err != nil {
			return err
		}
	}
	return publish(f.left...)
}

// Checkpoint gives the state that the run goes on from, which is all there is.
func (f *finished) Checkpoint(context.Context) (json.RawMessage, error) { return f.state, nil }

// Keep makes Close leave the files for a later run.
func (f *finished) Keep() {
	for _, o := range f.left {
		o.keep()
	}
}

// Close removes the files that were not published, unless they are to be kept.
func (f *finished) Close() error {
	var errs []error
	for _, o := range f.left {
		errs = append(errs, o.explain(o.discard()))
	}
	return errors.Join(errs...)
}

// Sweep removes the unfinished files of a run in the folder of the path, or of its
// constant part: their names have the run's id.
func (c *Config) Sweep(run string) error {
	path := c.path
	if c.toStandardOutput() || special(path) {
		return nil
	}
	if c.where.Parts != nil {
		folder, _ := base(c.where)
		path = filepath.Join(filepath.FromSlash(folder), "any")
	}
	return atomicfile.SweepBeside(path, run)
}

// Discard removes the unfinished files of a run that nobody will go on with, by
// what Checkpoint gave.
func (c *Config) Discard(raw json.RawMessage) error {
	st, err := parseState(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", c.path, err)
	}
	if st.Direct {
		return nil
	}
	var places []atomicfile.Place
	folders := map[string]bool{}
	for _, t := range st.Targets {
		files := t.Whole
		if t.Now != nil {
			files = append(files, *t.Now)
		}
		for _, f := range files {
			places = append(places, f.place())
			folders[filepath.Dir(f.place().Partial(st.Run))] = true
		}
	}
	// All of them in a folder: the run may have begun others after its last
	// checkpoint.
	var errs []error
	for folder := range folders {
		errs = append(errs, atomicfile.Sweep(folder, st.Run))
	}
	for _, place := range slices.Backward(places) {
		errs = append(errs, atomicfile.Remove(place, st.Run))
	}
	return errors.Join(errs...)
}
