//go:build unix

package stream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestBlockedPipe stops a read of a pipe that nobody writes to, before and
// after its writer came.
func TestBlockedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := List([]string{path}, false)
	if err != nil {
		t.Fatal(err)
	}
	if Total(files) != 0 {
		t.Error("the size of a pipe can't be known")
	}
	r, err := Open(files[0], Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := r.Read(stopped, make([]byte, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped read: %v", err)
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0) // lets the goroutine's open through
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
