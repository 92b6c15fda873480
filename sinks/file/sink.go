package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/arrowio"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/format/csvio"
	"github.com/dynapipe/dynapipe/internal/format/jsonio"
	"github.com/dynapipe/dynapipe/internal/format/layout"
	"github.com/dynapipe/dynapipe/internal/format/parquetio"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
)

// rowWriter is a format. Its Write gives rows that can't be written to reject
// with a *layout.Misfit; its Close writes what ends the file.
type rowWriter interface {
	Write(b *record.Batch, reject func(row int, err error) error) error
	// Checkpoint hands on what a later run needs to go on behind it, and gives
	// what it needs to know besides, to be kept with what earlier calls gave.
	Checkpoint() (journal []byte, err error)
	Close() error
}

var (
	_ rowWriter       = (*csvio.Writer)(nil)
	_ rowWriter       = (*jsonio.Writer)(nil)
	_ rowWriter       = (*parquetio.Writer)(nil)
	_ rowWriter       = (*arrowio.Writer)(nil)
	_ sinks.Sink      = (*sink)(nil)
	_ sinks.Publisher = (*publisher)(nil)
)

// sink writes to a device, a pipe or standard output: what is written is
// there. A row has ended when its bytes are handed on.
type sink struct {
	config   *Config
	env      sinks.Env
	run      string // of which the file's unfinished name is made
	out      *output
	layout   layout.Layout
	learned  bool      // the layout was, from the first rows
	writer   rowWriter // nil while the columns are not known
	sample   *sample   // nil once they are
	rejected []bool    // by row of the batch being written

	anyRejected bool // one of them is
	// continued says that the file has a beginning already, and side what is known
	// of it in the file beside it.
	continued bool
	side      atomicfile.Side
	ended     bool // the file is whole
	resumable bool // a checkpoint has been taken
}

// publisher writes to a file that appears when Publish is called.
type publisher struct{ sink }

