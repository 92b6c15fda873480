//go:build unix

package file

import (
	"os"
	"syscall"
)

// openStandardOutput is standard output under a descriptor of its own: on
// descriptor 1 Go ends the whole process when the reader has gone; on any
// other one the write gives an error, which the run can report.
func openStandardOutput() (*os.File, error) {
	fd, err := syscall.Dup(int(os.Stdout.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "standard output"), nil
}
