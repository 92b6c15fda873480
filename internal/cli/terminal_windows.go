package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesSequences has a console do what control sequences say; older ones can't.
func takesSequences(fd int) bool {
	var mode uint32
	handle := windows.Handle(fd)
	if windows.GetConsoleMode(handle, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

func foreground(int) bool { return true }

func continued() (again <-chan os.Signal, stop func()) { return nil, func() {} }
