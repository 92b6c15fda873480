package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/plan"
)

func (a *app) iamCommand() *cobra.Command {
	in := &inputs{}
	c := &cobra.Command{
		Use:   "iam FILE|DIR",
		Short: "Write the least IAM policy that a pipeline needs",
		Long: `Iam writes an IAM policy document that allows what the pipeline does, on the
tables and indexes that it uses, and nothing else. It asks DynamoDB for the
descriptions of the tables to learn their ARNs; where it gets no answer, region
and account are *. What can't be known before the run, such as a table that rows
name, is said on standard error and is not in the policy.`,
		Example: `  dynapipe iam pipeline.hcl --var table=users > policy.json
  dynapipe iam pipelines/nightly --output json`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(c *cobra.Command, args []string) error { return a.iam(c.Context(), args[0], *in) },
	}
	in.add(c)
	a.addOutput(c, "the policy alone, or one JSON document with the policy and what it could not know")
	return c
}

// iamDocument is what --output json writes.
type iamDocument struct {
	Pipeline string      `json:"pipeline" doc:"The pipeline's name."`
	Policy   plan.Policy `json:"policy" doc:"The least policy that lets it run."`
	Unknown  []string    `json:"unknown" doc:"What could not be known, and is in no statement or has a * in it."`
}

func (a *app) iam(ctx context.Context, path string, in inputs) error {
	run, err := newRun()
	if err != nil {
		return err
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	p, files, view, err := a.view(ctx, path, in, run)
	if err != nil {
		return err
	}
	a.notice(p.Warnings)
	if !a.asksJSON() {
		a.showWarnings(p, files)
	}
	policy, unknown := view.Policy()
	if a.asksJSON() {
		a.answer(iamDocument{Pipeline: view.Pipeline, Policy: policy, Unknown: append([]string{}, unknown...)})
		return nil
	}
	for _, note := range unknown {
		if _, err := fmt.Fprintf(a.console, "Not known: %s\n", note); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := writeJSON(&out, policy); err != nil {
		return err
	}
	_, err = a.Stdout.Write(out.Bytes())
	return err
}
