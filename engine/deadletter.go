package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

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
	return fmt.Sprintf("%d %s rejected and max_rejects is %s. The first: %s. The rejected rows are in %s",
		e.Rejects, rows, e.Limit, e.First, e.DeadLetter)
}

// entry is a line of the dead-letter file: everything that is known of a row
// that could not go on (promise 2).
type entry struct {
	Time      time.Time       `json:"time"`
	Run       string          `json:"run"`
	Node      string          `json:"node"`
	Origin    place           `json:"origin"`
	Operation string          `json:"operation"`
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Attempts  int             `json:"attempts"`
	Item      json.RawMessage `json:"item,omitempty"`
	Raw       string          `json:"raw,omitempty"`
	RawBase64 []byte          `json:"raw_base64,omitempty"` // when the input is not UTF-8
}

// place is an origin with what does not apply left out.
type place struct {
	Source  string `json:"source"`
	File    string `json:"file,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Segment *int   `json:"segment,omitempty"`
	Seq     int64  `json:"seq"`
	Sub     int64  `json:"sub,omitempty"`
}

func placeOf(o record.Origin) place {
	p := place{Source: o.Source, File: o.File, Line: o.Line, Seq: o.Seq, Sub: o.Sub}
	if o.Segment >= 0 {
		p.Segment = &o.Segment
	}
	return p
}

// deadLetter keeps the rejected rows of a run, one JSON line each. A line is
// handed to the operating system before its row counts as rejected.
type deadLetter struct {
	path string
	run  string
	// mask hides secret values in messages (promise 8). A row's content is kept
	// as it is: it is what the pipeline made of it.
	mask func(string) string
	// exceeded says, after each reject, whether the run has had too many.
	exceeded func(rejects int64) bool
	// fail ends the run.
	fail  func(error)
	limit plan.Limit

	mu    sync.Mutex
	file  *os.File
	count int64
	first string
}

// setAside moves an older run's dead letter away. It comes before any source
// looks for its files, so that no pattern finds a dead letter.
func (d *deadLetter) setAside() error {
	if old, err := os.Stat(d.path); err == nil && old.Mode().IsRegular() {
		aside := d.path + "." + old.ModTime().UTC().Format("20060102T150405.000000000Z")
		if err := os.Rename(d.path, aside); err != nil {
			return fmt.Errorf("set the dead letter of an earlier run aside: %w", err)
		}
	}
	return nil
}

// open makes sure that the dead letter can be written, before any row moves.
func (d *deadLetter) open() error {
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

// Reject keeps a row and counts it. When that makes too many it ends the run,
// though this row has been kept.
func (d *deadLetter) Reject(node string, r record.Rejection) error {
	r.Message = d.mask(r.Message)
	line := entry{
		Time: time.Now().UTC(), Run: d.run, Node: node, Origin: placeOf(r.Origin), Operation: r.Operation,
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
	if _, err := d.file.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write the dead letter: %w", err)
	}
	d.count++
	if d.count == 1 {
		d.first = fmt.Sprintf("%s: %s: %s", r.Origin, node, r.Message)
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

// close syncs the file, and removes it when it stayed empty.
func (d *deadLetter) close() error {
	if d.file == nil {
		return nil
	}
	err := d.file.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil // a pipe or a device, which has nothing to sync
	}
	err = errors.Join(err, d.file.Close())
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
