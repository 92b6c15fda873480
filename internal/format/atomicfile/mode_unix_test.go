//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What replaces a file has its mode, and a link to it stays a link.
func TestModeAndLink(t *testing.T) {
	folder := t.TempDir()
	real, link := filepath.Join(folder, "real.csv"), filepath.Join(folder, "link.csv")
	if err := os.WriteFile(real, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	publish(t, create(t, link, "new"))
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	info, err = os.Stat(real)
	if err != nil || info.Mode().Perm() != 0o600 || content(t, real) != "new" {
		t.Errorf("the file behind the link: %v, %v, %q", err, info.Mode(), content(t, real))
	}
}
