//go:build unix

package bench

import (
	"os"
	"runtime"
	"syscall"
)

// peakBytes is a process's largest resident size. It is never below that of
// the process that started it (Linux counts up to the exec), which is why this
// one keeps nothing large.
func peakBytes(s *os.ProcessState) int64 {
	u, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // in bytes there
	}
	return int64(u.Maxrss) << 10
}
