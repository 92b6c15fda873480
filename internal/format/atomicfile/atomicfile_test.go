package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func create(t *testing.T, path, text string) *File {
	t.Helper()
	f, err := Create(path, "run1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

func publish(t *testing.T, f *File) {
	t.Helper()
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatalf("Discard after Publish: %v", err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestAppearsWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.csv")
	for _, text := range []string{"one", "two, replacing"} {
		before, _ := os.ReadFile(path)
		f := create(t, path, text)
		if now, _ := os.ReadFile(path); string(now) != string(before) {
			t.Errorf("before Publish the file is %q", now)
		}
		if got := names(t, folder); !strings.Contains(got, ".a.csv.run1.partial") {
			t.Errorf("the folder holds %s", got)
		}
		publish(t, f)
		if got := content(t, path); got != text {
			t.Errorf("after Publish the file is %q", got)
		}
		if got := names(t, folder); got != "a.csv" {
			t.Errorf("the folder holds %s", got)
		}
	}
}

func TestDiscard(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, "old.csv")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, finish := range []bool{false, true} {
		f, g := create(t, old, "new"), create(t, filepath.Join(folder, "x", "y", "z.csv"), "new")
		for _, f := range []*File{f, g} {
			if finish {
				if err := f.Finish(); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Discard(); err != nil {
				t.Fatal(err)
			}
		}
		if got := names(t, folder); got != "old.csv" || content(t, old) != "old" {
			t.Errorf("left: %s", got)
		}
	}
}

// A folder made for a file that was discarded stays when somebody else uses it.
func TestDiscardKeepsOthers(t *testing.T) {
	folder := t.TempDir()
	f := create(t, filepath.Join(folder, "x", "y", "a.csv"), "")
	other := filepath.Join(folder, "x", "other")
	if err := os.WriteFile(other, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Join(folder, "x")); got != "other" {
		t.Errorf("left: %s", got)
	}
}

func TestCreateRefuses(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		folder:                          "is a folder",
		filepath.Join(file, "a.csv"):    "is a file, so it can't be the folder",
		filepath.Join(file, "x", "a.b"): "is a file, so it can't be the folder",
	} {
		_, err := Create(path, "run1")
		if err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: %v", path, err)
		}
	}
	first := create(t, filepath.Join(folder, "twice.csv"), "")
	defer first.Discard()
	if _, err := Create(filepath.Join(folder, "twice.csv"), "run1"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same file twice: %v", err)
	}
}

// The temporary name of a file with the longest possible name is not too long.
func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 251)+".csv")
	publish(t, create(t, path, "x"))
	if content(t, path) != "x" {
		t.Error("not there")
	}
}
