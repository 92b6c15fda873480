// Dynapipe runs declarative data pipelines for DynamoDB and files.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/dynapipe/dynapipe/internal/cli"
)

// version is set by the build.
var version = "devel"

func main() {
	// With nobody left to read standard output, a run is told so by an error
	// of its write, and cleans up, instead of being killed half-way. Only that
	// SIGPIPE is listened for matters (package os/signal, "SIGPIPE").
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(cli.Main(cli.Process{
		Args:       os.Args[1:],
		Environ:    os.Environ(),
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		Signals:    signals,
		LastSignal: func() { signal.Stop(signals) },
		Version:    version,
	}))
}
