//go:build unix

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/sinks"
)

// redirect makes a pipe standard output for a test and gives its other end.
func redirect(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	t.Cleanup(func() {
		os.Stdout = before
		w.Close()
		r.Close()
	})
	return r
}

// Rows on standard output are there when they have ended, before Flush, and
// nothing is published.
func TestStandardOutput(t *testing.T) {
	out := redirect(t)
	r := open(t, config(t, `path = "-"`), 10)
	if _, ok := r.Sink.(sinks.Publisher); ok {
		t.Error("standard output has nothing to publish")
	}
	if err := r.write(`{"n":{"N":"1"}}`); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := out.Read(buf)
	if err != nil || string(buf[:n]) != "{\"n\":1}\n" || r.tally.Written.Load() != 1 {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	r.finish()
	if _, err := os.Stdout.WriteString("still open"); err != nil {
		t.Errorf("the sink closed the process's standard output: %v", err)
	}
}

// A reader that has gone is an error that says so, and the rows stay open.
func TestBrokenPipe(t *testing.T) {
	out := redirect(t)
	r := open(t, config(t, `path = "-"`), 10)
	out.Close()
	err := r.write(`{"n":{"N":"1"}}`)
	if err == nil || !strings.Contains(err.Error(), "standard output: whoever reads it has gone") {
		t.Errorf("write to a closed pipe: %v", err)
	}
	if r.tally.Written.Load() != 0 {
		t.Error("the row ended as written")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestDevice(t *testing.T) {
	r := open(t, config(t, "path = \"/dev/null\"\nformat = \"csv\""), 1)
	if err := r.write(`{"n":{"N":"1"}}`); err != nil {
		t.Fatal(err)
	}
	r.finish()
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/null was replaced: %v", err)
	}
}

// A named pipe that nobody reads is waited for, but not after ctx is done.
func TestPipeWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := config(t, pathIs(path)+`format = "jsonl"`).Open(ctx, sinks.Env{Run: &expr.Run{ID: "r"}, Meter: progress.NewMeter("n", nil)})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nobody opened the pipe") {
		t.Errorf("Open: %v", err)
	}
}

// What has gone down a pipe is not taken back: a run that goes on writes the rows
// after the checkpoint, and no second beginning.
func TestStandardOutputGoesOn(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{`format = "csv"`, "n\n1\n2\n3\n"},
		{`format = "json"`, "[\n{\"n\":1},\n{\"n\":2},\n{\"n\":3}\n]\n"},
		{`format = "jsonl"`, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"},
		{"format = \"csv\"\ncompression = \"gzip\"", "n\n1\n2\n3\n"},
		{"format = \"jsonl\"\ncompression = \"zstd\"", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"},
	} {
		out := redirect(t)
		block := config(t, "path = \"-\"\n"+c.args)
		r := open(t, block, 1)
		var state []byte
		for n := range 3 {
			if n > 0 {
				var err error
				if r, err = reopen(t, block, 1, state, false); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.write(fmt.Sprintf(`{"n":{"N":"%d"}}`, n+1)); err != nil {
				t.Fatal(err)
			}
			if n == 2 {
				break
			}
			var err error
			if state, err = r.checkpoint(); err != nil {
				t.Fatal(err)
			}
			if err := r.Flush(t.Context(), sinks.Stopped); err != nil {
				t.Fatal(err)
			}
			r.Sink.(sinks.Checkpointer).Keep()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		r.finish()
		if state, err := r.checkpoint(); err == nil {
			if _, err := reopen(t, block, 1, state, true); err != nil {
				t.Errorf("%s: what was written is not done: %v", c.args, err)
			}
		}
		os.Stdout.Close()
		got, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(c.args, "gzip"):
			got = gunzip(t, got)
		case strings.Contains(c.args, "zstd"):
			got = unzstd(t, got)
		}
		if string(got) != c.want {
			t.Errorf("%s: %q, not %q", c.args, got, c.want)
		}
	}
}

// Half a Parquet or Arrow file in a pipe can't be gone on with.
func TestNoCheckpointOfAPipe(t *testing.T) {
	for _, format := range []string{formatParquet, formatArrow} {
		redirect(t)
		r := open(t, config(t, fmt.Sprintf("path = \"-\"\nformat = %q", format)), 1)
		if _, err := r.checkpoint(); !errors.Is(err, sinks.ErrNotNow) {
			t.Errorf("%s: %v", format, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
