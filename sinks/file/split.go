package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// split writes several files: one for each value of a path that uses the row,
// or one after the other as each is full, or both.
type split struct {
	config *Config
	env    sinks.Env
	run    string // of which unfinished names are made
	folder string // of the path's constant part
	rest   string // of the constant part, after the folder

	targets map[string]*target // by path
	folders map[string]bool    // that files are in
	open    []*target          // the one used longest ago first
	created []*output          // all files, in the order they began

	held    int64 // rows that files have held back, ever
	maxHeld int   // bytes of them in a checkpoint
	refused int   // checkpoints in a row that would have had more
}

// target is the file of one path, or the files when they are full in turn.
type target struct {
	path   string
	number int           // of the file under way; 0 without a limit
	now    *sink         // the file under way; nil when there is none
	parked *output       // it, without what it takes to write it
	layout layout.Layout // once it is known
	known  bool
	rows   int64 // in the file under way
	ended  bool  // it can't be continued
	whole  []*output
}

var _ sinks.Publisher = (*split)(nil)

func newSplit(c *Config, env sinks.Env, run string) *split {
	s := &split{config: c, env: env, run: run, maxHeld: maxHeld, targets: map[string]*target{}, folders: map[string]bool{}}
	if c.where.Parts != nil {
		s.folder, s.rest = base(c.where)
		if c.elsewhere != "" {
			s.folder = c.elsewhere
		}
	}
	return s
}

// start begins the file of a path that does not depend on the row, so that what
// is wrong with it is known before rows are read.
func (s *split) start(ctx context.Context) error {
	if s.config.where.Parts != nil {
		if info, err := os.Stat(cleanFolder(s.folder)); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is a file, so it can't be the folder of %s", s.folder, s.config.path)
		}
		return nil
	}
	return s.ready(ctx, s.target(s.config.path))
}

