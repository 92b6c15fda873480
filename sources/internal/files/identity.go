package files

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/sources"
)

// identity is which files a run reads, as they were when it started.
type identity struct {
	Files []pinned `json:"files"`
}

// pinned is a file that has to be the same in a resumed run.
type pinned struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Head     string    `json:"head_sha256"` // of the first headBytes
}

// headBytes is how much of a file's beginning is compared.
const headBytes = 64 << 10

// again is what to do when a run can't be resumed.
const again = "run without --resume to start from the beginning"

// Identity implements sources.Resumable.
func (s *source) Identity() (json.RawMessage, error) {
	id := identity{Files: make([]pinned, len(s.files))}
	for i, f := range s.files {
		if why := f.Once(); why != "" {
			return nil, fmt.Errorf("a run that reads %s can't be resumed: %s. Write it to a file first and read that", f.Name(), why)
		}
		var err error
		if id.Files[i], err = pin(f.Path); err != nil {
			return nil, err
		}
	}
	return json.Marshal(id)
}

// pin reads what is compared of a file.
func pin(path string) (pinned, error) {
	file, err := os.Open(path)
	if err != nil {
		return pinned{}, err
	}
	defer file.Close() // it was only read from
	info, err := file.Stat()
	if err != nil {
		return pinned{}, err
	}
	head := sha256.New()
	if _, err := io.Copy(head, io.LimitReader(file, headBytes)); err != nil {
		return pinned{}, fmt.Errorf("reading the beginning of %s: %w", path, err)
	}
	return pinned{
		Path: path, Size: info.Size(), Modified: info.ModTime().UTC(), Head: hex.EncodeToString(head.Sum(nil)),
	}, nil
}

// open finds the files, those of an earlier run where it is resumed, and where
// in them to begin.
func (in *Input) open(env sources.Env) ([]stream.File, position, error) {
	if env.Resume != nil {
		return in.reopen(env)
	}
	files, err := in.list()
	if err != nil {
		return nil, position{}, err
	}
	for _, f := range files {
		if err := stream.Check(f); err != nil {
			return nil, position{}, err
		}
	}
	return files, position{}, nil
}

func (in *Input) reopen(env sources.Env) ([]stream.File, position, error) {
	var id identity
	err := json.Unmarshal(env.Resume.Identity, &id)
	if err == nil && id.Files == nil {
		err = errors.New("it has no files")
	}
	if err != nil {
		return nil, position{}, fmt.Errorf("the saved list of files is damaged: %w; %s", err, again)
	}
	if n := len(env.Resume.Positions); n != 1 {
		return nil, position{}, fmt.Errorf("the saved state is damaged: files have one position and not %d; %s", n, again)
	}
	files, err := id.check()
	if err != nil {
		return nil, position{}, err
	}
	if err := in.warnOfNew(env, files); err != nil {
		return nil, position{}, err
	}
	at, err := parsePosition(files, env.Resume.Positions[0])
	return files, at, err
}

// maxNamed is how many files a message names.
const maxNamed = 10

// check finds what has changed since the files were pinned.
func (id identity) check() ([]stream.File, error) {
	files := make([]stream.File, len(id.Files))
	var changes []string
	for i, was := range id.Files {
		if was.Path == "" || was.Path == stream.Stdin {
			return nil, fmt.Errorf("the saved list of files is damaged: number %d is %q; %s", i+1, was.Path, again)
		}
		file, change, err := was.check()
		if err != nil {
			return nil, err
		}
		if change != "" {
			changes = append(changes, change)
		}
		files[i] = file
	}
	if len(changes) > 0 {
		return nil, fmt.Errorf("the files are not as they were when the run to be resumed started: %s. Put them back as they were, or %s",
			some(changes, "; "), again)
	}
	return files, nil
}

// check is the file, or what has changed about it.
func (was pinned) check() (file stream.File, change string, err error) {
	info, err := os.Stat(was.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, fmt.Sprintf("%s is gone%s", was.Path, stream.LookedIn(was.Path)), nil
	case err != nil:
		return file, "", err
	case !info.Mode().IsRegular():
		return file, was.Path + " is no file any more", nil
	case info.Size() < was.Size:
		return file, fmt.Sprintf("%s has %d bytes and had %d", was.Path, info.Size(), was.Size), nil
	case info.Size() > was.Size:
		return file, fmt.Sprintf("%s has grown from %d bytes to %d", was.Path, was.Size, info.Size()), nil
	}
	is, err := pin(was.Path)
	switch {
	case err != nil:
		return file, "", err
	case is.Head != was.Head:
		return file, was.Path + " begins with other bytes", nil
	case !is.Modified.Equal(was.Modified):
		// What is behind the beginning may have been written over.
		return file, fmt.Sprintf("%s was written to or replaced at %s, and was of %s", was.Path, is.Modified.Format(time.RFC3339Nano), was.Modified.Format(time.RFC3339Nano)), nil
	}
	return stream.File{Path: was.Path, Size: was.Size}, "", nil
}

// warnOfNew warns of files that a pattern finds now and did not then.
func (in *Input) warnOfNew(env sources.Env, files []stream.File) error {
	found, err := in.list()
	if err != nil {
		return err
	}
	var fresh []string
	for _, f := range found {
		if !slices.ContainsFunc(files, func(was stream.File) bool { return was.Path == f.Path }) {
			fresh = append(fresh, f.Name())
		}
	}
	if len(fresh) > 0 {
		env.Meter.Warn("new-files", fmt.Sprintf("%d files that were not there when this run started are not read by it: %s", len(fresh), some(fresh, ", ")))
	}
	return nil
}

// some is the first of texts, and how many more there are.
func some(texts []string, between string) string {
	if more := len(texts) - maxNamed; more > 0 {
		return strings.Join(texts[:maxNamed], between) + fmt.Sprintf("%sand %d more", between, more)
	}
	return strings.Join(texts, between)
}
