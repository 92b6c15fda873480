package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
)

// output is where a sink's bytes go: through a compressor, if there is one,
// and a buffer.
type output struct {
	name       string // for messages
	whole      *atomicfile.File
	direct     io.WriteCloser // in place of whole: a device, a pipe, standard output
	buffer     *bufio.Writer
	compressor io.WriteCloser // nil when there is none
	written    int64          // bytes that have left the compressor
	synced     int64          // of them, that are on the disk
	rows       int64          // that have been written
	dirty      bool           // the compressor has taken bytes since it began
}

const bufferBytes = 64 << 10

// openOutput begins an output. resumed says that the run goes on with an earlier
// one, which may have left an unfinished file of this name.
func openOutput(ctx context.Context, c *Config, run string, resumed bool) (*output, error) {
	o := &output{name: c.path}
	var err error
	switch {
	case c.toStandardOutput():
		o.name = "standard output"
		o.direct, err = openStandardOutput()
	case special(c.path):
		o.direct, err = openSpecial(ctx, c.path)
	case resumed:
		o.whole, err = atomicfile.Recreate(c.path, run)
	default:
		o.whole, err = atomicfile.Create(c.path, run)
	}
	if err != nil {
		return nil, o.explain(err)
	}
	if err := o.dress(c); err != nil {
		return nil, errors.Join(err, o.discard())
	}
	return o, nil
}

// dress puts a buffer and, where the format has none of its own, a compressor
// before the file.
func (o *output) dress(c *Config) (err error) {
	var to io.Writer = o.direct
	if o.whole != nil {
		to = o.whole
	}
	o.buffer = bufio.NewWriterSize(to, bufferBytes)
	if c.columnar() {
		return nil
	}
	switch c.compressionName() {
	case compressionGzip:
		o.compressor = gzip.NewWriter(counting{o})
	case compressionZstd:
		// One at a time: then it has no goroutines that a failed run would leave.
		o.compressor, err = zstd.NewWriter(counting{o}, zstd.WithEncoderConcurrency(1))
	}
	return err
}

// counting counts what leaves a compressor.
type counting struct{ *output }

func (c counting) Write(p []byte) (int, error) {
	c.written += int64(len(p))
	return c.buffer.Write(p)
}

// special reports a path that is neither a file nor free to become one.
func special(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// openSpecial opens a device or a named pipe. A pipe that nobody reads yet is
// waited for, as a shell would, but not after ctx is done.
func openSpecial(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("nobody opened the pipe to read it: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Write takes bytes of the format.
func (o *output) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // of nothing a compressor would make a beginning
	}
	if o.compressor != nil {
		o.dirty = true
		return o.compressor.Write(p)
	}
	return counting{o}.Write(p)
}

// flushDirect hands on what is buffered where a reader may be waiting for it.
func (o *output) flushDirect() error {
	if o.direct == nil {
		return nil
	}
	return o.buffer.Flush()
}

// endMember ends what is being compressed as a whole gzip member or zstd frame.
// Several, one after the other, are what one of it all would be. Of nothing none
// is made, unless the file would be empty.
func (o *output) endMember() error {
	if o.compressor == nil || !o.dirty && o.written > 0 {
		return nil
	}
	o.dirty = false
	return o.explain(o.compressor.Close())
}

// pause hands on everything, and leaves the output one that can be written on.
func (o *output) pause() error {
	if o.dirty {
		if err := o.endMember(); err != nil {
			return err
		}
		o.compressor.(interface{ Reset(io.Writer) }).Reset(counting{o})
	}
	return o.explain(o.buffer.Flush())
}

// finish hands on everything. A file is on the disk then, and closed.
func (o *output) finish() error {
	if err := o.endMember(); err != nil {
		return err
	}
	err := o.buffer.Flush()
	if err == nil && o.whole != nil {
		err = o.whole.Finish()
	}
	o.buffer, o.compressor, o.synced = nil, nil, o.written
	return o.explain(err)
}

// suspend closes the file for a while, and gives its buffer and compressor back.
// What was compressed is a whole member, after which another may follow.
func (o *output) suspend() error {
	if err := o.endMember(); err != nil {
		return err
	}
	err := errors.Join(o.buffer.Flush(), o.whole.Suspend())
	o.buffer, o.compressor = nil, nil
	return o.explain(err)
}

// resume writes on at the end of a file that was suspended.
func (o *output) resume(c *Config) error {
	if err := o.whole.Resume(); err != nil {
		return o.explain(err)
	}
	return o.dress(c)
}

// finishParked makes a file whole that was suspended.
func (o *output) finishParked() error {
	if err := o.whole.Resume(); err != nil {
		return o.explain(err)
	}
	o.synced = o.written
	return o.explain(o.whole.Finish())
}

// keep makes discard leave the file for a later run.
func (o *output) keep() {
	if o.whole != nil {
		o.whole.Keep()
	}
}

// discard closes the output and removes a file that was not published and is not
// kept.
func (o *output) discard() error {
	if o.whole != nil {
		return o.whole.Discard()
	}
	return o.direct.Close()
}

// explain says what an error means for the user, who knows the file by its own
// name and not by the temporary one.
func (o *output) explain(err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	reason := err
	if errors.As(err, &path) {
		reason = path.Err
	}
	switch {
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%s: whoever reads it has gone (%w)", o.name, reason)
	case errors.Is(err, syscall.ENOSPC) && o.whole != nil:
		return fmt.Errorf("%s: the disk is full (%w); nothing appears under this name", o.name, reason)
	case path != nil && path == err:
		return fmt.Errorf("%s can't be written: %w", o.name, reason)
	}
	return err
}
