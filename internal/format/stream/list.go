package stream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// File is one file to read.
type File struct {
	Path string
	Size int64 // in bytes, as stored; -1 when it can't be known before the end
	pump bool  // standard input, a named pipe or a device: a read may block for ever
}

// Name is the file's name for messages and origins.
func (f File) Name() string {
	if f.Path == Stdin {
		return "<stdin>"
	}
	return f.Path
}

// Once is why the file can't be read a second time; empty when it can.
func (f File) Once() string {
	switch {
	case f.Path == Stdin:
		return "standard input gives what it has only once"
	case f.pump:
		return "it is a named pipe or a device, which gives what it has only once"
	}
	return ""
}

// List finds the files that paths mean: each a path, a pattern of
// filepath.Match in which ** also stands for any folders, or "-" for standard
// input. The order of paths is kept, the files of one pattern come in the
// order of their names. A file found twice is read once, where it was found
// first. A pattern passes over folders and, as in a shell, over names that
// begin with a dot.
//
// A path or pattern that finds nothing is an error, unless allowMissing.
func List(paths []string, allowMissing bool) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for _, path := range paths {
		found, err := find(path)
		if errors.Is(err, fs.ErrNotExist) && allowMissing {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if key := filepath.Clean(f.Path); !seen[key] {
				seen[key] = true
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// Total is how many bytes the files hold; 0 when that can't be known.
func Total(files []File) int64 {
	var total int64
	for _, f := range files {
		if f.Size < 0 {
			return 0
		}
		total += f.Size
	}
	return total
}

func find(path string) ([]File, error) {
	switch {
	case path == Stdin:
		return []File{{Path: Stdin, Size: -1, pump: true}}, nil
	case path == "":
		return nil, errors.New(`path is empty: write the path of a file, a pattern as "data/*.csv", or "-" for standard input`)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a folder: to read the files in it write a pattern, as %q", path, filepath.Join(path, "*"))
	case err == nil:
		return []File{fileOf(path, info)}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case isPattern(path):
		return match(path)
	}
	return nil, missing("no such file: "+path, path)
}

func match(pattern string) ([]File, error) {
	names, err := doublestar.FilepathGlob(pattern,
		doublestar.WithFilesOnly(), doublestar.WithNoHidden(), doublestar.WithFailOnIOErrors())
	if errors.Is(err, doublestar.ErrBadPattern) {
		return nil, fmt.Errorf("%q is not a pattern: a [ has no ], or a { no }; a backslash before it makes it an ordinary character", pattern)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", pattern, err)
	}
	if len(names) == 0 {
		return nil, missing("no file matches "+pattern, pattern)
	}
	slices.Sort(names)
	files := make([]File, 0, len(names))
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		files = append(files, fileOf(name, info))
	}
	return files, nil
}

func fileOf(path string, info fs.FileInfo) File {
	if !info.Mode().IsRegular() {
		return File{Path: path, Size: -1, pump: true}
	}
	return File{Path: path, Size: info.Size()}
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[{`) }

// missing is an error that is fs.ErrNotExist and tells where a relative path
// was looked for.
func missing(what, path string) error {
	return notFound(what + LookedIn(path) + "; with allow_missing = true this is no error")
}

// LookedIn tells for a message where a relative path starts.
func LookedIn(path string) string {
	if !filepath.IsAbs(path) {
		if dir, err := os.Getwd(); err == nil {
			return " (looked in " + dir + ")"
		}
	}
	return ""
}

type notFound string

func (e notFound) Error() string { return string(e) }

func (notFound) Is(target error) bool { return target == fs.ErrNotExist }
