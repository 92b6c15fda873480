//go:build !unix && !windows

package cli

import "os"

func takesSequences(int) bool { return true }

func foreground(int) bool { return true }

func continued() (again <-chan os.Signal, stop func()) { return nil, func() {} }
