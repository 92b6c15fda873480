//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Promise 9: a signal ends dynapipe test, also while a source waits for input, and
// nothing is left behind.
func TestSignalEndsTests(t *testing.T) {
	dir, temporary := t.TempDir(), t.TempDir()
	put(t, dir, "p.hcl", `
source "csv" "in" {
  path = "in.csv"
}
sink "file" "out" {
  from = source.csv.in
  path = "out.jsonl"
}
`)
	put(t, dir, "p.test.hcl", `
test "waits" {
  source "csv" "in" {
    file = "pipe.csv"
  }
  expect "file" "out" {
    count = 1
  }
}
`)
	pipe := filepath.Join(dir, "pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	said := newTranscript()
	cmd := exec.Command("dynapipe", "test")
	cmd.Dir, cmd.Stderr, cmd.Env = dir, said, append(os.Environ(), "TMPDIR="+temporary)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })    // no more than an error when it has ended
	input, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for who reads
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if _, err := input.WriteString("id\n1\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("%v:\n%s", err, said)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
