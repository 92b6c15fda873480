//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A run that is killed before its first checkpoint leaves unfinished files. The
// next one removes them, and no others.
func TestKilledBeforeTheFirstCheckpoint(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "p.hcl", `
state {
  every = "1h"
}
source "csv" "in" {
  path = "-"
}
sink "file" "one" {
  from = source.csv.in
  path = "out/one.jsonl"
}
sink "file" "each" {
  from = source.csv.in
  path = "out/${row.id}.parquet"
}
`)
	unfinished := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "out", ".*.partial"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	run := func() *exec.Cmd {
		cmd := exec.Command("dynapipe", "run", "p.hcl")
		cmd.Dir, cmd.Stderr = dir, newTranscript()
		return cmd
	}
	first := run()
	in, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("id\n1\n")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(unfinished()) < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no unfinished files:\n%s", first.Stderr)
		}
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if left := unfinished(); len(left) != 2 {
		t.Fatalf("left: %q", left)
	}
	put(t, dir, "out/.one.jsonl.0198a7c2-0000-7000-8000-000000000000.partial", "of somebody else")

	next := run()
	next.Stdin = strings.NewReader("id\n2\n")
	if err := next.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, next.Stderr)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".one.jsonl.0198a7c2-0000-7000-8000-000000000000.partial", "2.parquet", "one.jsonl"}; !slices.Equal(names, want) {
		t.Errorf("left: %q", names)
	}
}
