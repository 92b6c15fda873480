//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// verifyPeakMB is the peak memory of a verification of so many rows, none of
// which the table has.
func verifyPeakMB(t *testing.T, server *dynamotest.Server, rows int) int64 {
	t.Helper()
	dir := t.TempDir()
	pipeline := fmt.Sprintf(`
source "csv" "in" { path = "-" }
sink "batch_write" "t" {
  from  = source.csv.in
  table = %q
}
`, server.CreateTable(t, dynamotest.S("pk")))
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(pipeline), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", "verify", "p.hcl", "--no-progress", "--output", "json")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), server.Environ()...), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &strings.Builder{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(in)
	fmt.Fprintln(w, "pk,text")
	for i := range rows {
		fmt.Fprintf(w, "key-%d,\"some text of the row with number %d\"\n", i, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`"missing": %d,`, rows); !strings.Contains(out.String(), want) {
		t.Fatalf("no %s in %s", want, out)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

// Promise 6: verify's memory does not grow with what is verified: of a million
// keys and their digests even 32 bytes each would show.
func TestVerifyMemoryDoesNotGrow(t *testing.T) {
	const small, large = 50_000, 1_200_000
	server := dynamotest.Start(t)
	few, many := verifyPeakMB(t, server, small), verifyPeakMB(t, server, large)
	t.Logf("peak memory: %d MB for %d rows, %d MB for %d", few, small, many, large)
	if many > few+30 {
		t.Errorf("peak memory grew from %d MB to %d MB", few, many)
	}
}

// Promise 9: a signal ends verify at once, and leaves no temporary file.
func TestVerifyEndsAtASignal(t *testing.T) {
	server := dynamotest.Start(t)
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir, temp := t.TempDir(), t.TempDir()
		pipeline := fmt.Sprintf(`
pipeline { batch_rows = 1 }
source "csv" "in" { path = "-" }
sink "batch_write" "t" {
  from  = source.csv.in
  table = %q
}
`, server.CreateTable(t, dynamotest.S("pk")))
		if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(pipeline), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("dynapipe", "verify", "p.hcl", "--log-level", "error")
		cmd.Dir, cmd.Env = dir, append(append(os.Environ(), server.Environ()...), "TMPDIR="+temp)
		stderr := newTranscript()
		cmd.Stderr = stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // no more than an error when it has ended
		// Rows go through until there is a temporary file.
		if _, err := io.WriteString(in, "pk\n"); err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			if _, err := fmt.Fprintln(in, i); err != nil {
				t.Fatal(err)
			}
			if found, _ := filepath.Glob(filepath.Join(temp, "*", "expected-*")); len(found) > 0 {
				break
			}
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the exit code says it
		if code := cmd.ProcessState.ExitCode(); code != 4 {
			t.Errorf("%v: exit %d", signal, code)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v: %v are left (%v)", signal, left, err)
		}
	}
}
