//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

var sequence = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// onScreen runs the endless pipeline with standard error on a terminal of some
// size, and has seen a row move.
func onScreen(t *testing.T, columns, lines int, environ []string, flags ...string) (*underWay, *screen) {
	t.Helper()
	s, tty := newScreen(t, columns, lines)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(endless), 0o666); err != nil {
		t.Fatal(err)
	}
	r := &underWay{Cmd: exec.Command("dynapipe", append([]string{"run", "endless.hcl"}, flags...)...), dir: dir, stderr: s.raw}
	r.Dir, r.Stderr = dir, tty
	r.Env = append(os.Environ(), environ...)
	r.begin(t)
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	r.sees(t, `{"id":"1"}`+"\n")
	return r, s
}

// interrupt ends a run as Ctrl-C does, and gives what the screen has then.
func (r *underWay) interrupt(t *testing.T, s *screen) []string {
	t.Helper()
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
	return s.waitFor(t, "the summary", has("interrupted in"))
}

// narrower checks that no frame had a line of more than so many columns.
func narrower(t *testing.T, s *screen, columns int) {
	t.Helper()
	for line := range strings.SplitSeq(s.raw.String(), "\n") {
		if !strings.Contains(line, "\x1b") {
			continue // a message
		}
		parts := strings.Split(line, "\x1b[J")
		for _, text := range append(parts, line)[:len(parts)] {
			text = strings.Trim(sequence.ReplaceAllString(text, ""), "\r")
			if strings.HasPrefix(text, "stopping: ") || strings.HasPrefix(text, "endless: interrupted") {
				continue
			}
			if w := displaywidth.String(text); w > columns {
				t.Errorf("a line of %d columns, where there are %d: %q", w, columns, text)
			}
		}
	}
}

func TestViewOnTerminal(t *testing.T) {
	r, s := onScreen(t, 80, 24, []string{"TERM=linux", "NO_COLOR="})
	lines := s.waitFor(t, "the view", has("seen", "2  "))
	drawn := after(lines, "endless: ")
	for i, want := range []string{
		`^endless: \d+s  read 2  written [0-4]$`,
		`^node +queue +in  out  rows/s( +held)?$`,
		`^source\.csv\.in +2    2 +\d+`,
		`^sink\.file\.rows +\[[# ]+\] +2 `,
		`^sink\.file\.seen +\[[# ]+\] +2 `,
		`^$`,
	} {
		if !regexp.MustCompile(want).MatchString(drawn[i]) {
			t.Errorf("line %d is not as %s:\n%s", i, want, strings.Join(lines, "\n"))
		}
	}
	if raw := s.raw.String(); !strings.Contains(raw, "\x1b[1mendless:\x1b[0m") {
		t.Errorf("no colours: %q", raw)
	}
	// The summary takes the view's place.
	lines = r.interrupt(t, s)
	if all := strings.Join(lines, "\n"); strings.Contains(all, "rows/s") || after(lines, "stopping: ")[1] != after(lines, "endless: ")[0] {
		t.Errorf("in the end the screen has\n%s", all)
	}
	narrower(t, s, 79)
}

func TestViewOnNarrowTerminal(t *testing.T) {
	r, s := onScreen(t, 40, 24, []string{"TERM=xterm"})
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	r.interrupt(t, s)
	narrower(t, s, 39)
}

// TestViewFollowsTheWindow: it is drawn anew as the window changes, and what stands
// above it stays. The emulator cuts lines off where a window gets narrower.
func TestViewFollowsTheWindow(t *testing.T) {
	r, s := onScreen(t, 100, 24, []string{"TERM=linux"}, "--log-level", "info")
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	for _, columns := range []int{35, 18, 100, 60} {
		s.resize(t, columns, 24)
		lines := s.waitFor(t, fmt.Sprintf("a view of %d columns", columns), func(lines []string) bool {
			longest, heads := 0, 0
			for _, l := range lines {
				if strings.HasPrefix(l, "endless: ") {
					heads++
				}
			}
			for _, l := range after(lines, "endless: ") {
				longest = max(longest, displaywidth.String(l))
			}
			// Wide windows get names in full.
			return heads == 1 && longest < columns && has("sink.file.seen")(lines) == (columns > 50)
		})
		if !has("time=")(lines) {
			t.Errorf("a message is gone:\n%s", strings.Join(lines, "\n"))
		}
	}
	s.resize(t, 60, 4)
	s.waitFor(t, "a view of three lines", func(lines []string) bool { return has("node")(lines) && !has("seen")(lines) })
	s.resize(t, 60, 24)
	r.interrupt(t, s)
}

