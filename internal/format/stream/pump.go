package stream

import (
	"context"
	"os"
	"sync"
	"time"
)

const pumpSize = 64 << 10

// pump reads an input that may block for ever in a goroutine of its own, so
// that whoever waits for it can be stopped. When the pump is closed while the
// input blocks and can't be woken, as a terminal can't, the goroutine stays
// until the input gives or the process ends.
type pump struct {
	filled chan []byte   // what was read, in order; closed at the end
	empty  chan []byte   // buffers to read into
	closed chan struct{} // by Close
	err    error         // why filled was closed; read after it was

	now, rest []byte // the buffer being given out, what is left of it

	mu   sync.Mutex
	file *os.File // nil until open
	done bool     // Close was called
}

func startPump(f File) *pump {
	p := &pump{filled: make(chan []byte, 1), empty: make(chan []byte, 2), closed: make(chan struct{})}
	p.empty <- make([]byte, pumpSize)
	p.empty <- make([]byte, pumpSize)
	go func() {
		defer close(p.filled)
		p.err = p.run(f)
	}()
	return p
}

func (p *pump) run(f File) error {
	file, err := p.open(f)
	if err != nil {
		return err
	}
	for {
		var buf []byte
		select {
		case buf = <-p.empty:
		case <-p.closed:
			return os.ErrClosed
		}
		n, err := file.Read(buf[:pumpSize])
		if n > 0 {
			select {
			case p.filled <- buf[:n]:
			case <-p.closed:
				return os.ErrClosed
			}
		}
		if err != nil {
			return err
		}
		if n == 0 {
			p.empty <- buf
		}
	}
}

// open opens the file. A named pipe waits here for its writer.
func (p *pump) open(f File) (*os.File, error) {
	file := os.Stdin
	if f.Path != Stdin {
		var err error
		if file, err = os.Open(f.Path); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = file
	if p.done {
		p.release()
		return nil, os.ErrClosed
	}
	return file, nil
}

// wait waits for something to read, or for the end, as long as patience lasts.
func (p *pump) wait(ctx context.Context, patience func() (time.Duration, bool)) error {
	if len(p.rest) > 0 {
		return nil
	}
	p.giveBack()
	select {
	case buf := <-p.filled:
		p.now, p.rest = buf, buf
		return nil
	default:
	}
	d, limited := patience()
	if !limited {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case buf := <-p.filled:
		p.now, p.rest = buf, buf
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ErrIdle
	}
}

// giveBack lets the goroutine read into the buffer that has been given out.
func (p *pump) giveBack() {
	if p.now != nil {
		p.empty <- p.now
		p.now = nil
	}
}

// ReadContext reads into b, or returns ctx's error soon after ctx is done.
func (p *pump) ReadContext(ctx context.Context, b []byte) (int, error) {
	if len(p.rest) == 0 {
		p.giveBack()
		select {
		case buf, open := <-p.filled:
			if !open {
				return 0, p.err
			}
			p.now, p.rest = buf, buf
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close ends the goroutine, if need be by waking its read.
func (p *pump) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.done = true
		close(p.closed)
		if p.file != nil {
			p.release()
		}
	}
	return nil
}

// release wakes a read that is under way where the system allows it, and
// closes the file unless it is the process's standard input.
func (p *pump) release() {
	// Not every file knows deadlines; one that does not can't be woken.
	_ = p.file.SetReadDeadline(time.Unix(1, 0))
	if p.file != os.Stdin {
		_ = p.file.Close() // it was only read from
	}
}
