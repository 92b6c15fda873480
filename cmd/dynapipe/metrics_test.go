package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const fromStandardInput = `
source "csv" "rows" {
  path = "-"
}
sink "file" "rows" {
  from = source.csv.rows
  path = "rows.jsonl"
}
`

// Metrics are served while a run goes on, and not after it.
func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "p.hcl", fromStandardInput)
	c := exec.Command("dynapipe", "run", "p.hcl", "--metrics", "127.0.0.1:0", "--no-progress")
	c.Dir = dir
	rows, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	first, err := lines.ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(first), "Metrics: ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", first, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url) // it waits until the run serves
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`dynapipe_run_info{pipeline="p",`, `dynapipe_rows_read_total{node="source.csv.rows"} 0`, `dynapipe_rows_written_total{node="sink.file.rows"} 0`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("not there: %s\n%s", want, text)
		}
	}
	if _, err := io.WriteString(rows, "id\n1\n"); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, rest)
	}
	if answer, err := client.Get(url); err == nil {
		answer.Body.Close()
		t.Error("metrics are served after the run")
	}
}

// An address that is taken ends the command before anything has happened.
func TestMetricsAddressTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	put(t, dir, "p.hcl", fromStandardInput)
	code, said := in(t, dir, nil, "run", "p.hcl", "--metrics", taken.Addr().String())
	if code != 2 || !strings.Contains(said, "Metrics can't be served") || !strings.Contains(said, taken.Addr().String()) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(dir, ".dynapipe")); err == nil {
		t.Error("there is state of a run that never was")
	}
}
