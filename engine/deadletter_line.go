package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

// DeadLetterLine is a line of the dead-letter file: everything that is known of a
// row that could not go on (promise 2).
type DeadLetterLine struct {
	Time time.Time `json:"time"`
	Run  string    `json:"run"`
	// Checkpoint is how many checkpoints had been begun when the row came to the
	// node: a run that goes on from a later one keeps the line.
	Checkpoint int64            `json:"checkpoint"`
	Node       string           `json:"node"`
	Origin     DeadLetterOrigin `json:"origin"`
	Operation  string           `json:"operation"`
	Code       string           `json:"code"`
	Message    string           `json:"message"`
	Attempts   int              `json:"attempts"`
	Item       json.RawMessage  `json:"item,omitempty"`
	Raw        string           `json:"raw,omitempty"`
	RawBase64  []byte           `json:"raw_base64,omitempty"` // when the input is not UTF-8

	// Of a line that was read.
	Number int    `json:"-"` // from 1
	Text   []byte `json:"-"` // the line itself
}

// DeadLetterOrigin is an origin with what does not apply left out.
type DeadLetterOrigin struct {
	Source  string `json:"source"`
	File    string `json:"file,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Segment *int   `json:"segment,omitempty"`
	Seq     int64  `json:"seq"`
	Sub     int64  `json:"sub,omitempty"`
}

func placeOf(o record.Origin) DeadLetterOrigin {
	p := DeadLetterOrigin{Source: o.Source, File: o.File, Line: o.Line, Seq: o.Seq, Sub: o.Sub}
	if o.Segment >= 0 {
		p.Segment = &o.Segment
	}
	return p
}

// DamagedLine is the error of a line that is not one of a dead letter.
type DamagedLine struct {
	Path string
	Line int // from 1
}

func (d *DamagedLine) Error() string {
	return fmt.Sprintf("line %d of %s is not one of a dead letter", d.Line, d.Path)
}

// DeadLetterLines walks the lines of a dead letter, with their text. The last one
// may be cut short, as a killed run leaves it: it comes as its text alone, of no
// node. What else is no such line comes as a *DamagedLine, and any other error
// last.
func DeadLetterLines(path string) iter.Seq2[DeadLetterLine, error] {
	return func(yield func(DeadLetterLine, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(DeadLetterLine{}, err)
			return
		}
		defer f.Close() // it was only read from
		lines := bufio.NewReaderSize(f, 64<<10)
		for number := 1; ; number++ {
			text, err := lines.ReadBytes('\n')
			last := errors.Is(err, io.EOF)
			if last && len(text) == 0 {
				return
			}
			if err != nil && !last {
				yield(DeadLetterLine{}, err)
				return
			}
			line := DeadLetterLine{Number: number, Text: text}
			damaged := json.Unmarshal(text, &line) != nil || line.Node == ""
			switch {
			case damaged && last:
				yield(DeadLetterLine{Number: number, Text: text}, nil)
				return
			case damaged:
				if !yield(DeadLetterLine{}, &DamagedLine{path, number}) {
					return
				}
				continue
			case last: // whole, as an editor may leave it
				line.Text = append(text, '\n')
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}
