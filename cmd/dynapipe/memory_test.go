//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const throughEverything = `
source "csv" "in" {
  path    = "-"
  columns = { n = number }
}
transform "filter" "most" {
  from  = source.csv.in
  where = row.n % 10 != 3.5
}
transform "map" "more" {
  from = transform.filter.most
  set  = { label = "${row.id}: ${upper(row.text)}" }
}
sink "file" "lines" {
  from = transform.map.more
  path = "rows.jsonl.gz"
}
sink "file" "cells" {
  from = transform.map.more
  path = "rows.csv"
}
`

// peakMB is the peak memory of a run over that many MB of input.
func peakMB(t *testing.T, size int) int64 {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(throughEverything), 0o666); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("dynapipe", "run", "p.hcl", "--no-progress")
	run.Dir, run.Stderr = dir, os.Stderr
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writeRows(in, size<<20); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	return run.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

func writeRows(to io.WriteCloser, bytes int) error {
	w := bufio.NewWriter(to)
	written, err := w.WriteString("id,n,text\n")
	for i := 0; written < bytes && err == nil; i++ {
		var n int
		n, err = fmt.Fprintf(w, "%d,%d.5,\"some text, quoted, of the row with number %d\"\n", i, i%1000, i)
		written += n
	}
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return to.Close()
}

// Promise 6: memory is bounded by channels and batches, not by the input. An
// input that were held, even once, would show many times over.
func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	const small, large = 4, 64
	few, many := peakMB(t, small), peakMB(t, large)
	t.Logf("peak memory: %d MB for %d MB of input, %d MB for %d MB", few, small, many, large)
	if many > few+(large-small)/2 {
		t.Errorf("peak memory grew from %d MB to %d MB", few, many)
	}
}
