// Package atomicfile writes a file that appears under its name only when it is
// whole: until then it stands beside its place under a hidden name, and an
// existing file stays as it is.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file being written. It belongs to one goroutine.
type File struct {
	*os.File
	path   string // as the user knows it
	target string // where it will appear, symbolic links followed
	folder folder
	side   Side
	length int64 // while it is closed
	named  bool  // its name is on the disk
	done   bool  // under its name, or gone
	keep   bool
}

// Create begins a file that Publish will put at path. Its folder is made when
// it is missing. The temporary name is made of the file's own name and the
// run's id, so that a leftover of a killed run can be told.
func Create(path, run string) (*File, error) { return begin(path, run, false) }

func begin(path, run string, anew bool) (*File, error) {
	target, mode, err := place(path)
	if err != nil {
		return nil, err
	}
	made, err := makeFolder(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	if anew {
		if err := remove(partial(target, run)); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(partial(target, run), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		made.remove()
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%w: does this run write %s twice?", err, path)
		}
		return nil, fmt.Errorf("the folder of %s can't be written to: %w", path, err)
	}
	if mode != 0 {
		// What replaces a file is as open or closed as that file was. Some
		// file systems have no modes; the file is good without.
		_ = f.Chmod(mode)
	}
	return &File{File: f, path: path, target: target, folder: made}, nil
}

// place is where the file will be, and the mode of the one that is there.
func place(path string) (target string, mode fs.FileMode, err error) {
	target = path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, 0, nil
	case err != nil:
		return "", 0, err
	case info.IsDir():
		return "", 0, fmt.Errorf("%s is a folder: name a file in it", path)
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%s is not a regular file, so it can't be replaced", path)
	}
	// Renaming over a file needs no right to write it; replacing one that is
	// protected would surprise all the same.
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return "", 0, fmt.Errorf("the existing file can't be replaced: %w", err)
	}
	return target, info.Mode().Perm(), f.Close()
}

// maxName keeps the temporary name within the 255 bytes that file systems
// allow.
const maxName = 150

func partial(target, run string) string {
	folder, name := filepath.Split(target)
	return filepath.Join(folder, "."+name[:min(len(name), maxName)]+"."+run+".partial")
}

// Finish writes what the system still holds to the disk and closes the file:
// whatever can fail for want of space fails here.
func (f *File) Finish() error {
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.rest()
}

// Publish puts the finished file under its name, replacing what is there.
func (f *File) Publish() error {
	if err := f.PublishName(); err != nil {
		return err
	}
	return SyncFolder(f.Folder())
}

// PublishName is Publish but for SyncFolder(f.Folder()), which once does for
// many files.
func (f *File) PublishName() error {
	if f.done {
		return nil
	}
	if err := f.unchanged(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.target); err != nil {
		return err
	}
	f.done = true
	return remove(sidePath(f.Name()))
}

// Folder is the folder in which the file will appear.
func (f *File) Folder() string { return filepath.Dir(f.target) }

// Discard removes the file and the folders made for it, unless it was
// published or is to be kept. It may follow Finish or not.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	if f.keep {
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			return err
		}
		return nil
	}
	err := f.Close()
	if errors.Is(err, fs.ErrClosed) {
		err = nil
	}
	err = errors.Join(err, os.Remove(f.Name()), remove(sidePath(f.Name())))
	f.folder.remove()
	return err
}

// SyncFolder makes a rename last through a power cut. Folders can't be synced
// everywhere; the file is in place either way.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return nil
	}
	_ = d.Sync()
	return d.Close()
}

// folder is the folders that were made for a file, the outermost first.
type folder []string

// makeFolder makes a folder and those above it.
func makeFolder(path string) (folder, error) {
	var missing folder
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return nil, fmt.Errorf("%s is a file, so it can't be the folder %s", at, path)
		}
		if err == nil || at == filepath.Dir(at) {
			break
		}
		missing = append(folder{at}, missing...)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, err
	}
	return missing, nil
}

// remove removes the folders again, as far as nothing else is in them.
func (f folder) remove() {
	for i := len(f) - 1; i >= 0; i-- {
		if os.Remove(f[i]) != nil {
			return
		}
	}
}
