package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/pipeline"
)

// fmtOptions are the flags of fmt.
type fmtOptions struct {
	check, diff, recursive bool
	found                  fmtDocument
}

func (a *app) fmtCommand() *cobra.Command {
	o := &fmtOptions{}
	c := &cobra.Command{
		Use:   "fmt [FILE|DIR|-]...",
		Short: "Bring pipeline files into the canonical form",
		Long: `Fmt changes the layout of pipeline files and files of variables, and nothing else:
indentation, spaces, equal signs below each other. Comments stay. It names each
file that it changed. A file is replaced whole and keeps its permissions; one with
a syntax error stays as it is. With no argument it looks at the folder it is in;
with - it reads standard input and writes standard output.

Exit codes: 0 done; 1 with --check, when there is something to change, or when a
file could not be written; 2 when a file could not be read or has a syntax error.`,
		Example: `  dynapipe fmt pipeline.hcl
  dynapipe fmt --recursive pipelines
  dynapipe fmt --check --diff pipelines
  dynapipe fmt - < pipeline.hcl`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.fmt(args, o) },
	}
	a.addOutput(c, "the names of files that are different as text, or one JSON document")
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "change nothing; exit with 1 when there is something to change")
	f.BoolVar(&o.diff, "diff", false, "show what changes, as a unified diff on standard output; files are still written, unless with --check")
	f.BoolVar(&o.recursive, "recursive", false, "also look into the folders below a folder")
	return c
}

// fmtDocument is what --output json writes.
type fmtDocument struct {
	Files []fmtChange `json:"files" doc:"Files that are different now, or would be with --check."`
	Text  string      `json:"text,omitempty" doc:"What standard input is in the canonical form."`
}

type fmtChange struct {
	File string `json:"file" doc:"The file."`
	Diff string `json:"diff,omitempty" doc:"What changes, as a unified diff, with --diff."`
}

func (a *app) fmt(args []string, o *fmtOptions) error {
	o.found.Files = []fmtChange{}
	a.rest = &o.found
	if slices.Contains(args, plan.StandardStream) {
		if len(args) > 1 {
			return refuse("Too many arguments", "With - dynapipe fmt reads standard input, and no files beside it.")
		}
		return a.fmtStream(o)
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	bad := &wrong{files: map[string]*hcl.File{}}
	var paths []string
	for _, arg := range args {
		files, problem := pipeline.Files(arg, o.recursive)
		if problem != nil {
			bad.diags = append(bad.diags, problem)
		}
		paths = append(paths, files...)
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	changed := false
	var failures []error
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			continue
		}
		different, diags, err := a.fmtFile(path, run.ID, o, bad.files)
		changed = changed || different
		bad.diags = append(bad.diags, diags...)
		if err != nil {
			failures = append(failures, err)
		}
	}
	switch err := errors.Join(failures...); {
	case len(bad.diags) > 0 && err != nil:
		a.show(bad)
		a.notice(bad.diags)
		return err
	case len(bad.diags) > 0:
		return bad
	case err != nil:
		return err
	case changed && o.check:
		return &ended{engine.Failed}
	}
	return nil
}

// fmtFile formats one file. sources gets what its diagnostics show.
func (a *app) fmtFile(path, run string, o *fmtOptions, sources map[string]*hcl.File) (changed bool, diags hcl.Diagnostics, err error) {
	src, problem := pipeline.ReadFile(path)
	if problem != nil {
		return false, hcl.Diagnostics{problem}, nil
	}
	formatted, file, diags := pipeline.Format(path, src)
	sources[path] = file
	if diags.HasErrors() || bytes.Equal(src, formatted) {
		return false, diags, nil
	}
	if !o.check {
		if err := replace(path, run, formatted); err != nil {
			return true, nil, fmt.Errorf("%s can't be written: %w", path, err)
		}
	}
	return true, nil, a.fmtShow(path, src, formatted, o)
}

// fmtShow says that a file is different now, or would be.
func (a *app) fmtShow(path string, src, formatted []byte, o *fmtOptions) error {
	entry, text := fmtChange{File: path}, []byte(path+"\n")
	if o.diff {
		text = diff.Diff(path+".orig", src, path, formatted)
		entry.Diff = string(text)
	}
	if a.asksJSON() {
		o.found.Files = append(o.found.Files, entry)
		return nil
	}
	_, err := a.Stdout.Write(text)
	return err
}

// fmtStream formats standard input.
func (a *app) fmtStream(o *fmtOptions) error {
	const name = "<stdin>"
	src, err := io.ReadAll(a.Stdin)
	if err != nil {
		return fmt.Errorf("standard input can't be read: %w", err)
	}
	formatted, file, diags := pipeline.Format(name, src)
	if diags.HasErrors() {
		return &wrong{diags: diags, files: map[string]*hcl.File{name: file}}
	}
	changed := !bytes.Equal(src, formatted)
	switch {
	case a.asksJSON():
		o.found.Text = string(formatted)
		if changed {
			err = a.fmtShow(name, src, formatted, o)
		}
	case o.diff && changed:
		err = a.fmtShow(name, src, formatted, o)
	case o.diff, o.check:
	default:
		_, err = a.Stdout.Write(formatted)
	}
	if err == nil && changed && o.check {
		return &ended{engine.Failed}
	}
	return err
}

// replace writes a file that takes the place of one.
func replace(path, run string, text []byte) error {
	f, err := atomicfile.Create(path, run)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Finish()); err == nil {
		err = f.Publish()
	}
	return errors.Join(err, f.Discard())
}
