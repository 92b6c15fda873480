package cli

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/dynapipe/dynapipe/internal/liveview"
)

// The control sequences that every terminal since the VT100 knows (ECMA-48). The
// cursor is hidden only while lines are drawn, in the same write: however the
// process ends, it leaves a cursor that is seen.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[K" // from the cursor on
	clearBelow = "\x1b[J" // and all lines below
)

// console is standard error: messages, and on a terminal the progress below
// them, which gives way to each message. It may be used by several goroutines.
// That nobody reads standard error is no error.
type console struct {
	w        io.Writer
	fd       int
	terminal bool // one that lines can be redrawn on
	color    bool
	reflows  bool // it wraps lines anew when it gets narrower

	mu    sync.Mutex
	drawn []liveview.Line // the progress, with the cursor at its end
}

func newConsole(w io.Writer, environment func(string) string) *console {
	fd, terminal := descriptor(w)
	kind := environment("TERM")
	c := &console{w: w, fd: fd, terminal: terminal && kind != "dumb" && takesSequences(fd), reflows: reflows(environment)}
	c.color = c.terminal && environment("NO_COLOR") == ""
	return c
}

// reflows is whether a terminal wraps the lines that it shows anew when it gets
// narrower. Most do; of these it is known that they cut lines off.
func reflows(environment func(string) string) bool {
	kind := environment("TERM")
	for _, cuts := range []string{"linux", "screen", "rxvt", "putty"} {
		if strings.HasPrefix(kind, cuts) && environment("TMUX") == "" {
			return false
		}
	}
	return environment("XTERM_VERSION") == ""
}

// Write writes a message of whole lines, above the progress.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.drawn) == 0 {
		_, _ = c.w.Write(p)
		return len(p), nil
	}
	lines := c.drawn
	text := hideCursor + c.top() + clearBelow + string(p)
	c.drawn = nil
	if columns, _ := c.width(); within(lines, columns) {
		text += shown(lines)
		c.drawn = lines
	}
	_, _ = io.WriteString(c.w, text+showCursor)
	return len(p), nil
}

// draw replaces the progress.
func (c *console) draw(lines []liveview.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Lines are drawn over, not cleared before: they would flicker.
	_, _ = io.WriteString(c.w, hideCursor+c.top()+shown(lines)+showCursor)
	c.drawn = lines
}

// erase removes the progress.
func (c *console) erase() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.drawn) > 0 {
		_, _ = io.WriteString(c.w, c.top()+clearBelow)
		c.drawn = nil
	}
}

// leave lets the progress stand as it is: others have written below it.
func (c *console) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drawn = nil
}

// top moves to where the progress begins. A window that has become narrower has
// wrapped its lines. mu is held.
func (c *console) top() string {
	columns, _ := c.width()
	up := -1
	for _, l := range c.drawn {
		up++
		if c.reflows && columns > 0 {
			up += max(l.Width-1, 0) / columns
		}
	}
	if up <= 0 {
		return "\r"
	}
	return "\r\x1b[" + strconv.Itoa(up) + "A"
}

// shown is what shows lines from the beginning of one on.
func shown(lines []liveview.Line) string {
	var b strings.Builder
	for i, l := range lines {
		b.WriteString(l.Text)
		if i < len(lines)-1 {
			b.WriteString(clearLine + "\r\n")
		}
	}
	b.WriteString(clearBelow)
	return b.String()
}

func within(lines []liveview.Line, columns int) bool {
	for _, l := range lines {
		if l.Width >= columns {
			return false
		}
	}
	return true
}

// width is how many columns the terminal has now, if there is one.
func (c *console) width() (columns int, terminal bool) {
	columns, _, terminal = c.size()
	return columns, terminal
}

// size is the terminal's columns and lines now, if there is one.
func (c *console) size() (columns, lines int, terminal bool) {
	if _, terminal = descriptor(c.w); !terminal {
		return 0, 0, false
	}
	columns, lines, err := term.GetSize(c.fd)
	if err != nil || columns <= 0 || lines <= 0 {
		return 80, 24, true
	}
	return columns, lines, true
}
