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
	var keys []string
	c := &cobra.Command{
		Use:   "validate FILE|DIR",
		Short: "Check a pipeline, without running anything",
		Long: `Validate finds what is wrong with a pipeline, all at once, with file, line and
column: names, arguments and their limits, references, cycles, types of expressions
as far as they are known beforehand. It reads nothing but the pipeline's own files,
and asks no service: what a table's key is it can be told, and then checks that rows
can have it.`,
		Example: `  dynapipe validate pipeline.hcl
  dynapipe validate pipelines/nightly --var-file production.hcl --output json
  dynapipe validate pipeline.hcl --key orders=customer:S,id:N`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(_ *cobra.Command, args []string) error { return a.validate(args[0], *in, keys) },
	}
	in.add(c)
	c.Flags().StringArrayVar(&keys, "key", nil, "the key of a table, as `TABLE=pk:S[,sk:N]` with the types S, N and B; may be repeated")
	a.addOutput(c, "diagnostics as text on standard error, or as one JSON document on standard output")
	return c
}

func (a *app) validate(path string, in inputs, told []string) error {
	keys, err := parseKeys(told)
	if err != nil {
		return err
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, in, run)
	if err != nil {
		return err
	}
	p.Warnings = diag.Sort(append(p.Warnings, keys.check(p)...))
	if p.Warnings.HasErrors() {
		return &wrong{diags: p.Warnings, files: files}
	}
	if a.asksJSON() {
		a.notice(p.Warnings)
		a.answer(validity{Valid: true, Warnings: len(p.Warnings)})
		return nil
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
