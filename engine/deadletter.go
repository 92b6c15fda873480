package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
)

// percentFrom is how many rows are read before a percentage of rejects is
// looked at: one bad row among the first ten says little.
const percentFrom = 1000

// TooManyRejects is the failure of a run that rejected more rows than
// max_rejects allows.
type TooManyRejects struct {
	Rejects    int64
	Limit      plan.Limit
	First      string // the first reject, for the message
	DeadLetter string
}

func (e *TooManyRejects) Error() string {
	rows := "rows were"
	if e.Rejects == 1 {
		rows = "row was"
	}
	text := fmt.Sprintf("%d %s rejected and max_rejects is %s. The first: %s", e.Rejects, rows, e.Limit, e.First)
	if e.DeadLetter == "" {
		return text
	}
	return text + ". The rejected rows are in " + e.DeadLetter
}

// deadLetter keeps the rejected rows of a run, one JSON line each. A line is
// handed to the operating system before its row counts as rejected.
type deadLetter struct {
	path string // empty: rows are counted and not kept
	run  string
	// mask hides secret values in messages (promise 8). A row's content is kept
	// as it is: it is what the pipeline made of it.
	mask func(string) string
	// exceeded says, after each reject, whether the run has had too many.
	exceeded func(rejects int64) bool
	// fail ends the run.
	fail  func(error)
	limit plan.Limit
	told  func(what string) // of each; may be nil

	mu    sync.Mutex
	file  *os.File
	count int64
	first string
}

// setAside moves an older run's dead letter away. It comes before any source
// looks for its files, so that no pattern finds a dead letter.
func (d *deadLetter) setAside() error {
	if d.path == "" {
		return nil
	}
	if old, err := os.Stat(d.path); err == nil && old.Mode().IsRegular() {
		aside := d.path + "." + old.ModTime().UTC().Format("20060102T150405.000000000Z")
		if err := os.Rename(d.path, aside); err != nil {
			return fmt.Errorf("set the dead letter of an earlier run aside: %w", err)
		}
	}
	return nil
}

// goOn keeps the lines of an earlier run that a state counts on: those of rows
// before its barrier, of nodes that are not fed them again. Its last line may be
// cut short.
func (d *deadLetter) goOn(state *checkpoint.State, counts func(node string) bool) error {
	d.first = state.FirstReject
	info, err := os.Stat(d.path)
	if err == nil && !info.Mode().IsRegular() {
		d.count = state.Rejects
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the dead letter of the run that goes on: %w", err)
	}
	var want int64
	for node, n := range state.Nodes {
		if counts(node) {
			want += n.Rejected
		}
	}
	if err == nil {
		if err := d.keep(func(e DeadLetterLine) bool {
			return e.Run == state.Run && e.Checkpoint < state.Number && counts(e.Node)
		}); err != nil {
			return fmt.Errorf("go on with the dead letter: %w", err)
		}
	}
	if d.count != want {
		return fmt.Errorf("%s has %d of the %d rows that had been rejected when the state was saved: put the file back, or start from the beginning without --resume",
			d.path, d.count, want)
	}
	return nil
}

// keep writes the dead letter anew, with the lines that are to stay.
func (d *deadLetter) keep(stays func(DeadLetterLine) bool) error {
	next, err := atomicfile.Recreate(d.path, d.run)
	if err != nil {
		return err
	}
	to := bufio.NewWriter(next)
	for line, lineErr := range DeadLetterLines(d.path) {
		if errors.As(lineErr, new(*DamagedLine)) {
			continue // what a crash of the system left behind the last checkpoint; the count tells
		}
		if err = lineErr; err == nil && stays(line) {
			d.count++
			_, err = to.Write(line.Text)
		}
		if err != nil {
			return errors.Join(err, next.Discard())
		}
	}
	if err = errors.Join(to.Flush(), next.Finish()); err == nil {
		err = next.Publish()
	}
	return errors.Join(err, next.Discard())
}

// open makes sure that the dead letter can be written, before any row moves.
func (d *deadLetter) open() error {
	if d.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o777); err != nil {
		return fmt.Errorf("make the folder of the dead letter: %w", err)
	}
	f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("open the dead letter: %w. Set dead_letter in the pipeline block to a path that can be written", err)
	}
	d.file = f
	return nil
}

// behind is the dead letter for rows that come after the barrier of a number.
func (d *deadLetter) behind(barrier int64) record.Rejecter { return rejecter{d, barrier} }

type rejecter struct {
	*deadLetter
	barrier int64
}

// Reject keeps a row and counts it. When that makes too many it ends the run,
// though this row has been kept.
func (d rejecter) Reject(node string, r record.Rejection) error {
	r.Message = d.mask(r.Message)
	line := DeadLetterLine{
		Time: time.Now().UTC(), Run: d.run, Checkpoint: d.barrier, Node: node, Origin: placeOf(r.Origin), Operation: r.Operation,
		Code: r.Code, Message: r.Message, Attempts: r.Attempts, Item: r.Item,
	}
	if utf8.Valid(r.Raw) {
		line.Raw = string(r.Raw)
	} else {
		line.RawBase64 = r.Raw
	}
	text := &bytes.Buffer{}
	encode := json.NewEncoder(text)
	encode.SetEscapeHTML(false) // rows are kept as they were, readable
	if err := encode.Encode(line); err != nil {
		return fmt.Errorf("encode a rejected row of %s for the dead letter: %w", node, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		if _, err := d.file.Write(text.Bytes()); err != nil {
			return fmt.Errorf("write the dead letter: %w", err)
		}
	}
	d.count++
	if d.count == 1 || d.told != nil {
		what := fmt.Sprintf("%s: %s: %s", r.Origin, node, r.Message)
		if d.count == 1 {
			d.first = what
		}
		if d.told != nil {
			d.told(what)
		}
	}
	if d.exceeded(d.count) {
		d.fail(d.tooMany())
	}
	return nil
}

func (d *deadLetter) tooMany() *TooManyRejects {
	return &TooManyRejects{Rejects: d.count, Limit: d.limit, First: d.first, DeadLetter: d.path}
}

// rejects is how many rows were rejected so far.
func (d *deadLetter) rejects() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// rejected is how many rows were rejected so far, and where and why the first.
func (d *deadLetter) rejected() (count int64, first string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count, d.first
}

// sync puts the lines so far on disk.
func (d *deadLetter) sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.file.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // a pipe or a device has nothing to sync
		return fmt.Errorf("sync the dead letter: %w", err)
	}
	return nil
}

// close syncs the file, and removes it when it stayed empty.
func (d *deadLetter) close() error {
	if d.file == nil {
		return nil
	}
	err := errors.Join(d.sync(), d.file.Close())
	if d.count == 0 {
		if info, statErr := os.Stat(d.path); statErr == nil && info.Mode().IsRegular() && info.Size() == 0 {
			err = errors.Join(err, os.Remove(d.path))
		}
	}
	if err != nil {
		return fmt.Errorf("close the dead letter: %w", err)
	}
	return nil
}
