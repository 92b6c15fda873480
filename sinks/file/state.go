package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/format/layout"
)

// state is what a later run has to know of this sink to go on with its files.
// The unfinished file of a path stands beside it as .NAME.RUN.partial.
type state struct {
	Version     int             `json:"version"`
	Run         string          `json:"run"`
	Format      string          `json:"format"`
	Compression string          `json:"compression,omitempty"`
	Direct      bool            `json:"direct,omitempty"`  // a device, a pipe, standard output: nothing written can be taken back
	Layouts     []layout.Layout `json:"layouts,omitempty"` // the different ones that were learned
	Targets     []targetState   `json:"targets"`           // those whose file is open come last, the one used longest ago first
}

const stateVersion = 1

// targetState is the file of one path, or, when files are full in turn, all of
// its files.
type targetState struct {
	Path   string          `json:"path"`
	Layout *int            `json:"layout,omitempty"` // of Layouts; none when it was not learned
	Survey json.RawMessage `json:"survey,omitempty"` // while it is being learned
	Held   int             `json:"held,omitempty"`   // rows that Survey has seen and that come again
	Number int             `json:"number,omitempty"` // of the file under way
	Taken  int64           `json:"taken,omitempty"`  // rows for the file under way, rejected ones too, but for those held
	Parked bool            `json:"parked,omitempty"`
	Ended  bool            `json:"ended,omitempty"`
	Now    *fileState      `json:"now,omitempty"`
	Whole  []fileState     `json:"whole,omitempty"`
}

type fileState struct {
	Path   string     `json:"path"`
	Target string     `json:"target,omitempty"` // where it will appear, when Path is a symbolic link
	Length int64      `json:"length"`
	Rows   int64      `json:"rows"`
	Made   []string   `json:"made,omitempty"` // folders made for it
	Side   *sideState `json:"side,omitempty"`
}

// sideState is the file beside an unfinished one, .NAME.RUN.partial.side.
type sideState struct {
	Length int64  `json:"length"`
	CRC32  uint32 `json:"crc32"`
}

func (f fileState) place() atomicfile.Place {
	return atomicfile.Place{Path: f.Path, Target: f.Target, Made: f.Made}
}

func (f fileState) side() (s atomicfile.Side) {
	if f.Side != nil {
		s = atomicfile.Side{Length: f.Side.Length, CRC32: f.Side.CRC32}
	}
	return s
}

// state is what is known of an output whose bytes are on the disk.
func (o *output) state() fileState {
	f := fileState{Path: o.name, Length: o.written, Rows: o.rows}
	if o.whole == nil {
		return f
	}
	place := o.whole.Place()
	f.Target, f.Made = place.Target, place.Made
	if side := o.whole.Side(); side.Length > 0 {
		f.Side = &sideState{side.Length, side.CRC32}
	}
	return f
}

// newState is a state without targets.
func newState(c *Config, run string) *state {
	return &state{Version: stateVersion, Run: run, Format: c.formatName(), Compression: c.compressionName(), Targets: []targetState{}}
}

// layouts gives each different layout a number.
type layouts struct {
	state *state
	seen  map[string]int
}

func (l *layouts) number(x layout.Layout) (*int, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	n, known := l.seen[string(text)]
	if !known {
		n = len(l.state.Layouts)
		l.state.Layouts = append(l.state.Layouts, x)
		if l.seen == nil {
			l.seen = map[string]int{}
		}
		l.seen[string(text)] = n
	}
	return &n, nil
}

var errState = errors.New("the checkpoint is damaged")

// parseState reads what Checkpoint gave.
func parseState(raw json.RawMessage) (*state, error) {
	st := &state{}
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	if st.Version != stateVersion {
		return nil, fmt.Errorf("the checkpoint is of version %d, and this program goes on from version %d", st.Version, stateVersion)
	}
	if !validRun(st.Run) {
		return nil, fmt.Errorf("%w: the run is %q", errState, shorten(st.Run))
	}
	for i := range st.Targets {
		if err := st.check(&st.Targets[i]); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// validRun reports what can be a part of a hidden file's name, and no way out of
// its folder.
func validRun(run string) bool {
	return run != "" && len(run) < 100 && !strings.ContainsAny(run, "/\\\x00")
}

func (st *state) check(t *targetState) error {
	files := t.Whole
	if t.Now != nil {
		files = append(files[:len(files):len(files)], *t.Now)
	}
	for _, f := range files {
		if f.Path == "" || f.Length < 0 || f.Rows < 0 || f.side().Length < 0 {
			return fmt.Errorf("%w: the file %q has length %d", errState, shorten(f.Path), f.Length)
		}
	}
	if t.Survey != nil && (t.Now == nil || t.Now.Length > 0 && !st.Direct) || t.Number < 0 || t.Taken < 0 || t.Held < 0 || t.Parked && t.Now == nil {
		return fmt.Errorf("%w: nothing can be made of the files of %q", errState, shorten(t.Path))
	}
	if t.Layout != nil && (*t.Layout < 0 || *t.Layout >= len(st.Layouts)) {
		return fmt.Errorf("%w: the columns of %q are missing", errState, shorten(t.Path))
	}
	return nil
}

// layout is the columns that a target had learned; nil for none.
func (st *state) layout(t *targetState) *layout.Layout {
	if t.Layout == nil {
		return nil
	}
	return &st.Layouts[*t.Layout]
}

// fits checks that a state is one of this block's.
func (st *state) fits(c *Config) error {
	switch {
	case st.Format != c.formatName() || st.Compression != c.compressionName():
		return fmt.Errorf("it was begun as %s and would be continued as %s: the pipeline has changed since",
			describe(st.Format, st.Compression), describe(c.formatName(), c.compressionName()))
	case st.Direct && !c.direct():
		return errors.New("it was a device or a pipe when the checkpoint was taken, and is none now")
	case st.Direct && (c.splits() || c.columnar()):
		return errState
	}
	return nil
}

func describe(format, compression string) string {
	if compression == "" {
		return format
	}
	return format + " with " + compression
}