// Write parts a batch by path.
func (s *split) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.config.where.Parts == nil {
		return s.add(ctx, s.target(s.config.path), b, func(row int) slot { return slot{r, row} })
	}
	rows := map[*target][]int{}
	var order []*target
	for row := range b.Rows() {
		path, err := s.pathOf(b, row)
		if err == nil {
			err = s.claim(path)
		}
		if err != nil {
			if err := r.Reject(row, pathRejection(b, row, err)); err != nil {
				return err
			}
			continue
		}
		t := s.target(path)
		if rows[t] == nil {
			order = append(order, t)
		}
		rows[t] = append(rows[t], row)
	}
	for _, t := range order {
		chosen := rows[t]
		part := attr.Select(s.env.Mem, b, chosen)
		err := s.add(ctx, t, part, func(row int) slot { return slot{r, chosen[row]} })
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func pathRejection(b *record.Batch, row int, why error) record.Rejection {
	r := rejection(b, row, why)
	r.Operation, r.Code = "path", codePath
	if failed := (*expr.Error)(nil); errors.As(why, &failed) {
		r.Code, r.Message = codeExpression, failed.Range.String()+": "+r.Message
	}
	return r
}

// claim checks a path that is new, the first time it comes.
func (s *split) claim(path string) error {
	if s.targets[path] != nil {
		return nil
	}
	if s.folders[path] {
		return badPathf("the path %q is a folder of other files of this run", path)
	}
	var above []string
	for i, c := range path {
		if c == '/' {
			if s.targets[path[:i]] != nil {
				return badPathf("the path %q is below %q, which is a file of this run", path, path[:i])
			}
			above = append(above, path[:i])
		}
	}
	if err := inside(s.folder, path); err != nil {
		return err
	}
	for _, folder := range above {
		s.folders[folder] = true
	}
	s.target(path)
	return nil
}

func (s *split) target(path string) *target {
	t := s.targets[path]
	if t == nil {
		t = &target{path: path}
		s.targets[path] = t
	}
	return t
}

// add writes rows to a target, to as many files as they fill.
func (s *split) add(ctx context.Context, t *target, b *record.Batch, at func(row int) slot) error {
	for from := 0; from < b.Rows(); {
		if err := s.ready(ctx, t); err != nil {
			return err
		}
		to := min(b.Rows(), from+s.room(t))
		part, first := b, from
		if to-from < b.Rows() {
			rows := make([]int, to-from)
			for i := range rows {
				rows[i] = from + i
			}
			part = attr.Select(s.env.Mem, b, rows)
		} else {
			part.Retain()
		}
		err := t.now.add(part, func(row int) slot { return at(first + row) })
		part.Release()
		if err != nil {
			return err
		}
		t.rows += int64(to - from)
		from = to
		if s.full(t) {
			if err := s.end(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// room is how many rows to write before looking at the file's size again.
func (s *split) room(t *target) int {
	room := int64(1) << 30
	if s.config.maxRows > 0 {
		room = s.config.maxRows - t.rows
	}
	if s.config.maxBytes > 0 {
		// Not all at once of what seems to fit: rows differ in size, and what a
		// compressor holds is not in the size yet.
		const few = 16
		rows := max(few, t.rows/8)
		if size := t.now.size(); size > 0 {
			rows = min(rows, (s.config.maxBytes-size)*t.rows/size/2)
		}
		room = min(room, rows)
	}
	return int(max(room, 1))
}

func (s *split) full(t *target) bool {
	return s.config.maxRows > 0 && t.rows >= s.config.maxRows || s.config.maxBytes > 0 && t.now.size() >= s.config.maxBytes
}

// ready makes a target one that can be written, as the one used last.
func (s *split) ready(ctx context.Context, t *target) error {
	for i, o := range s.open {
		if o == t {
			// Rows that come again after a checkpoint have been a use before it.
			if t.now.sample == nil || t.now.sample.seen == 0 {
				s.open = append(append(s.open[:i:i], s.open[i+1:]...), t)
			}
			return nil
		}
	}
	if len(s.open) >= s.config.maxOpen {
		if err := s.park(s.open[0]); err != nil {
			return err
		}
	}
	if err := s.begin(ctx, t); err != nil {
		return err
	}
	s.open = append(s.open, t)
	return nil
}

// pathOfFile is where a target's file is, or the one with a number.
func (s *split) pathOfFile(t *target, number int) string {
	path := t.path
	if s.config.where.Parts != nil {
		path = filepath.Join(s.folder, filepath.FromSlash(path))
	}
	if number > 0 {
		path = numbered(path, number)
	}
	return path
}

// begin starts a target's file, or continues one that was parked.
func (s *split) begin(ctx context.Context, t *target) error {
	c := *s.config
	c.path = s.pathOfFile(t, t.number)
	if t.parked != nil {
		if err := t.parked.resume(&c); err != nil {
			return err
		}
		t.now = newSink(&c, s.env, s.run)
		t.now.out, t.now.layout, t.now.learned, t.now.continued = t.parked, t.layout, s.learns(), true
		t.parked = nil
		return t.now.begin()
	}
	switch {
	case !s.config.rotates() && len(t.whole) > 0 && !t.ended:
		return fmt.Errorf("%s was whole when the earlier run ended, and more rows came for it: its source is not what it was. Run it without --resume", c.path)
	case t.ended:
		return fmt.Errorf("%s was ended to keep at most max_open = %d files open, and more rows came for it: a %s file can't be continued. "+
			"Raise max_open, or sort the input by what the path is made of", c.path, c.maxOpen, c.formatName())
	}
	if s.config.rotates() {
		t.number++
		c.path = s.pathOfFile(t, t.number)
		if s.config.where.Parts != nil {
			if err := inside(s.folder, numbered(t.path, t.number)); err != nil {
				return err
			}
		}
	}
	t.rows = 0
	var known *layout.Layout
	if t.known {
		known = &t.layout
	}
	t.now = newSink(&c, s.env, s.run)
	if err := t.now.open(ctx, known, &s.held); err != nil {
		t.now = nil
		return err
	}
	s.created = append(s.created, t.now.out)
	if t.now.out.whole == nil {
		return fmt.Errorf("%s is a device or a pipe, and one of several files can't be", c.path)
	}
	return nil
}

// park makes room: the file is closed to be continued, or, in a format in which
// that can't be done, ended.
func (s *split) park(t *target) error {
	if !s.config.continues() {
		t.ended = !s.config.rotates()
		return s.end(t)
	}
	if err := t.now.learnNow(); err != nil {
		return err
	}
	if err := t.now.writer.Close(); err != nil { // a header, when no row has been written
		return t.now.out.explain(err)
	}
	t.layout, t.known = t.now.layout, true
	if err := t.now.out.suspend(); err != nil {
		return err
	}
	t.parked, t.now = t.now.out, nil
	s.forget(t)
	return nil
}

// end makes a target's file whole.
func (s *split) end(t *target) error {
	if err := t.now.finish(); err != nil {
		return err
	}
	t.layout, t.known = t.now.layout, true
	t.whole = append(t.whole, t.now.out)
	t.now = nil
	s.forget(t)
	return nil
}

func (s *split) forget(t *target) {
	for i, o := range s.open {
		if o == t {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return
		}
	}
}

// Flush makes every file whole. Those of a run that was stopped are left for a
// later one to go on with (promise 9).
func (s *split) Flush(ctx context.Context, how sinks.Ending) error {
	if how == sinks.Stopped {
		return ctx.Err()
	}
	for len(s.open) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.end(s.open[0]); err != nil {
			return err
		}
	}
	for _, t := range s.targets {
		if t.parked == nil {
			continue
		}
		if err := t.parked.finishParked(); err != nil {
			return err
		}
		t.whole = append(t.whole, t.parked)
		t.parked = nil
	}
	s.warnOfOlder()
	return ctx.Err()
}

// warnOfOlder says so when files of an earlier run stand behind the last one of
// this run: whoever reads all of them would read rows of both.
func (s *split) warnOfOlder() {
	if !s.config.rotates() {
		return
	}
	for _, t := range s.targets {
		next := s.pathOfFile(t, t.number+1)
		if _, err := os.Stat(next); err == nil {
			s.env.Meter.Warn("older files", fmt.Sprintf("%s, and maybe more after it, is there from an earlier run: this run has %d files of this name", next, t.number))
		}
	}
}

// Publish puts the files under their names, in the order of their paths.
func (s *split) Publish(context.Context) error {
	var whole []*output
	for _, t := range s.inOrder() {
		whole = append(whole, t.whole...)
	}
	return publish(whole...)
}

// Close removes the files unless they were published or are to be kept.
func (s *split) Close() error {
	var errs []error
	for _, o := range slices.Backward(s.created) { // a folder was made for the first file in it
		errs = append(errs, o.explain(o.discard()))
	}
	return errors.Join(errs...)
}
