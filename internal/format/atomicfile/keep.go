package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Place is what a later run has to know of a file to go on with it.
type Place struct {
	Path   string   // as it was given to Create
	Target string   // where it will appear; empty for Path
	Made   []string // folders made for it, the outermost first
}

// Place is where the file stands.
func (f *File) Place() Place {
	p := Place{Path: f.path, Made: f.folder}
	if f.target != f.path {
		p.Target = f.target
	}
	return p
}

func (p Place) target() string {
	if p.Target != "" {
		return p.Target
	}
	return p.Path
}

// Partial is the name under which a run's unfinished file stands.
func (p Place) Partial(run string) string { return partial(p.target(), run) }

// Recreate is Create in a run that goes on with an earlier one, of which the
// file may have been left. That has been no part of a checkpoint, so it is
// written anew.
func Recreate(path, run string) (*File, error) { return begin(path, run, true) }

// Continue opens the unfinished file of an earlier run to write on after length
// bytes. What comes behind them is cut off.
func Continue(p Place, run string, length int64) (*File, error) {
	name := p.Partial(run)
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the unfinished file %s is gone, so that %s can't be continued; run without --resume to start from the beginning", name, p.Path)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file, so that %s can't be continued; run without --resume to start from the beginning", name, p.Path)
	case info.Size() < length:
		return nil, fmt.Errorf("the unfinished file %s has %d bytes and had %d when its checkpoint was taken, so that %s can't be continued; run without --resume to start from the beginning",
			name, info.Size(), length, p.Path)
	}
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	f := &File{File: file, path: p.Path, target: p.target(), folder: p.Made, named: true}
	// Also when there is nothing to cut: a file system may have kept the length
	// and not yet what it had to cut before.
	err = file.Truncate(length)
	if err == nil {
		_, err = file.Seek(length, 0)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// Keep makes Discard leave the file where it is, for a later run to go on with.
func (f *File) Keep() { f.keep = true }

// NewNames is the folders that have to be synced for the file's unfinished name
// to last through a power cut, once for each name: whoever asks syncs them.
func (f *File) NewNames() []string {
	if f.named {
		return nil
	}
	f.named = true
	folders := []string{filepath.Dir(f.Name())}
	for _, made := range f.folder {
		folders = append(folders, filepath.Dir(made))
	}
	return folders
}

// SyncSuspended puts a suspended file on the disk.
func (f *File) SyncSuspended() error {
	file, err := os.OpenFile(f.Name(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Length is how long the file is while it is closed.
func (f *File) Length() int64 { return f.length }

// rest closes the file and notes how long it is.
func (f *File) rest() error {
	here, err := f.File.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	f.length = here.Size()
	if err := f.Close(); err != nil {
		return err
	}
	there, err := os.Lstat(f.Name())
	if err != nil || !os.SameFile(here, there) {
		return f.taken()
	}
	return nil
}

// unchanged checks that a file that was closed is as it was left.
func (f *File) unchanged() error {
	info, err := os.Lstat(f.Name())
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() != f.length) {
		return f.taken()
	}
	return err
}

func (f *File) taken() error {
	return fmt.Errorf("the unfinished file %s was changed or removed by somebody else: does this run write %s twice?", f.Name(), f.path)
}

// Published reports that the file is under its name already, by its length.
func Published(p Place, run string, length int64) (bool, error) {
	if _, err := os.Lstat(p.Partial(run)); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	info, err := os.Stat(p.target())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("%s is not there and neither is its unfinished file %s: somebody removed it after the run had written it", p.Path, p.Partial(run))
	case err != nil:
		return false, err
	case !info.Mode().IsRegular() || info.Size() != length:
		return false, fmt.Errorf("%s is not the file that the run had written, which had %d bytes, and its unfinished file %s is gone", p.Path, length, p.Partial(run))
	}
	return true, nil
}

// Sweep removes all unfinished files of an earlier run in a folder, also those
// of which no checkpoint knew.
func Sweep(folder, run string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		name := e.Name()
		if ending := "." + run + ".partial"; e.Type().IsRegular() && strings.HasPrefix(name, ".") &&
			(strings.HasSuffix(name, ending) || strings.HasSuffix(name, sidePath(ending))) {
			errs = append(errs, remove(filepath.Join(folder, name)))
		}
	}
	return errors.Join(errs...)
}

// SweepBeside is Sweep in the folder where the unfinished file of a path would be.
func SweepBeside(path, run string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return Sweep(filepath.Dir(path), run)
}

// Remove removes the unfinished file of an earlier run and the folders made for
// it, as far as they are there.
func Remove(p Place, run string) error {
	name := p.Partial(run)
	err := errors.Join(remove(name), remove(sidePath(name)))
	folder(p.Made).remove()
	return err
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
