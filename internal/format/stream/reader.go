package stream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Options are how a file's bytes become text.
type Options struct {
	Compression Compression // the zero value is Auto
	Encoding    Encoding    // the zero value is UTF8
	Count       func(int64) // is told of the file's own bytes as they are read; may be nil
	// Patience is asked when a pipe has nothing to read: how much longer Wait may
	// wait. limited is false when there is nothing to do but wait, as there is when
	// Patience is nil.
	Patience func() (wait time.Duration, limited bool)
}

// ErrIdle is Wait's error when there was nothing to read for as long as patience
// lasted.
var ErrIdle = errors.New("the input gives nothing now")

// Reader reads the text of one file. One goroutine uses it.
type Reader struct {
	file    File
	options Options
	raw     *rawReader
	text    io.Reader // nil until the first Read
	plain   *plain    // the same where the file's bytes are the text; else nil
	free    func()    // frees the decompressor
	failed  error     // what ended the reading
}

// plain is the way from a file to a text that is the file's own bytes.
type plain struct {
	file    *bufio.Reader // on the raw bytes
	between io.Reader     // on file
	text    *bufio.Reader // on between
}

// Open prepares to read a file. It reads nothing yet, so that it does not wait
// for a standard input that has nothing to give.
func Open(f File, o Options) (*Reader, error) {
	raw := &rawReader{count: o.Count}
	if f.pump {
		raw.in = startPump(f)
	} else {
		file, err := os.Open(f.Path)
		if err != nil {
			return nil, err
		}
		raw.in = regular{file}
	}
	return &Reader{file: f, options: o, raw: raw, free: func() {}}, nil
}

// Check reports why the file can't be opened, if it can't. Pipes are not
// tried: to open one may wait for its other end.
func Check(f File) error {
	if f.pump {
		return nil
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	return file.Close()
}

// File is the file being read.
func (r *Reader) File() File { return r.file }

// Read reads text into p, as io.Reader does. It returns soon after ctx is
// done, with ctx's error. No error names the file.
func (r *Reader) Read(ctx context.Context, p []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	// Decompressors know no context: that of this call goes past them.
	r.raw.ctx = ctx
	defer func() { r.raw.ctx = nil }()
	if r.text == nil {
		if r.failed = r.start(); r.failed != nil {
			return 0, r.failed
		}
	}
	n, err := r.text.Read(p)
	r.failed = err
	return n, err
}

// Wait returns nil when Read would give something at once, or when there is
// nothing to do but wait, and ErrIdle when patience ends before anything comes.
func (r *Reader) Wait(ctx context.Context) error {
	pipe, ok := r.raw.in.(*pump)
	if !ok || r.options.Patience == nil || r.failed != nil {
		return nil
	}
	if r.plain != nil && r.plain.file.Buffered()+r.plain.text.Buffered() > 0 {
		return nil
	}
	return pipe.wait(ctx, r.options.Patience)
}

// Close closes the file. A pipe on which a read is still waiting is left to it.
func (r *Reader) Close() error {
	r.free()
	return r.raw.in.Close()
}

func (r *Reader) start() error {
	in := bufio.NewReaderSize(r.raw, 64<<10)
	c := r.options.Compression.Of(r.file.Path)
	if err := checkStart(c, r.options.Compression, in); err != nil {
		return err
	}
	unpacked, free, err := decompress(c, in)
	if err != nil {
		return r.decompressing(err)
	}
	r.free = free
	between := &explained{unpacked, r}
	text, err := decode(r.options.Encoding, between)
	if err != nil {
		return err
	}
	r.text = text
	if utf8, ok := text.(*bufio.Reader); ok && c == None {
		r.plain = &plain{file: in, between: between, text: utf8}
	}
	return nil
}

// explained passes on what the decompressor reads, its errors explained.
type explained struct {
	plain io.Reader
	r     *Reader
}

func (e *explained) Read(p []byte) (int, error) {
	n, err := e.plain.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.r.decompressing(err)
	}
	return n, err
}

func (r *Reader) decompressing(err error) error {
	if r.raw.failed != nil {
		return r.raw.failed
	}
	return explain(r.options.Compression.Of(r.file.Path), err)
}

// rawReader reads the file's own bytes and counts them.
type rawReader struct {
	in     input
	count  func(int64)
	ctx    context.Context // of the Read under way
	failed error
}

// input is where a file's own bytes come from.
type input interface {
	ReadContext(ctx context.Context, p []byte) (int, error)
	io.Closer
}

// regular is a file whose reads do not wait for anybody.
type regular struct{ *os.File }

func (f regular) ReadContext(_ context.Context, p []byte) (int, error) { return f.Read(p) }

func (r *rawReader) Read(p []byte) (n int, err error) {
	if err = r.ctx.Err(); err == nil {
		n, err = r.in.ReadContext(r.ctx, p)
	}
	r.counted(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}

func (r *rawReader) counted(n int64) {
	if n > 0 && r.count != nil {
		r.count(n)
	}
}
