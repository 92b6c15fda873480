package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// Decoder finds the rows of one file.
type Decoder interface {
	// Row sets the next row's attributes on the Rows that the decoder was made
	// with, neither keeping nor dropping the row, and gives the line on which it
	// starts. A *Reject is about one row, and the next call goes on after it;
	// ErrCut and stream.ErrIdle ask for a batch of the rows so far before the next
	// call; io.EOF is the end of the file; any other error fails the run.
	Row(ctx context.Context) (line int64, err error)
	// Mark is where the last row ended, rejected or not. There has been one.
	Mark() stream.Mark
	// Go makes the first Row go on at a mark of the same file.
	Go(ctx context.Context, m stream.Mark) error
}

// ErrCut is a Decoder's error when its next row can't be in one batch with the
// rows before. There is at least one of these.
var ErrCut = errors.New("the next row needs a batch of its own")

// Rows makes rows into batches: an attr.Builder or an attr.Table.
type Rows interface {
	Rows() int
	Bytes() int
	Err() error
	EndRow(p record.Pos)
	Drop()
	Batch(place *record.Place) *record.Batch
	Release()
}

var (
	_ Rows = (*attr.Builder)(nil)
	_ Rows = (*attr.Table)(nil)
)

// Reject is why a piece of input is not a row.
type Reject struct {
	Code    string
	Message string
	Raw     []byte // valid until the decoder's next call
}

func (r *Reject) Error() string { return r.Message }

// The codes of a Reject.
const (
	CodeMalformed = "MalformedRow" // text that is not a row of the format
	CodeWrongType = "WrongType"    // a value that is not of its column's type
)

// maxRaw is how much of a rejected row's text is kept.
const maxRaw = 64 << 10

// source is the open files: one partition, in order.
type source struct {
	env     sources.Env
	input   *Input
	decoder func(stream.Text) Decoder
	files   []stream.File
	place   *record.Place
	builder Rows
	limit   int // bytes of a batch

	next    int            // index of the next file to open
	reader  *stream.Reader // of the file at hand; nil before the first and after each
	rows    Decoder
	seq     int64 // of the next row in its file
	rejects []record.Rejection
	held    int       // bytes of the rejects
	since   time.Time // rows have waited for others to come; zero when none have
	ended   error     // io.EOF, or what failed the run

	resume *position // where the first file to be read is gone on with; nil at its start
	stop   *position // where the file that failed the run was read to
	at     position  // after the last chunk
}

// Open finds the files and checks that each can be opened. decoder begins the
// reading of a file, whose rows are built on b.
func Open(_ context.Context, env sources.Env, in *Input, b Rows, decoder func(stream.Text) Decoder) (sources.Source, error) {
	files, at, err := in.open(env)
	if err != nil {
		return nil, err
	}
	s := &source{
		env: env, input: in, decoder: decoder, files: files,
		place:   &record.Place{Source: env.Node, Segment: -1},
		builder: b,
		limit:   int(min(env.Limits.Bytes, attr.MaxBatchBytes/2)),
		next:    at.File, at: at,
	}
	for _, f := range files {
		s.place.Files = append(s.place.Files, f.Name())
	}
	env.Meter.Total(stream.Total(files), 0)
	if at.Mark != nil {
		s.resume = &at
	}
	if at.File > 0 {
		env.Meter.Read(stream.Total(files[:at.File])) // an earlier run did
	}
	return s, nil
}

// Partitions is the one partition of all files.
func (s *source) Partitions() []sources.Partition { return []sources.Partition{s} }

// Next reads rows until the limits are reached, through the ends of files. An
// error that fails the run comes after the rows before it.
func (s *source) Next(ctx context.Context) (sources.Chunk, error) {
	for s.ended == nil && !s.full() {
		err := s.row(ctx)
		if errors.Is(err, ErrCut) || errors.Is(err, stream.ErrIdle) {
			break
		}
		s.ended = err
	}
	if err := ctx.Err(); err != nil {
		return sources.Chunk{}, err
	}
	if s.waiting() == 0 {
		return sources.Chunk{}, s.ended
	}
	return s.cut(), nil
}

// waiting is how many rows the next batch has so far, rejected ones too.
func (s *source) waiting() int { return s.builder.Rows() + len(s.rejects) }

