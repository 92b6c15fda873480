package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/liveview"
)

func environ(list ...string) func(string) string {
	return (&app{Process: Process{Environ: list}}).environment
}

func view(texts ...string) []liveview.Line {
	var lines []liveview.Line
	for _, text := range texts {
		lines = append(lines, liveview.Line{Text: text, Width: len(text)})
	}
	return lines
}

// TestMessagesGiveWay: the progress is drawn over, and messages come above it.
func TestMessagesGiveWay(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(&out, environ("TERM=xterm"))
	step := func(what, want string, do func()) {
		t.Helper()
		out.Reset()
		do()
		if out.String() != want {
			t.Errorf("%s: got %q, want %q", what, out.String(), want)
		}
	}
	message := func() {
		if _, err := c.Write([]byte("message\n")); err != nil {
			t.Fatal(err)
		}
	}
	step("a message", "message\n", message)
	step("the first frame", hideCursor+"\ra"+clearLine+"\r\nbb"+clearBelow+showCursor, func() { c.draw(view("a", "bb")) })
	step("the next", hideCursor+"\r\x1b[1Ac"+clearLine+"\r\nd"+clearLine+"\r\ne"+clearBelow+showCursor, func() { c.draw(view("c", "d", "e")) })
	// Without a terminal to ask, no line is known to be within it: the next frame shows them.
	step("a message above", hideCursor+"\r\x1b[2A"+clearBelow+"message\n"+showCursor, message)
	step("the frame after it", hideCursor+"\rf"+clearBelow+showCursor, func() { c.draw(view("f")) })
	step("the end", "\r"+clearBelow, c.erase)
	step("nothing is left to erase", "", c.erase)
	c.draw(view("g", "h"))
	step("what is left stands", "message\n", func() { c.leave(); message() })
}

func TestWhichTerminalsReflow(t *testing.T) {
	for list, want := range map[string]bool{
		"TERM=xterm-256color": true, "TERM=tmux-256color": true, "TERM=screen-256color TMUX=/tmp/x": true, "": true,
		"TERM=linux": false, "TERM=screen": false, "TERM=putty-256color": false, "TERM=rxvt-unicode": false, "TERM=xterm XTERM_VERSION=XTerm(390)": false,
	} {
		if got := reflows(environ(strings.Fields(list)...)); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}
