// Bench compares whole runs of dynapipe with other programs. `make bench`
// builds and runs it:
//
//	bench [run] [flags]      compare, and print the tables
//	bench serve [flags]      a stand-in for DynamoDB, until standard input ends
//	bench naive [flags] NAME one of the programs that dynapipe is compared with
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dynapipe/dynapipe/internal/bench"
	"github.com/dynapipe/dynapipe/internal/bench/naive"
	"github.com/dynapipe/dynapipe/internal/bench/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	name := "run"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	switch name {
	case "run":
		return run(ctx, args)
	case "serve":
		return serve(args)
	case "naive":
		return runNaive(ctx, args)
	}
	return fmt.Errorf("no command %q: there are run, serve and naive", name)
}

func run(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := bench.Options{Self: self, Out: os.Stdout}
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.IntVar(&o.Rows, "rows", 200_000, "rows of every input")
	f.IntVar(&o.CheckRows, "check-rows", 5_000, "rows of the inputs on which content is compared")
	f.IntVar(&o.Repeat, "repeat", 5, "rounds")
	f.StringVar(&o.Only, "only", "", "compare only cases whose name this regular expression matches")
	f.BoolVar(&o.Memory, "memory", true, "compare peak memory of that many rows and of ten times as many")
	f.StringVar(&o.Dynapipe, "dynapipe", "bin/dynapipe", "the command")
	f.StringVar(&o.Base, "base", "", "another build of the command, to compare it with too")
	f.StringVar(&o.Profiled, "profiled", "", "the command that writes profiles")
	f.StringVar(&o.Profiles, "profiles", "", "folder to write a CPU profile of each case to")
	f.StringVar(&o.DuckDB, "duckdb", "", "folder of DuckDB's program and its packages")
	f.StringVar(&o.Module, "module", "", "folder of dynapipe's module, for benchmarks of go test")
	f.StringVar(&o.Dir, "dir", "build/bench.data", "folder for inputs and outputs")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.Rows < 1 || o.CheckRows < 1 || o.Repeat < 1 {
		return errors.New("rows, check-rows and repeat are at least 1")
	}
	if o.Profiles != "" && o.Profiled == "" {
		return errors.New("-profiles needs -profiled")
	}
	if o, err = absolute(o); err != nil {
		return err
	}
	return bench.Run(ctx, o)
}

func serve(args []string) error {
	var o standin.Options
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.IntVar(&o.Rows, "rows", 0, "rows of the table "+standin.SourceTable)
	f.DurationVar(&o.Latency, "latency", 0, "time that each request takes")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := standin.Start(o)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(s.Endpoint())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func runNaive(ctx context.Context, args []string) error {
	var o naive.Options
	f := flag.NewFlagSet("naive", flag.ContinueOnError)
	f.StringVar(&o.In, "in", "", "file to read")
	f.StringVar(&o.Out, "out", "", "file to write")
	f.StringVar(&o.Table, "table", "", "table to write")
	f.StringVar(&o.Source, "source", "", "table to scan")
	f.IntVar(&o.Segments, "segments", 4, "segments of a scan")
	f.IntVar(&o.Concurrency, "concurrency", 8, "requests in flight of a write")
	if err := f.Parse(args); err != nil {
		return err
	}
	return naive.Run(ctx, f.Arg(0), o)
}
