//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// endless reads an input that stays open, and writes to a file and to standard
// output, where a test sees that rows have moved.
const endless = `
pipeline {
  batch_rows = 1
}
source "csv" "in" {
  path = "-"
}
sink "file" "rows" {
  from = source.csv.in
  path = "rows.jsonl"
}
sink "file" "seen" {
  from = source.csv.in
  path = "-"
}
`

// underWay is a run whose input stays open.
type underWay struct {
	*exec.Cmd
	dir    string
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *transcript
}

// startEndless starts a run that has read a row and waits for more.
func startEndless(t *testing.T, flags ...string) *underWay {
	t.Helper()
	return startPipeline(t, endless, flags...)
}

// startPipeline starts a run of a pipeline that reads standard input.
func startPipeline(t *testing.T, pipeline string, flags ...string) *underWay {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(pipeline), 0o666); err != nil {
		t.Fatal(err)
	}
	r := &underWay{Cmd: exec.Command("dynapipe", append([]string{"run", "endless.hcl"}, flags...)...), dir: dir, stderr: newTranscript()}
	r.Dir, r.Stderr = dir, r.stderr
	r.begin(t)
	return r
}

// begin starts the process and gives it two rows.
func (r *underWay) begin(t *testing.T) {
	t.Helper()
	var err error
	if r.stdin, err = r.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if r.stdout, err = r.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() }) // no more than an error when it has ended
	if _, err := io.WriteString(r.stdin, "id\n1\n2\n"); err != nil {
		t.Fatal(err)
	}
}

// sees waits for a row on standard output.
func (r *underWay) sees(t *testing.T, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r.stdout, got); err != nil || string(got) != want {
		t.Fatalf("standard output has %q, %v; standard error has\n%s", got, err, r.stderr.String())
	}
}

// endsWith waits for the end and checks the exit code, and that nothing of the
// run but what must is left in its folder.
func (r *underWay) endsWith(t *testing.T, code int, left ...string) {
	t.Helper()
	_, _ = io.Copy(io.Discard, r.stdout)
	err := r.Wait()
	if got := r.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, not %d (%v); standard error has\n%s", got, code, err, r.stderr.String())
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(left, " "); got != want {
		t.Errorf("the folder has %q, not %q", got, want)
	}
}

func TestFirstSignalDrains(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			r := startEndless(t, "--report", "report.json")
			r.sees(t, `{"id":"1"}`+"\n")
			if err := r.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			// No unfinished file appears (promise 9), though the input is open.
			r.endsWith(t, diag.ExitInterrupted, "endless.hcl", "report.json")
			if report := readReport(t, r.dir); report.Status != engine.Interrupted || report.Error != "" {
				t.Errorf("report: %s, %q", report.Status, report.Error)
			}
			for _, want := range []string{"stopping: ", "press Ctrl-C again", "endless: interrupted in "} {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("%q is not in\n%s", want, r.stderr.String())
				}
			}
		})
	}
}

// What a dedupe and an aggregate hold is not flushed by a signal, and counts as
// unsettled (promise 9).
func TestSignalFlushesNothingHeld(t *testing.T) {
	r := startPipeline(t, endless+`
transform "dedupe" "last" {
  from = source.csv.in
  key  = row.id
  keep = "last"
}
transform "aggregate" "all" {
  from = source.csv.in
  set  = { rows = count() }
}
sink "file" "held" {
  from = [transform.dedupe.last, transform.aggregate.all]
  path = "/dev/stderr"
  format = "jsonl"
}
`, "--report", "report.json")
	r.sees(t, `{"id":"1"}`+"\n"+`{"id":"2"}`+"\n")
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl", "report.json")
	for _, n := range readReport(t, r.dir).Nodes {
		if n.Kind == "transform" && (n.In != 2 || n.Out != 0 || n.Made != 0 || n.Coalesced != 0 || n.Unsettled != 2) {
			t.Errorf("%+v", n)
		}
	}
	if said := r.stderr.String(); strings.Contains(said, "{") {
		t.Errorf("rows that were held have gone on:\n%s", said)
	}
}

func TestMaxDurationDrains(t *testing.T) {
	r := startEndless(t, "--max-duration", "100ms")
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
	if !strings.Contains(r.stderr.String(), "stopping after 100ms (--max-duration)") {
		t.Errorf("standard error has\n%s", r.stderr.String())
	}
}

// TestSecondSignalEndsAtOnce has a write under way that is never answered: the
// first signal waits for it, the second does not.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	unanswered := make(chan struct{}, 100)
	proxy := httptest.NewServer(holdWrites(t, server.Endpoint, unanswered))
	t.Cleanup(proxy.Close)

	dir := t.TempDir()
	for name, text := range map[string]string{
		"in.csv": "id\n1\n2\n3\n",
		"p.hcl": fmt.Sprintf(`
source "csv" "in" {
  path = "in.csv"
}
sink "batch_write" "out" {
  from  = source.csv.in
  table = %q
}
sink "file" "copy" {
  from = source.csv.in
  path = "copy.jsonl"
}
`, table),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	said := newTranscript()
	cmd := exec.Command("dynapipe", "run", "p.hcl", "--report", "report.json")
	cmd.Dir, cmd.Stderr = dir, said
	cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+proxy.URL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // no more than an error when it has ended

	<-unanswered
	for _, answer := range []string{"stopping: ", "ending at once"} {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		said.waitFor(t, answer)
	}
	_ = cmd.Wait() // an error for each exit code but 0
	if code := cmd.ProcessState.ExitCode(); code != diag.ExitInterrupted {
		t.Errorf("exit code %d; standard error has\n%s", code, said)
	}
	r := readReport(t, dir)
	if r.Status != engine.Interrupted || r.Unsettled == 0 {
		t.Errorf("report: %s, %d unsettled", r.Status, r.Unsettled)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*copy.jsonl*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// holdWrites passes requests on to a server, and answers no write.
func holdWrites(t *testing.T, endpoint string, held chan<- struct{}) http.Handler {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
			pass.ServeHTTP(w, r)
			return
		}
		// The server notices that the client has gone only once it has read
		// the request (package net/http, Request.Context).
		_, _ = io.Copy(io.Discard, r.Body)
		held <- struct{}{}
		<-r.Context().Done()
	})
}

func readReport(t *testing.T, dir string) engine.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r engine.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	documented(t, text, "run", exitCodes[r.Status])
	return r
}
