//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// takesSequences is whether a terminal does what control sequences say.
func takesSequences(int) bool { return true }

// foreground is whether the terminal is the process's to draw on, and not that
// of a shell that has it run in the background.
func foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// continued tells when the process goes on after it was stopped (Ctrl-Z, fg).
func continued() (again <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCONT)
	return c, func() { signal.Stop(c) }
}
