//go:build unix

package main

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// screen is a terminal as a person sees it: a pseudo-terminal, and an emulator
// that does what the bytes that come out of it say.
type screen struct {
	terminal *os.File
	raw      *transcript

	mu       sync.Mutex
	emulator *vt.Emulator
	whole    []string      // its lines when the last frame was whole
	changed  chan struct{} // closed with the next one
}

// newScreen is a terminal of some size, and the end of it that a process gets,
// which is to be closed when the process has it.
func newScreen(t *testing.T, columns, lines int) (s *screen, tty *os.File) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s = &screen{terminal: terminal, raw: newTranscript(), emulator: vt.NewEmulator(columns, lines), changed: make(chan struct{})}
	s.resize(t, columns, lines)
	read := make(chan struct{})
	go func() {
		defer close(read)
		bytes := make([]byte, 1<<16)
		for {
			n, err := terminal.Read(bytes)
			s.show(bytes[:n])
			if err != nil { // EIO when the process has ended
				return
			}
		}
	}()
	t.Cleanup(func() {
		<-read
		_ = terminal.Close()
	})
	return s, tty
}

// show has the emulator do what bytes say.
func (s *screen) show(bytes []byte) {
	_, _ = s.raw.Write(bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.emulator.Write(bytes)
	if s.emulator.CursorHidden() {
		return // in the middle of a frame
	}
	s.whole = s.lines()
	close(s.changed)
	s.changed = make(chan struct{})
}

// lines are what the screen shows, without blanks at the end. mu is held.
func (s *screen) lines() []string {
	lines := make([]string, s.emulator.Height())
	for y := range lines {
		var b strings.Builder
		for x := 0; x < s.emulator.Width(); {
			cell := s.emulator.CellAt(x, y)
			if cell == nil || cell.Width <= 0 {
				b.WriteByte(' ')
				x++
				continue
			}
			b.WriteString(cell.Content)
			x += cell.Width
		}
		lines[y] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

func (s *screen) resize(t *testing.T, columns, lines int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emulator.Resize(columns, lines)
	if err := pty.Setsize(s.terminal, &pty.Winsize{Rows: uint16(lines), Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until what the screen shows is as wanted, and gives it. That it
// never comes is a failure, which the limit only makes readable.
func (s *screen) waitFor(t *testing.T, what string, wanted func(lines []string) bool) []string {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		lines, changed := s.whole, s.changed
		s.mu.Unlock()
		if len(lines) > 0 && wanted(lines) {
			return lines
		}
		select {
		case <-changed:
		case <-limit:
			raw := s.raw.String()
			t.Fatalf("%s: it does not come; the screen has\n%s\nand got last %q", what, strings.Join(lines, "\n"), raw[max(len(raw)-2000, 0):])
		}
	}
}

// has is whether some line has all of the texts.
func has(texts ...string) func(lines []string) bool {
	return func(lines []string) bool {
		for _, l := range lines {
			found := true
			for _, text := range texts {
				found = found && strings.Contains(l, text)
			}
			if found {
				return true
			}
		}
		return false
	}
}

// after is the lines from the first one on that begins so.
func after(lines []string, begins string) []string {
	for i, l := range lines {
		if strings.HasPrefix(l, begins) {
			return lines[i:]
		}
	}
	return make([]string, len(lines))
}
