package cli

import (
	"io"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// The control sequences that every terminal since the VT100 knows (ECMA-48).
const clearLine = "\r\x1b[K"

// console is standard error: messages, and on a terminal one line of progress
// below them, which gives way to each message. It may be used by several
// goroutines. That nobody reads standard error is no error.
type console struct {
	w        io.Writer
	fd       int
	terminal bool // one that lines can be redrawn on

	mu    sync.Mutex
	drawn bool // a progress line stands on the last line
}

func newConsole(w io.Writer, terminalType string) *console {
	fd, terminal := descriptor(w)
	return &console{w: w, fd: fd, terminal: terminal && terminalType != "dumb"}
}

// Write writes a message of whole lines.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	_, _ = c.w.Write(p)
	return len(p), nil
}

// draw replaces the progress line. It is cut to the terminal's width, which is
// asked each time: a window may be resized.
func (c *console) draw(line string) {
	width, _ := c.width()
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.w, clearLine+cut(line, width-1))
	c.drawn = true
}

// erase removes the progress line.
func (c *console) erase() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

// clear removes the progress line. mu is held.
func (c *console) clear() {
	if c.drawn {
		_, _ = io.WriteString(c.w, clearLine)
		c.drawn = false
	}
}

// width is how many columns the terminal has now, if there is one.
func (c *console) width() (columns int, terminal bool) {
	if _, terminal = descriptor(c.w); !terminal {
		return 0, false
	}
	columns, _, err := term.GetSize(c.fd)
	if err != nil || columns <= 0 {
		columns = 80
	}
	return columns, true
}

// cut is at most n characters of text.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(n, 0)])
}
