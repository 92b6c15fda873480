package file

import (
	"strings"
	"testing"
)

// A full disk fails the run with the file's name.
func TestDiskFull(t *testing.T) {
	r := open(t, config(t, "path = \"/dev/full\"\nformat = \"jsonl\""), 10)
	err := r.write(`{"n":{"N":"1"}}`)
	if err == nil || !strings.Contains(err.Error(), "/dev/full can't be written: no space left") {
		t.Errorf("write: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
