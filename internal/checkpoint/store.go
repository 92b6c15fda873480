package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Store is the state of one pipeline in a folder, which is locked while the
// Store is open.
type Store struct {
	folder string
	name   string
	seal   Seal
	made   []string // folders made for it, the outermost first
	lock   *lock
}

// Seal keeps secrets out of the file (promise 8), as those in the names of files.
// Unseal puts them back.
type Seal interface {
	Seal(text []byte) ([]byte, error)
	Unseal(text []byte) []byte
}

// Locked is the error of a second run of a pipeline.
type Locked struct {
	Path  string
	Owner string // what the other process wrote of itself
}

func (l *Locked) Error() string {
	return fmt.Sprintf("another run of this pipeline is under way (%s holds %s). Wait for it to end, or give this run a state of its own with --state DIR",
		l.Owner, l.Path)
}

// Open locks the state of the named pipeline in a folder, which is made when it
// is missing. It fails with *Locked while another process has it.
func Open(folder, name string, seal Seal) (*Store, error) {
	s := &Store{folder: folder, name: fileName(name), seal: seal}
	var err error
	if s.made, err = makeFolders(folder); err != nil {
		return nil, fmt.Errorf("make the folder for the state: %w", err)
	}
	if len(s.made) == 0 && strings.HasPrefix(filepath.Base(folder), ".") {
		s.made = []string{folder} // by an earlier run, most likely: a hidden folder with nothing in it is of no use
	}
	if s.lock, err = acquire(s.path(".lock")); err != nil {
		s.removeFolders()
		return nil, err
	}
	s.removePartial()
	return s, nil
}

// Sign notes the run that has the state, for who comes after it, should it be
// killed.
func (s *Store) Sign(run string) { sign(s.path(".lock"), run) }

// Killed is the run that had the state before, if it was killed and nobody has
// had the state since.
func (s *Store) Killed() string { return s.lock.left }

// fileName is a pipeline's name as part of a file name.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
}

func (s *Store) path(ending string) string { return filepath.Join(s.folder, s.name+ending) }

// Path is where the state is.
func (s *Store) Path() string { return s.path(".state.json") }

// Load reads the state; nil when there is none.
func (s *Store) Load() (*State, error) { return s.read(s.Path()) }

func (s *Store) read(path string) (*State, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	state, err := parse(s.seal.Unseal(text))
	if err != nil {
		return nil, fmt.Errorf("the state in %s can't be used: %w. Run without --resume to start from the beginning", path, err)
	}
	return state, nil
}

// Save replaces the state as a whole. After a crash at any point the old state
// is there or the new one.
func (s *Store) Save(state *State) error {
	state.Version, state.Saved = Version, time.Now().UTC()
	text, err := encode(state)
	if err != nil {
		return fmt.Errorf("encode the state: %w", err)
	}
	if text, err = s.seal.Seal(text); err == nil {
		err = s.replace(text)
	}
	if err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	return nil
}

func (s *Store) replace(text []byte) error {
	next := s.path(partial)
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, s.Path())
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return syncFolder(s.folder)
}

const aside = ".state.aside.json"

const partial = ".state.json.partial"

// removePartial removes what a crash in the middle of Save left.
func (s *Store) removePartial() { _ = os.Remove(s.path(partial)) }

// Remove ends the state: the run is done.
func (s *Store) Remove() error {
	if err := os.Remove(s.Path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of a run that is done: %w", err)
	}
	return nil
}

// SetAside moves the state of an earlier run out of the way, under a name that
// it returns; empty when there is none. Of states set aside the last one is
// kept: the one before it is returned, for its unfinished files to be removed.
func (s *Store) SetAside() (path string, before *State, err error) {
	if _, err := os.Stat(s.Path()); errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	path = s.path(aside)
	_, before = s.Aside() // one that can't be read names nothing that could be removed
	if err := os.Rename(s.Path(), path); err != nil {
		return "", nil, fmt.Errorf("set the state of an earlier run aside: %w", err)
	}
	return path, before, nil
}

// Aside is the state that was set aside last, and where it is; empty when none.
// One that can't be read is there and nil.
func (s *Store) Aside() (path string, state *State) {
	path = s.path(aside)
	if _, err := os.Stat(path); err != nil {
		return "", nil
	}
	state, _ = s.read(path)
	return path, state
}

// RemoveAside removes the state that was set aside.
func (s *Store) RemoveAside() error { return os.Remove(s.path(aside)) }

// Close unlocks the state, and removes the folder when nothing is in it.
func (s *Store) Close() error {
	err := s.lock.release()
	s.removeFolders()
	return err
}

// removeFolders removes the folders that were made for the state and are empty.
func (s *Store) removeFolders() {
	for i := len(s.made) - 1; i >= 0; i-- {
		if os.Remove(s.made[i]) != nil {
			return
		}
	}
}

// makeFolders makes a folder and those above it, and says which were missing.
func makeFolders(path string) (made []string, err error) {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		made = append([]string{at}, made...)
	}
	return made, os.MkdirAll(path, 0o777)
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	// Not every file system can sync a folder; those that can't have no need to.
	_ = f.Sync()
	return f.Close()
}