func TestNoColor(t *testing.T) {
	r, s := onScreen(t, 80, 24, []string{"TERM=xterm", "NO_COLOR=1"})
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	r.interrupt(t, s)
	if found := regexp.MustCompile(`\x1b\[[0-9;]*m`).FindString(s.raw.String()); found != "" {
		t.Errorf("%q in %q", found, s.raw)
	}
}

// framesLong has a run go on for longer than several frames take.
var framesLong = []string{"--max-duration", "1s"}

// Nothing is drawn where that was not asked for, or can't be.
func TestNothingIsDrawn(t *testing.T) {
	for name, c := range map[string]struct{ environ, flags []string }{
		"on a dumb terminal": {environ: []string{"TERM=dumb"}},
		"--no-progress":      {environ: []string{"TERM=xterm"}, flags: []string{"--no-progress"}},
		"records":            {environ: []string{"TERM=xterm"}, flags: []string{"--log-format", "json"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := onScreen(t, 80, 24, c.environ, append(c.flags, framesLong...)...)
			r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
			s.raw.waitFor(t, "interrupted")
			if strings.Contains(s.raw.String(), "\x1b") {
				t.Errorf("shown: %q", s.raw)
			}
		})
	}
}

// Rows that appear on the terminal are not drawn over.
func TestNothingIsDrawnBetweenRows(t *testing.T) {
	s, tty := newScreen(t, 80, 24)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(endless), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", append([]string{"run", "endless.hcl"}, framesLong...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, tty, tty
	cmd.Env = append(os.Environ(), "TERM=xterm")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = io.WriteString(in, "id\n1\n2\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // no more than an error when it has ended
	_ = tty.Close()
	s.raw.waitFor(t, `{"id":"2"}`)
	s.raw.waitFor(t, "interrupted in")
	_ = cmd.Wait() // an error for each exit code but 0
	if strings.Contains(s.raw.String(), "\x1b") {
		t.Errorf("shown: %q", s.raw)
	}
}

// A report on standard output is alone there, whatever is drawn on the terminal.
func TestReportBesideTheView(t *testing.T) {
	r, s := onScreen(t, 80, 24, []string{"TERM=xterm"}, "--report", "report.json")
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl", "report.json")

	s, tty := newScreen(t, 80, 24)
	dir := t.TempDir()
	text := strings.ReplaceAll(endless, `path = "-"`+"\n}\nsink", `path = "/dev/stdin"`+"\n}\nsink")
	text = text[:strings.LastIndex(text, "sink")] // none on standard output
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	json1 := &underWay{Cmd: exec.Command("dynapipe", "run", "endless.hcl", "--output", "json"), dir: dir, stderr: s.raw}
	json1.Dir, json1.Stderr = dir, tty
	json1.Env = append(os.Environ(), "TERM=xterm")
	json1.begin(t)
	_ = tty.Close()
	s.waitFor(t, "the view", has("sink.file.rows", "2"))
	if err := json1.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(json1.stdout)
	if err != nil {
		t.Fatal(err)
	}
	_ = json1.Wait() // an error for each exit code but 0
	var report engine.Report
	if err := json.Unmarshal(out, &report); err != nil || report.Status != engine.Interrupted {
		t.Errorf("%v, %s: %q", err, report.Status, out)
	}
}

// What is killed leaves the view as it was, with a cursor that is seen.
func TestKilledLeavesTheView(t *testing.T) {
	r, s := onScreen(t, 80, 24, []string{"TERM=xterm"})
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	if err := r.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.Wait() // it was killed
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.emulator.CursorHidden() {
		t.Error("the cursor is gone")
	}
	lines := s.lines()
	drawn := after(lines, "endless: ")
	if !has("sink.file.seen", "[")(drawn[4:5]) || strings.Join(drawn[5:], "") != "" {
		t.Errorf("the screen has\n%s", strings.Join(lines, "\n"))
	}
}

// A view that was on the screen when the process was stopped stays there, and
// what a shell wrote below it.
func TestViewAfterAStop(t *testing.T) {
	r, s := onScreen(t, 80, 24, []string{"TERM=xterm"})
	s.waitFor(t, "the view", has("sink.file.seen", "["))
	if err := r.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.show([]byte("\r\nStopped\r\n"))
	if err := r.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "a second view", func(lines []string) bool {
		stopped := slices.Index(lines, "Stopped")
		return stopped > 0 && has("sink.file.seen")(lines[:stopped]) && has("sink.file.seen")(lines[stopped:])
	})
	r.interrupt(t, s)
}

