package cli

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/plan"
)

func (a *app) graphCommand() *cobra.Command {
	in := &inputs{}
	format := choice{value: formatText, words: []string{formatText, "dot", "mermaid"}}
	c := &cobra.Command{
		Use:   "graph FILE|DIR",
		Short: "Draw who reads whom in a pipeline",
		Long: `Graph shows the nodes of a pipeline and the way of the rows through them: as trees
in text, for Graphviz (dot), for Markdown (mermaid), or for programs (--output json).
The output of a route stands on its edge. Graph reads nothing but the pipeline's own
files, and checks them as validate does.`,
		Example: `  dynapipe graph pipeline.hcl
  dynapipe graph pipeline.hcl --format dot | dot -Tsvg > pipeline.svg
  dynapipe graph pipeline.hcl --format mermaid
  dynapipe graph pipelines/nightly --output json`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(_ *cobra.Command, args []string) error { return a.graph(args[0], *in, format.value) },
	}
	in.add(c)
	a.addOutput(c, "the graph in the format that --format says, or as one JSON document")
	c.Flags().Var(&format, "format", "how the graph is drawn")
	a.complete(c, "format", format.words...)
	return c
}

func (a *app) graph(path string, in inputs, format string) error {
	if a.output.value == formatJSON && format != formatText {
		return refuse("Two formats", "--format %s and --output json are two ways to write the graph: leave one of them out.", format)
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, in, run)
	if err != nil {
		return err
	}
	g := plan.NewGraph(p)
	if a.asksJSON() {
		a.notice(p.Warnings)
		a.answer(g)
		return nil
	}
	a.showWarnings(p, files)
	write := map[string]func(io.Writer) error{formatText: g.WriteText, "dot": g.WriteDOT, "mermaid": g.WriteMermaid}[format]
	var out bytes.Buffer
	if err := write(&out); err != nil {
		return err
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}