// Open creates the file, under its temporary name.
func (c *Config) Open(ctx context.Context, env sinks.Env) (sinks.Sink, error) {
	if env.Resume != nil {
		return c.resume(ctx, env)
	}
	if c.splits() {
		s := newSplit(c, env, env.Run.ID)
		if err := s.start(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	s := newSink(c, env, env.Run.ID)
	if err := s.open(ctx, nil, nil); err != nil {
		return nil, err
	}
	return s.published(), nil
}

func newSink(c *Config, env sinks.Env, run string) *sink { return &sink{config: c, env: env, run: run} }

// published is the sink as what it is: one that publishes, if it does.
func (s *sink) published() sinks.Sink {
	if s.out.whole != nil {
		return &publisher{*s}
	}
	return s
}

// open begins the file, whose columns are known or not. held counts the rows
// that the files of a sink hold back.
func (s *sink) open(ctx context.Context, known *layout.Layout, held *int64) (err error) {
	if s.out, err = openOutput(ctx, s.config, s.run, s.env.Resume != nil); err != nil {
		return err
	}
	var learn bool
	if s.layout, learn = s.config.layout(); known != nil {
		s.layout, s.learned, learn = *known, learn, false
	}
	if learn {
		s.learn(held)
		return nil
	}
	if err := s.begin(); err != nil {
		return errors.Join(err, s.out.discard())
	}
	return nil
}

// learn holds the rows that come until the columns are known.
func (s *sink) learn(held *int64) {
	if held == nil {
		held = new(int64)
	}
	s.sample = newSample(s.config.survey(), s.env.Limits, held)
}

func (c *Config) survey() survey {
	if format := c.formatName(); format == formatParquet || format == formatArrow {
		return &parquetio.Survey{}
	}
	return &layout.Survey{}
}

// begin makes the writer once the columns are known.
func (s *sink) begin() error {
	c := s.config
	losses := layout.Losses{Strict: c.strict, Warn: s.env.Meter.Warn}
	switch format := c.formatName(); format {
	case formatCSV:
		s.writer = csvio.NewWriter(s.out, csvio.WriterOptions{
			Layout: s.layout, Delimiter: c.delimiter[0], Header: c.header && !s.continued, Losses: losses})
	case formatParquet:
		return s.beginParquet(losses)
	case formatArrow:
		return s.beginArrow(losses)
	default:
		s.writer = jsonio.NewWriter(s.out, jsonio.WriterOptions{
			Layout: s.layout, Array: format == formatJSON, DynamoDB: c.encoding == encodingDynamoDB, Losses: losses, Continued: s.continued})
	}
	return nil
}

func (s *sink) beginParquet(losses layout.Losses) error {
	options := parquetio.WriterOptions{Layout: s.layout, Compression: parquetio.Compression(s.config.compressionName()), Losses: losses}
	begin := func(journal io.Reader) error {
		options.Journal, options.Length = journal, s.out.written
		w, err := parquetio.NewWriter(s.out, options)
		s.writer = w
		return err
	}
	if !s.continued {
		return s.out.explain(begin(nil))
	}
	return s.out.explain(s.out.whole.ReadSide(s.side, begin))
}

func (s *sink) beginArrow(losses layout.Losses) error {
	options := arrowio.WriterOptions{Layout: s.layout, Zstd: s.config.compressionName() == compressionZstd, Losses: losses}
	if s.continued {
		before, err := os.Open(s.out.whole.Name())
		if err != nil {
			return s.out.explain(err)
		}
		defer before.Close()
		options.Resume, options.Length = before, s.out.written
	}
	w, err := arrowio.NewWriter(s.out, options)
	s.writer = w
	return s.out.explain(err)
}

// Write writes a batch, or holds its rows while the columns are not known.
func (s *sink) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.ended {
		return fmt.Errorf("%s was whole when the earlier run ended, and more rows came for it: its source is not what it was. Run it without --resume", s.config.path)
	}
	if s.sample == nil {
		return s.writeWhole(b, r)
	}
	return s.add(b, func(row int) slot { return slot{r, row} })
}

// add writes rows, or holds them while the columns are not known.
func (s *sink) add(b *record.Batch, at func(row int) slot) error {
	if s.sample == nil {
		return s.writeEach(b, at)
	}
	s.sample.look(b)
	if len(s.sample.slots) == 0 && s.sample.full(b.Rows()) {
		if err := s.fix(); err != nil {
			return err
		}
		return s.writeEach(b, at)
	}
	s.sample.hold(b, at)
	if s.sample.full(0) {
		return s.fix()
	}
	return nil
}

// fix fixes the columns by the rows seen so far and writes those held.
func (s *sink) fix() error {
	learned := s.sample.survey.Columns()
	if s.layout.Fixed {
		s.layout.Columns = withTypes(s.layout.Columns, learned)
	} else {
		s.layout = layout.Layout{Columns: learned, Fixed: true, Exact: true}
	}
	held := s.sample
	s.sample, s.learned = nil, true
	if err := s.begin(); err != nil {
		return err
	}
	if len(held.slots) == 0 {
		return nil
	}
	b, err := held.batch(s.env.Mem)
	if err != nil {
		return err
	}
	defer b.Release()
	return s.writeEach(b, func(row int) slot { return held.slots[row] })
}

// writeWhole writes a batch with its receipt.
func (s *sink) writeWhole(b *record.Batch, r *record.Receipt) error {
	at := func(row int) slot { return slot{r, row} }
	if err := s.write(b, at); err != nil {
		return err
	}
	if s.anyRejected {
		s.endWritten(at)
	} else {
		r.EndAll(record.Written)
	}
	return nil
}

// writeEach writes rows of one batch or several.
func (s *sink) writeEach(b *record.Batch, at func(row int) slot) error {
	if err := s.write(b, at); err != nil {
		return err
	}
	s.endWritten(at)
	return nil
}

// endWritten ends the rows of a batch that were not rejected.
func (s *sink) endWritten(at func(row int) slot) {
	for row, rejected := range s.rejected {
		if !rejected {
			slot := at(row)
			slot.receipt.End(slot.row, record.Written)
		}
	}
}

// withTypes gives columns without a type the one that was learned.
func withTypes(columns, learned []layout.Column) []layout.Column {
	types := make(map[string]layout.Type, len(learned))
	for _, c := range learned {
		types[c.Name] = c.Type
	}
	for i := range columns {
		if c := &columns[i]; c.Type.Kind == attr.Absent {
			c.Type = types[c.Name]
		}
	}
	return columns
}

// write encodes a batch, hands on its bytes, and rejects the rows that don't
// fit. The others have then been written.
func (s *sink) write(b *record.Batch, at func(row int) slot) error {
	s.rejected = slices.Grow(s.rejected[:0], b.Rows())[:b.Rows()]
	clear(s.rejected)
	s.anyRejected = false
	s.out.rows += int64(b.Rows())
	err := s.writer.Write(b, func(row int, why error) error {
		s.rejected[row], s.anyRejected = true, true
		s.out.rows--
		slot := at(row)
		return slot.receipt.Reject(slot.row, rejection(b, row, why))
	})
	if err == nil {
		err = s.out.flushDirect()
	}
	return s.out.explain(err)
}

func rejection(b *record.Batch, row int, why error) record.Rejection {
	r := record.Rejection{Item: attr.AppendRow(nil, b, row), Operation: "write", Message: why.Error(), Attempts: 1}
	var misfit *layout.Misfit
	if errors.As(why, &misfit) {
		r.Code = misfit.Code
	}
	return r
}

// Flush writes what ends the file. The rows have ended by then, but for those
// held because there were fewer than it takes to learn the columns. The file of a
// run that was stopped is left for a later one to go on with (promise 9); what
// has gone down a pipe is ended there, unless a later run goes on with it.
func (s *sink) Flush(ctx context.Context, how sinks.Ending) error {
	switch err := ctx.Err(); {
	case err != nil:
		return err
	case s.ended, how == sinks.Stopped && s.out.whole != nil:
		return nil
	case how == sinks.Stopped && s.resumable:
		return s.out.pause()
	}
	return s.finish()
}

// learnNow learns the columns of what there is.
func (s *sink) learnNow() error {
	if s.sample == nil {
		return nil
	}
	if err := s.fix(); err != nil {
		return err
	}
	if len(s.layout.Columns) == 0 {
		s.env.Meter.Warn("no columns", fmt.Sprintf("no row came, so the columns of %s are not known and it has none; "+
			"name them with columns = [...]", s.config.path))
	}
	return nil
}

// size is about how large the file is, with what is not written yet.
func (s *sink) size() int64 {
	n := s.out.written
	switch w := s.writer.(type) {
	case nil:
		n += int64(s.sample.bytes())
	case interface{ Pending() int }:
		n += int64(w.Pending())
	}
	return n
}

// finish makes the file whole.
func (s *sink) finish() error {
	if err := s.learnNow(); err != nil {
		return err
	}
	if err := s.writer.Close(); err != nil {
		return s.out.explain(err)
	}
	s.ended = true
	return s.out.finish()
}

// Publish puts the file under its name.
func (p *publisher) Publish(context.Context) error { return publish(p.out) }

// publish puts files under their names.
func publish(files ...*output) error {
	folders := map[string]bool{}
	for _, o := range files {
		if err := o.whole.PublishName(); err != nil {
			return o.explain(err)
		}
		folders[o.whole.Folder()] = true
	}
	return syncFolders(folders)
}

// Close removes the file unless it was published or is to be kept.
func (s *sink) Close() error { return s.out.explain(s.out.discard()) }
