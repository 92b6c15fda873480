// Profile is the command dynapipe, which also writes a CPU profile of itself to
// the file that CPU_PROFILE names, and one of its allocations to ALLOC_PROFILE.
// It is for work on dynapipe, and no part of the product.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"github.com/dynapipe/dynapipe/internal/cli"
)

func main() {
	os.Exit(run())
}

func run() (code int) {
	if path := os.Getenv("CPU_PROFILE"); path != "" {
		f, err := os.Create(path)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			return failed(err)
		}
		defer func() {
			pprof.StopCPUProfile()
			if err := f.Close(); err != nil {
				code = failed(err)
			}
		}()
	}
	if path := os.Getenv("ALLOC_PROFILE"); path != "" {
		defer func() {
			if err := writeProfile(path, pprof.Lookup("allocs")); err != nil {
				code = failed(err)
			}
		}()
	}
	return cli.Main(cli.Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
		LastSignal: func() {}, Version: "profile",
	})
}

func writeProfile(path string, p interface {
	WriteTo(w io.Writer, debug int) error
}) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(p.WriteTo(f, 0), f.Close())
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "profile:", err)
	return 1
}
