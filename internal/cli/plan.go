package cli

import (
	"bytes"
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/estimate"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// planOptions are the flags of plan.
type planOptions struct {
	inputs
	sample   int64 // rows; 0 for none
	asked    bool  // the number of rows was
	detailed bool
}

func (a *app) planCommand() *cobra.Command {
	o := &planOptions{}
	c := &cobra.Command{
		Use:   "plan FILE|DIR",
		Short: "Show what a pipeline would do, without running it",
		Long: `Plan shows the nodes of a pipeline in the order that rows pass them, with their
arguments, the files and tables they use, the keys of those tables, the API
calls they make and what they guarantee.

It also looks at a sample of the rows and reckons with it what a run would do:
for each node the first five rows before it (those after the nodes that it reads)
and after it, the attributes and their types, rows that come, leave and are
rejected; for what reads or writes tables the requests, the read and write units,
and the time at the budget. Transforms and checks are those of a run, and sinks
make their requests and send none. Write units are those of new items, and of their
indexes. What all of the rows show is exact; of what a part of them shows it says
"about", and what no sample can tell it calls not known.

Nothing is written or created. Of a file the first rows are read, of a table a few
pages, about 16 units of read capacity; standard input and named pipes are left
alone, since they give what they have only once. Where a transform asks a service,
it is asked about 100 rows. Of tables that rows are put to it reads the description,
the time to live and up to five of the items that would be replaced
(dynamodb:DescribeTimeToLive, dynamodb:BatchGetItem): what it may not read is a note.
With --sample 0 it reads no row, and asks for the descriptions of tables only.

Exit code: 0, when the plan was made. With --detailed-exitcode it says what a run
would come to, as far as the sample shows: 0 it would write nothing; 1 it would fail,
by rejects beyond max_rejects or a source, table or file that can't be used; 3 it would
write, and reject rows within max_rejects; 5 it would write.`,
		Example: `  dynapipe plan pipeline.hcl --var table=users
  dynapipe plan pipelines/nightly --output json > plan.json
  dynapipe plan pipeline.hcl --sample 0`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE: func(c *cobra.Command, args []string) error {
			o.asked = c.Flags().Changed("sample")
			return a.plan(c.Context(), args[0], o)
		},
	}
	o.add(c)
	f := c.Flags()
	f.Int64Var(&o.sample, "sample", estimate.DefaultRows, "look at about so many `rows` of each source, if it has them; 0 for none, and to be offline but for descriptions of tables")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "say by the exit code what a run would come to: 0 nothing to write, 1 failed, 3 written with rejects, 5 written")
	a.addOutput(c, "the plan as text, or as one JSON document")
	return c
}

// view loads a pipeline and has its nodes say what they know.
func (a *app) view(ctx context.Context, path string, in inputs, run *expr.Run) (p *plan.Plan, files map[string]*hcl.File, view plan.View, err error) {
	p, files, err = a.load(path, in, run)
	if err != nil {
		return nil, nil, view, err
	}
	view = plan.NewView(ctx, p)
	if ctx.Err() != nil {
		return nil, nil, view, errInterrupted
	}
	view.Made = run.Start // timestamp() says so
	maskView(&view, p.Secrets)
	return p, files, view, nil
}

func (a *app) plan(ctx context.Context, path string, o *planOptions) error {
	switch {
	case o.sample < 0:
		return refuse("Wrong value of a flag", "--sample takes how many rows to look at, or 0 for none.")
	case o.sample == 0 && o.detailed:
		return refuse("Wrong command line", "--detailed-exitcode says what a run would come to, which --sample 0 does not look at. Use one of them.")
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	p, files, view, err := a.view(ctx, path, o.inputs, run)
	if err != nil {
		return err
	}
	if o.sample > 0 {
		rows := o.sample
		if !o.asked {
			rows = 0 // the default of its kind
		}
		p.Warnings = append(p.Warnings, estimate.Fill(ctx, p, &view, estimate.Options{Run: run, Rows: rows})...)
		view.Warnings = diag.NewDocument(p.Warnings).Diagnostics
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	a.notice(p.Warnings)
	if err := a.writePlan(p, files, view); err != nil || !o.detailed {
		return err
	}
	return outcome(view)
}

// writePlan shows the plan, and its warnings unless JSON is asked for, which has
// them.
func (a *app) writePlan(p *plan.Plan, files map[string]*hcl.File, view plan.View) error {
	if a.asksJSON() {
		a.answer(view)
		return nil
	}
	a.showWarnings(p, files)
	var out bytes.Buffer
	if err := view.WriteText(&out, a.outputWidth()); err != nil {
		return err
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

// coming is how plan --detailed-exitcode ends when a run would do something.
type coming struct{ code int }

func (coming) Error() string { return "a run would do something" }

// outcome is what a run would come to, by what a sample has shown.
func outcome(v plan.View) error {
	code, rejects := diag.ExitDone, false
	for _, n := range v.Nodes {
		e := n.Estimate
		switch {
		case e == nil:
		case e.Fails != "":
			return coming{diag.ExitFailed}
		case e.Rejected.Value > 0, n.Sample != nil && n.Sample.Rejected > 0:
			rejects = true
		}
		if n.Kind == plan.Sink.String() && e != nil && (!e.Out.Known() || e.Out.Value > 0) {
			code = diag.ExitChanges
		}
	}
	switch {
	case v.Sampling != nil && v.Sampling.Fails != "":
		code = diag.ExitFailed
	case rejects:
		code = diag.ExitRejects
	}
	if code == diag.ExitDone {
		return nil
	}
	return coming{code}
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
