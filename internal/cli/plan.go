package cli

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
)

func (a *app) planCommand() *cobra.Command {
	in := &inputs{}
	c := &cobra.Command{
		Use:   "plan FILE|DIR",
		Short: "Show what a pipeline would do, without running it",
		Long: `Plan shows the nodes of a pipeline in the order that rows pass them, with their
arguments, the files and tables they use, the keys of those tables, and the API
calls they make. It asks DynamoDB for the descriptions of tables, reads no row
and changes nothing.`,
		Example: `  dynapipe plan pipeline.hcl --var table=users
  dynapipe plan pipelines/nightly --output json`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(c *cobra.Command, args []string) error { return a.plan(c.Context(), args[0], *in) },
	}
	in.add(c)
	a.addOutput(c, "the plan as text, or as one JSON document")
	return c
}

// view loads a pipeline and has its nodes say what they know. Warnings are shown
// unless JSON is asked for.
func (a *app) view(ctx context.Context, path string, in inputs) (view plan.View, err error) {
	run, err := newRun()
	if err != nil {
		return view, err
	}
	p, files, err := a.load(path, in, run)
	if err != nil {
		return view, err
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	view = plan.NewView(ctx, p)
	if ctx.Err() != nil {
		return view, errInterrupted
	}
	maskView(&view, p.Secrets)
	a.notice(p.Warnings)
	if !a.asksJSON() {
		a.showWarnings(p, files)
	}
	return view, nil
}

func (a *app) plan(ctx context.Context, path string, in inputs) error {
	view, err := a.view(ctx, path, in)
	if err != nil {
		return err
	}
	if a.asksJSON() {
		a.answer(view)
		return nil
	}
	var out bytes.Buffer
	if err := view.WriteText(&out); err != nil {
		return err
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}

// maskView masks secrets in what nodes say of themselves, which may quote the
// answer of a service (promise 8).
func maskView(v *plan.View, secrets *diag.Secrets) {
	mask := func(texts ...*string) {
		for _, t := range texts {
			*t = secrets.Mask(*t)
		}
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		mask(&n.Unknown, &n.Facts.Order, &n.Facts.Guarantee)
		for _, list := range [][]string{n.Facts.Calls, n.Facts.Files, n.Facts.Notes} {
			for j := range list {
				mask(&list[j])
			}
		}
		for j := range n.Facts.Tables {
			t := &n.Facts.Tables[j]
			mask(&t.Name, &t.Note, &t.ARN)
		}
	}
}
