// Package checkpoint keeps where a run has got to, so that another can go on
// from there: a small file that a person can read, replaced as a whole, and a
// lock that keeps two runs of one pipeline apart.
//
//	state.go   what is kept
//	store.go   the file: load, save, set aside, remove
//	lock.go    the lock, which dies with its process
//
// What the fields mean to a run is the engine's to say.
package checkpoint

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

// Version is the form of the file. A file of another form is not read.
const Version = 1

// State is where a run had got to: everything up to here is settled, and
// nothing after it is in what the sinks keep (promise 5).
type State struct {
	Version  int       `json:"version"`
	Pipeline string    `json:"pipeline"`
	Run      string    `json:"run"`     // its id, which a run that goes on keeps
	Started  time.Time `json:"started"` // of the run, whose timestamp() it is
	Saved    time.Time `json:"saved"`
	// Number counts the checkpoints of the run, through resumptions.
	Number int64 `json:"number"`
	// Done says that all is written and settled, and results are being put in
	// their places.
	Done bool `json:"done,omitempty"`
	// Fingerprint is what the pipeline was, by what can be named: a node, a
	// variable.
	Fingerprint map[string]string `json:"fingerprint"`
	Sources     map[string]Source `json:"sources"`
	Sinks       map[string]Sink   `json:"sinks"`
	Nodes       map[string]Node   `json:"nodes"`
	Edges       []Edge            `json:"edges"`
	// Rejects is how many rows are in the dead letter for good.
	Rejects     int64  `json:"rejects"`
	FirstReject string `json:"first_reject,omitempty"`
	// Checksum is the CRC-32 (IEEE) of the file without it: a state that somebody
	// changed, or the disk, would lose rows or repeat them.
	Checksum string `json:"checksum"`
}

// Source is what is read, and how far.
type Source struct {
	Identity   json.RawMessage `json:"identity,omitempty"`
	Partitions []Partition     `json:"partitions"`
}

// Partition is how far a partition of a source has been read.
type Partition struct {
	// Position is where reading goes on; null when nothing has been read.
	Position json.RawMessage `json:"position"`
	Done     bool            `json:"done,omitempty"` // read to its end
	// Last is the last row that is behind; null when there is none.
	Last *record.Pos `json:"last,omitempty"`
}

// Sink is what a sink needs to go on.
type Sink struct {
	State json.RawMessage `json:"state,omitempty"` // its own
	// Held are rows that the sink has taken and not acted on.
	Held []Row `json:"held,omitempty"`
}

// Row is a row that a sink holds back: its content as a DynamoDB JSON map, and
// where it came from.
type Row struct {
	Item   json.RawMessage `json:"item"`
	Origin Origin          `json:"origin"`
}

// Origin is where a row came from.
type Origin struct {
	Source  string `json:"source"`
	File    string `json:"file,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Segment int    `json:"segment"` // -1 when there is none
	Seq     int64  `json:"seq"`
	Sub     int64  `json:"sub,omitempty"`
}

// Node is a node's ledger up to the checkpoint.
type Node struct {
	In        int64 `json:"in"`
	Read      int64 `json:"read"`
	Made      int64 `json:"made"`
	Out       int64 `json:"out"`
	Written   int64 `json:"written"`
	Filtered  int64 `json:"filtered"`
	Coalesced int64 `json:"coalesced"`
	Rejected  int64 `json:"rejected"`
	// State is what a transform remembers of the rows before.
	State json.RawMessage `json:"state,omitempty"`
}

// Edge is how many rows went from one node to another.
type Edge struct {
	From   string `json:"from"`
	Output string `json:"output,omitempty"`
	To     string `json:"to"`
	Rows   int64  `json:"rows"`
}

// encode writes a state file.
func encode(s *State) ([]byte, error) {
	s.Checksum = ""
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	s.Checksum = fmt.Sprintf("%08x", crc32.ChecksumIEEE(text))
	text, err = json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// parse reads a state file.
func parse(text []byte) (*State, error) {
	var form struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if form.Version != Version {
		return nil, fmt.Errorf("it has version %d, and this dynapipe reads version %d", form.Version, Version)
	}
	s := &State{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	said := s.Checksum
	if _, err := encode(s); err != nil || s.Checksum != said {
		return nil, fmt.Errorf("it is damaged: its checksum is %q, and should be %q", said, s.Checksum)
	}
	return s, nil
}
