//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// initOnTerminal runs init with a terminal for standard input and error, and types
// an answer after each question has appeared. After the last one, which has no
// answer, it calls last.
func initOnTerminal(t *testing.T, dir string, args []string, dialogue [][2]string, last func(*exec.Cmd, *os.File)) (code int, shown string) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", append([]string{"init"}, args...)...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	seen, read := newTranscript(), make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(seen, terminal) // ends with EIO when the process does
	}()
	for _, turn := range dialogue {
		seen.waitFor(t, turn[0])
		if _, err := io.WriteString(terminal, turn[1]); err != nil {
			t.Fatal(err)
		}
	}
	if last != nil {
		last(cmd, terminal)
	}
	err = cmd.Wait()
	<-read
	_ = terminal.Close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), seen.String()
}

func TestInitAsksOnTerminal(t *testing.T) {
	dir := workspace(t)
	code, shown := initOnTerminal(t, dir, nil, [][2]string{
		{"What is to be read: a file, or dynamodb:TABLE: ", "\n"}, // asked again
		{"TABLE: \r\nWhat is to be read: a file, or dynamodb:TABLE: ", "examples/data/flights.csv\n"},
		{"Where do the rows go: a file, or dynamodb:TABLE [dynamodb:flights]: ", "\n"},
		{"The pipeline's file [pipeline.hcl]: ", "flights.hcl\n"},
		{"The key of table flights, as partition[,sort] [origin,destination]: ", "destination,origin\n"},
	}, nil)
	text, err := os.ReadFile(filepath.Join(dir, "flights.hcl"))
	if code != diag.ExitDone || err != nil || !strings.Contains(string(text), `partition_key = "destination"`) {
		t.Errorf("exit code %d, %v:\n%s\nshown: %s", code, err, text, shown)
	}
}

// TestInitAsksForTheRest: what flags say is not asked, and defaults are taken.
func TestInitAsksForTheRest(t *testing.T) {
	dir := workspace(t)
	code, shown := initOnTerminal(t, dir, []string{"--from", "examples/data/airports.csv", "--output-file", "p.hcl"}, [][2]string{
		{"Where do the rows go: a file, or dynamodb:TABLE [dynamodb:airports]: ", "airports.parquet\n"},
	}, nil)
	text, err := os.ReadFile(filepath.Join(dir, "p.hcl"))
	if code != diag.ExitDone || err != nil || !strings.Contains(string(text), `path = "airports.parquet"`) {
		t.Errorf("exit code %d, %v:\n%s\nshown: %s", code, err, text, shown)
	}
	for _, never := range []string{"to be read", "pipeline's file", "key of"} {
		if strings.Contains(shown, never) {
			t.Errorf("asked: %s", shown)
		}
	}
}

func TestInitIsInterrupted(t *testing.T) {
	question := [][2]string{{"What is to be read", ""}}
	for what, c := range map[string]struct {
		last func(*exec.Cmd, *os.File)
		code int
		said string
	}{
		"signal": {func(cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGINT) }, diag.ExitInterrupted, "interrupted"},
		"end":    {func(_ *exec.Cmd, terminal *os.File) { _, _ = terminal.Write([]byte{4}) }, diag.ExitWrong, "No answer"},
	} {
		dir := t.TempDir()
		code, shown := initOnTerminal(t, dir, nil, question, c.last)
		if left, err := os.ReadDir(dir); code != c.code || !strings.Contains(shown, c.said) || err != nil || len(left) > 0 {
			t.Errorf("%s: exit code %d, files %v, %v, shown: %s", what, code, left, err, shown)
		}
	}
}