// TestNothingIsDrawnInTheBackground: a shell that has the run in the background
// has the terminal to itself, but for messages.
func TestNothingIsDrawnInTheBackground(t *testing.T) {
	s, tty := newScreen(t, 80, 24)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endless.hcl"), []byte(endless), 0o666); err != nil {
		t.Fatal(err)
	}
	r := &underWay{Cmd: exec.Command("sh", "-c", "set -m; dynapipe run endless.hcl "+strings.Join(framesLong, " ")+" <&3 & wait $!"), dir: dir, stderr: s.raw}
	r.Dir, r.Stderr = dir, tty
	r.Env = append(os.Environ(), "TERM=xterm")
	r.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	input, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.ExtraFiles = []*os.File{input}
	if _, err := io.WriteString(end, "id\n1\n2\n"); err != nil {
		t.Fatal(err)
	}
	r.begin(t)
	_, _ = tty.Close(), input.Close()
	r.endsWith(t, diag.ExitInterrupted, "endless.hcl")
	_ = end.Close()
	if said := s.raw.String(); !strings.Contains(said, "interrupted in") || strings.Contains(said, "\x1b") {
		t.Errorf("shown: %q", said)
	}
}

// TestViewWhileItStops has a write under way that is never answered: the view
// says that the run stops, below the message that it was told to, until the
// second signal.
func TestViewWhileItStops(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	unanswered := make(chan struct{}, 100)
	proxy := httptest.NewServer(holdWrites(t, server.Endpoint, unanswered))
	t.Cleanup(proxy.Close)
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		s, tty := newScreen(t, 110, 24)
		r := &underWay{Cmd: exec.Command("dynapipe", "run", "p.hcl"), dir: t.TempDir(), stderr: s.raw}
		r.Dir, r.Stderr = r.dir, tty
		r.Env = append(append(os.Environ(), server.Environ()...), "TERM=xterm", "AWS_ENDPOINT_URL_DYNAMODB="+proxy.URL)
		text := fmt.Sprintf("source \"csv\" \"in\" {\n  path = \"-\"\n}\nsink \"batch_write\" \"out\" {\n  from  = source.csv.in\n  table = %q\n}\n", table)
		if err := os.WriteFile(filepath.Join(r.dir, "p.hcl"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		r.begin(t)
		_ = tty.Close()
		_ = r.stdin.Close()
		<-unanswered
		s.waitFor(t, "a request in flight", has("sink.batch_write.out", "1 of 1"))
		if err := r.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		lines := s.waitFor(t, "that it stops", has("p: ", "stopping: finishing what is under way"))
		if below := after(lines, "stopping: finishing what is under way; press Ctrl-C again to end at once"); !strings.HasPrefix(below[1], "p: ") {
			t.Errorf("the screen has\n%s", strings.Join(lines, "\n"))
		}
		if err := r.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = r.Wait() // an error for each exit code but 0
		lines = s.waitFor(t, "the summary", has("p: interrupted in"))
		if below := after(lines, "stopping: "); below[1] != "ending at once" || !strings.HasPrefix(below[2], "p: interrupted in ") || has("in flight")(lines) {
			t.Errorf("the screen has\n%s", strings.Join(lines, "\n"))
		}
		if code := r.ProcessState.ExitCode(); code != diag.ExitInterrupted {
			t.Errorf("exit code %d", code)
		}
	}
}
