package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/sources"
)

var (
	_ sources.Resumable  = (*source)(nil)
	_ sources.Positioned = (*source)(nil)
)

// position is how far the files have been read (promise 5).
type position struct {
	File int    `json:"file"`           // index of the next one to read; their number at the end
	Path string `json:"path,omitempty"` // of that file, for who reads the state
	Rows int64  `json:"rows"`           // that have been read of it, rejected ones too
	// Mark is where the next row is looked for; nil is the beginning.
	*stream.Mark
}

// Position implements sources.Positioned.
func (s *source) Position() (json.RawMessage, error) { return json.Marshal(s.at) }

// position is after the last row that was read.
func (s *source) position() position {
	switch {
	case s.stop != nil:
		return *s.stop
	case s.resume != nil:
		return *s.resume
	case s.reader == nil:
		return s.startOf(s.next)
	case s.seq == 0:
		return s.startOf(s.next - 1)
	}
	at := s.startOf(s.next - 1)
	mark := s.rows.Mark()
	at.Rows, at.Mark = s.seq, &mark
	return at
}

func (s *source) startOf(file int) position {
	at := position{File: file}
	if file < len(s.files) {
		at.Path = s.files[file].Path
	}
	return at
}

// goOn goes on in the file that was just opened where an earlier run had got to.
func (s *source) goOn(ctx context.Context) error {
	at := *s.resume
	err := s.rows.Go(ctx, *at.Mark)
	switch {
	case errors.Is(err, stream.ErrChanged) || errors.Is(err, io.EOF):
		err = fmt.Errorf("what stands before byte %d, near line %d, is not what was read there, although the file has its size and time of then; %s",
			at.Offset, at.Line, again)
	case errors.As(err, new(*stream.MarkError)):
		err = fmt.Errorf("the saved position is damaged: %w; %s", err, again)
	}
	if err != nil {
		return s.finish(err)
	}
	s.resume, s.seq = nil, at.Rows
	return nil
}

// parsePosition reads what Position gave in an earlier run over these files.
func parsePosition(files []stream.File, text json.RawMessage) (position, error) {
	var at position
	if len(text) == 0 || string(bytes.TrimSpace(text)) == "null" {
		return at, nil // nothing had been read
	}
	damaged := func(format string, args ...any) (position, error) {
		return position{}, fmt.Errorf("the saved position of the files is damaged: "+format+"; %s", append(args, again)...)
	}
	if err := json.Unmarshal(text, &at); err != nil {
		return damaged("%w", err)
	}
	switch {
	case at.File < 0 || at.File > len(files):
		return damaged("it is in file %d of %d", at.File+1, len(files))
	case at.File < len(files) && at.Path != files[at.File].Path:
		return damaged("its file %d is %q, and was %q when the run started", at.File+1, at.Path, files[at.File].Path)
	case at.Rows < 0 || (at.Rows > 0) != (at.Mark != nil) || at.Mark != nil && at.File == len(files):
		return damaged("%d rows do not go with the rest of it", at.Rows)
	}
	return at, nil
}
