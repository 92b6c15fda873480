package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
)

func (a *app) validateCommand() *cobra.Command {
	in := &inputs{}
	c := &cobra.Command{
		Use:   "validate FILE|DIR",
		Short: "Check a pipeline, without running anything",
		Long: `Validate finds what is wrong with a pipeline, all at once, with file, line and
column. It reads nothing but the pipeline's own files.`,
		Example: `  dynapipe validate pipeline.hcl
  dynapipe validate pipelines/nightly --var-file production.hcl --output json`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(_ *cobra.Command, args []string) error { return a.validate(args[0], *in) },
	}
	in.add(c)
	a.addOutput(c, "diagnostics as text on standard error, or as one JSON document on standard output")
	return c
}

func (a *app) validate(path string, in inputs) error {
	run, err := newRun()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, in, run)
	if err != nil {
		return err
	}
	if a.output.value == formatJSON {
		return diag.WriteJSON(a.Stdout, p.Warnings)
	}
	a.showWarnings(p, files)
	_, err = fmt.Fprintf(a.Stdout, "%s is valid: %s\n", path, census(p))
	return err
}

// census is what a pipeline is made of: 1 source, 2 sinks.
func census(p *plan.Plan) string {
	var counts [3]int64
	for _, n := range p.Nodes {
		counts[n.Kind]++
	}
	var parts []string
	for _, k := range []plan.Kind{plan.Source, plan.Transform, plan.Sink} {
		if counts[k] > 0 {
			parts = append(parts, counted(counts[k], k.String()))
		}
	}
	return strings.Join(parts, ", ")
}
