//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// startOnTerminal runs the endless pipeline with standard error on a terminal
// of some width, and gives what it shows there.
func startOnTerminal(t *testing.T, columns uint16, environ ...string) (r *underWay, shown *transcript) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(endless), 0o666); err != nil {
		t.Fatal(err)
	}
	r = &underWay{Cmd: exec.Command("dynapipe", "run", "endless.hcl"), dir: dir, stderr: newTranscript()}
	r.Dir, r.Stderr = dir, tty
	r.Env = append(os.Environ(), environ...)
	r.begin(t)
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(r.stderr, terminal) // ends with EIO when the process does
	}()
	t.Cleanup(func() {
		<-read
		_ = terminal.Close()
	})
	return r, r.stderr
}

func TestProgressLineOnTerminal(t *testing.T) {
	r, shown := startOnTerminal(t, 40, "TERM=xterm")
	r.sees(t, `{"id":"1"}`+"\n")
	shown.waitFor(t, "\r\x1b[Kendless: ")
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
	shown.waitFor(t, "interrupted in")

	drawn := regexp.MustCompile(`\r\x1b\[K(endless: \d[^\r\n\x1b]*)`).FindAllStringSubmatch(shown.String(), -1)
	longest := 0
	for _, d := range drawn {
		longest = max(longest, utf8.RuneCountInString(d[1]))
	}
	if longest != 39 {
		t.Errorf("the longest line on a terminal of 40 columns is %d wide:\n%q", longest, shown)
	}
	// Each message begins on a line of its own, not behind the progress.
	for _, message := range []string{"stopping: ", "endless: interrupted"} {
		if !regexp.MustCompile(`(^|\n|\x1b\[K)` + message).MatchString(shown.String()) {
			t.Errorf("%q does not begin a line:\n%q", message, shown)
		}
	}
}

func TestDumbTerminalGetsNoControlSequences(t *testing.T) {
	r, shown := startOnTerminal(t, 80, "TERM=dumb")
	r.sees(t, `{"id":"1"}`+"\n")
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
	shown.waitFor(t, "interrupted in")
	if strings.Contains(shown.String(), "\x1b") {
		t.Errorf("shown: %q", shown)
	}
}
