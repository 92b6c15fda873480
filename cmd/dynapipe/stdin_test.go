package main

import (
	"bufio"
	"os/exec"
	"testing"
	"time"
)

// Rows of a standard input that then gives nothing reach the sink all the same.
func TestSlowStandardInput(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "p.hcl", `
source "csv" "in" {
  path = "-"
}
sink "file" "out" {
  from   = source.csv.in
  path   = "-"
  format = "jsonl"
}
`)
	said := newTranscript()
	cmd := exec.Command("dynapipe", "run", "p.hcl")
	cmd.Dir, cmd.Stderr = dir, said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	lines := bufio.NewScanner(out)
	if _, err := in.Write([]byte("id\n1\n")); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != `{"id":"1"}` {
		t.Errorf("%q came:\n%s", lines.Text(), said)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() {
		t.Errorf("at the end came %q", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, said)
	}
}