// maxWait is how long a row waits for others before its batch goes on, where a
// pipe gives them slowly.
const maxWait = 250 * time.Millisecond

// patience is how long the file at hand may let rows wait that have been read of
// it. There is nothing to do but wait while there are none.
func (s *source) patience() (wait time.Duration, limited bool) {
	if s.waiting() == 0 || s.seq == 0 {
		return 0, false
	}
	if s.since.IsZero() {
		s.since = time.Now()
	}
	return max(0, maxWait-time.Since(s.since)), true
}

func (s *source) full() bool {
	return s.waiting() >= s.env.Limits.Rows || s.builder.Bytes()+s.held >= s.limit
}

func (s *source) cut() sources.Chunk {
	chunk := sources.Chunk{Rejects: s.rejects}
	if s.builder.Rows() > 0 {
		chunk.Batch = s.builder.Batch(s.place)
	}
	s.rejects, s.held, s.since = nil, 0, time.Time{}
	s.at = s.position()
	return chunk
}

// row reads one row, or moves to the next file.
func (s *source) row(ctx context.Context) error {
	if s.reader == nil {
		return s.open(ctx)
	}
	line, err := s.rows.Row(ctx)
	if err == nil {
		if err = s.builder.Err(); err != nil {
			err = &Reject{Code: CodeMalformed, Message: err.Error()}
		}
	}
	at := record.Pos{File: int32(s.next - 1), Line: line, Seq: s.seq}
	if err != nil {
		if errors.Is(err, ErrCut) || errors.Is(err, stream.ErrIdle) {
			return err
		}
		return s.failed(at, err)
	}
	s.builder.EndRow(at)
	s.seq++
	return nil
}

// failed drops a row that could not be read: as a reject, or for good.
func (s *source) failed(at record.Pos, err error) error {
	s.builder.Drop()
	var reject *Reject
	if !errors.As(err, &reject) {
		return s.finish(err)
	}
	s.reject(at, reject)
	s.seq++
	return nil
}

func (s *source) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.next == len(s.files) {
		return io.EOF
	}
	if s.files[s.next].Once() != "" && s.waiting() > 0 {
		return ErrCut // its first row may be long in coming
	}
	options := s.input.options(s.env.Meter.Read)
	options.Patience = s.patience
	reader, err := stream.Open(s.files[s.next], options)
	if err != nil {
		return err
	}
	s.next++
	s.seq = 0
	s.reader = reader
	s.rows = s.decoder(reader)
	if s.resume != nil {
		return s.goOn(ctx)
	}
	return nil
}

func (s *source) reject(at record.Pos, r *Reject) {
	raw := bytes.Clone(r.Raw[:min(len(r.Raw), maxRaw)])
	message := r.Message
	if len(raw) < len(r.Raw) {
		message += fmt.Sprintf(" (of the row's %d bytes only the first %d are kept here)", len(r.Raw), len(raw))
	}
	s.rejects = append(s.rejects, record.Rejection{
		Origin:    record.Origins{Place: s.place, Pos: []record.Pos{at}}.At(0),
		Raw:       raw,
		Operation: "read",
		Code:      r.Code,
		Message:   message,
		Attempts:  1,
	})
	s.held += len(raw)
}

// finish ends the file at hand: in good order, or with what fails the run.
func (s *source) finish(err error) error {
	if !errors.Is(err, io.EOF) {
		at := s.position() // a resumed run is to meet the error again
		s.stop = &at
	}
	closed := s.reader.Close()
	s.reader, s.rows = nil, nil
	name := s.place.Files[s.next-1]
	switch {
	case !errors.Is(err, io.EOF) && s.seq == 1:
		return fmt.Errorf("%s: %w (the row before it was read and sent on)", name, err)
	case !errors.Is(err, io.EOF) && s.seq > 1:
		return fmt.Errorf("%s: %w (the %d rows before it were read and sent on)", name, err, s.seq)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w", name, err)
	case closed != nil:
		return fmt.Errorf("%s: closing: %w", name, closed)
	}
	return nil
}

// Close closes the file at hand.
func (s *source) Close() error {
	s.builder.Release()
	if s.reader == nil {
		return nil
	}
	return s.reader.Close()
}
