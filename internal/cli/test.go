package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/pipetest"
	"github.com/dynapipe/dynapipe/pipeline"
)

// testOptions are the flags of test.
type testOptions struct {
	run, junit string
	verbose    bool
}

func (a *app) testCommand() *cobra.Command {
	o := &testOptions{}
	c := &cobra.Command{
		Use:   "test [FILE|DIR]...",
		Short: "Run tests of pipelines",
		Long: `Test runs the tests in *.test.hcl files: of a folder, all that it and the folders below
it have; with no argument, those of the folder it is in. A test gives rows to the
sources of a pipeline and says what has to reach its sinks. The pipeline runs as
it is, with nothing before or behind it: no server is asked, no sink is opened, no
state is saved. ` + "`dynapipe docs test`" + ` shows the block.

What differs is shown row by row, with the attributes that do. Rows are compared as
DynamoDB compares values.

Exit codes: 0 all passed; 1 a test failed; 2 a file of tests, a pipeline or the
command line is wrong, and no test ran; 4 interrupted.`,
		Example: `  dynapipe test
  dynapipe test pipelines/users.test.hcl --run 'gold|silver'
  dynapipe test pipelines --junit results.xml
  dynapipe test --output json`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error { return a.test(c.Context(), args, o) },
	}
	a.addOutput(c, "what came of the tests as text, or as one JSON document")
	f := c.Flags()
	f.StringVar(&o.run, "run", "", "run the tests whose names this regular `expression` finds something in")
	f.StringVar(&o.junit, "junit", "", "write what came of the tests to this `file` as JUnit XML")
	f.BoolVar(&o.verbose, "verbose", false, "name the tests that passed, too")
	return c
}

func (a *app) test(ctx context.Context, args []string, o *testOptions) error {
	options := pipetest.Options{Catalog: a.catalog, Environ: a.Environ}
	if o.run != "" {
		var err error
		if options.Select, err = regexp.Compile(o.run); err != nil {
			return refuse("Wrong value of a flag", "--run does not take %q: %v.", o.run, err)
		}
	}
	paths, bad := testFiles(args)
	if len(bad.diags) > 0 {
		return bad
	}
	tests, files, diags := pipetest.Load(paths, options)
	if diags.HasErrors() {
		return &wrong{diags: diags, files: files}
	}
	if o.junit != "" && sameAsAny(o.junit, slices.Collect(maps.Keys(files))) {
		return refuse("Source overwritten", "This command reads %s, and --junit would write over it.", o.junit)
	}
	if len(tests) == 0 {
		if o.run != "" {
			return refuse("No tests here", "No test has a name in which --run %q finds something.", o.run)
		}
		return refuse("No tests here", "There is no test block in what was named. `dynapipe docs test` shows one.")
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	report, err := pipetest.Run(ctx, tests, a.tested(o))
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	}
	if o.junit != "" {
		if err := writeJUnit(o.junit, report); err != nil {
			return fmt.Errorf("%s can't be written: %w", o.junit, err)
		}
	}
	a.answer(report)
	if !a.asksJSON() {
		_, err = fmt.Fprintf(a.Stdout, "%d passed, %d failed\n", report.Passed, report.Failed)
	}
	if err == nil && report.Failed > 0 {
		return &ended{engine.Failed}
	}
	return err
}

// testFiles is the files of tests that are named, each once.
func testFiles(args []string) (paths []string, bad *wrong) {
	if len(args) == 0 {
		args = []string{"."}
	}
	bad = &wrong{files: map[string]*hcl.File{}}
	for _, arg := range args {
		found, problem := pipeline.Tests(arg)
		if problem != nil {
			bad.diags = append(bad.diags, problem)
			continue
		}
		for _, p := range found {
			if p = filepath.Clean(p); !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	return paths, bad
}

// tested shows each test as it ends.
func (a *app) tested(o *testOptions) func(*pipetest.Result) {
	return func(r *pipetest.Result) {
		if !a.asksJSON() && (o.verbose || r.Status != pipetest.Passed) {
			_ = r.WriteText(a.Stdout) // the last line fails as well, and says so
		}
	}
}

// writeJUnit writes the file whole, or not at all.
func writeJUnit(path string, report *pipetest.Report) error {
	f, err := atomicfile.Create(path, "junit")
	if err != nil {
		return err
	}
	err = report.WriteJUnit(f)
	if err = errors.Join(err, f.Finish()); err == nil {
		err = f.Publish()
	}
	return errors.Join(err, f.Discard())
}
