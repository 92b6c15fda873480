package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lock is a file that one process has locked. The system unlocks it when the
// process ends, however it does.
type lock struct {
	file *flock.Flock
	left string // run that had it and did not unlock it; empty when there was none, or nobody knows
}

// acquire locks the file at path. A file that its owner removed between our
// opening and locking it keeps nobody out: then it is tried again.
func acquire(path string) (*lock, error) {
	for {
		f := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
		free, err := f.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock the state: %w", errors.Join(err, f.Close()))
		}
		if !free {
			process, _ := owner(path)
			return nil, errors.Join(&Locked{Path: path, Owner: process}, f.Close())
		}
		if stillThere(f) {
			_, run := owner(path)
			sign(path, "")
			return &lock{f, run}, nil
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("lock the state: %w", err)
		}
	}
}

const runLine = "run "

// sign says in the file who has it, for the message that others get, and for who
// clears up behind a run that is killed. Where the system lets nobody write a
// locked file they don't get to know.
func sign(path, run string) {
	text := fmt.Sprintf("process %d since %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if run != "" {
		text += runLine + run + "\n"
	}
	_ = os.WriteFile(path, []byte(text), 0o600)
}

// owner is what sign wrote; no run when it did not know, or was cut short.
func owner(path string) (process, run string) {
	text, err := os.ReadFile(path)
	process, rest, _ := strings.Cut(string(text), "\n")
	if err != nil || process == "" {
		return "another process", ""
	}
	if line, whole := strings.CutSuffix(rest, "\n"); whole {
		run, _ = strings.CutPrefix(line, runLine)
	}
	return process, run
}

// stillThere reports that the locked file is the one at its path.
func stillThere(f *flock.Flock) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.Path())
	return err == nil && os.SameFile(mine, there)
}

// release removes the file and unlocks it, in this order: whoever opened it in
// between finds that it is not the one at its path. A system that lets nobody
// remove an open file keeps it, unlocked.
func (l *lock) release() error {
	_ = os.Remove(l.file.Path())
	return l.file.Close()
}
