package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/replay"
)

// replayOptions are the flags of replay: those of run that make sense here.
type replayOptions struct {
	*runOptions
	deadLetter string
	node       string
}

func (a *app) replayCommand() *cobra.Command {
	o := &replayOptions{runOptions: newRunOptions()}
	c := &cobra.Command{
		Use:   "replay FILE|DIR",
		Short: "Send the rows of a dead letter in again",
		Long: `Replay sends each row of a pipeline's dead letter in again at the node that
refused it, and from there on through the pipeline: a row that a sink refused goes
to that sink alone.

What succeeds leaves the dead letter. What is rejected again stays, with its new
reason, and so does what was never a row, as a line that could not be read. The
file is changed when every row has ended; a replay that fails or is interrupted
leaves it as it was, so that rows may be sent in twice and none is lost.

Rows are not replayed to a file sink, whose file they would replace, nor to a
transform that remembers rows (aggregate, dedupe, limit): mend what rejected them,
and run the pipeline again.

Exit codes: 0 done, nothing is left in the dead letter; 1 failed; 2 the pipeline
or the command line is wrong; 3 done, and some rows stay; 4 interrupted.`,
		Example: `  dynapipe replay pipeline.hcl
  dynapipe replay pipeline.hcl --dead-letter users.rejects.jsonl.20260102T030405Z --node sink.batch_write.users`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(c *cobra.Command, args []string) error { return a.replay(c.Context(), args[0], o) },
	}
	o.add(a, c, "replay")
	f := c.Flags()
	f.StringVar(&o.deadLetter, "dead-letter", "", "the `file` with the rows; the pipeline's own unless set")
	f.StringVar(&o.node, "node", "", "send in only what this node refused, as `sink.batch_write.users`")
	return c
}

func (a *app) replay(ctx context.Context, path string, o *replayOptions) error {
	run, err := newRun()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, o.inputs, run)
	if err != nil {
		return err
	}
	if o.deadLetter == "" {
		o.deadLetter = p.Settings.DeadLetter
	}
	if problems := a.conflicts(p, o.runOptions, append(o.read(files), o.deadLetter)); problems.HasErrors() {
		return &wrong{diags: problems, files: files}
	}
	log := a.logger(&o.watching, p.Secrets)
	state, err := a.openState(p, o.runOptions)
	if err != nil {
		return err
	}
	err = a.replayAlone(ctx, state, run, o, log)
	if closed := state.end(engine.Failed); err == nil { // the state, if there is one, is a run's
		err = closed
	}
	return err
}

// replayAlone replays while no run of the pipeline can write to its dead letter.
func (a *app) replayAlone(ctx context.Context, state *saving, run *expr.Run, o *replayOptions, log *slog.Logger) error {
	p := state.plan
	if o.deadLetter == p.Settings.DeadLetter && state.unfinished() {
		return fmt.Errorf("a run of this pipeline is not finished, and goes on from what is in %s: finish it by `dynapipe run` with --resume, "+
			"or start anew without; then replay", o.deadLetter)
	}
	again, err := replay.Open(p, o.deadLetter, o.node)
	if err == nil {
		err = again.Begin()
	}
	if err != nil {
		return err
	}
	reports, err := openReports(o.reports, run.ID)
	if err != nil {
		return err
	}
	s := &saving{app: a, plan: again.Plan()} // nothing is saved: the dead letter is what there is to go on from
	report, err := a.move(ctx, s, run, o.runOptions, reports.history(), log)
	hide(report, p.Secrets)
	settled := report.Status == engine.Done || report.Status == engine.DoneWithRejects
	if settled {
		if err := again.Settle(run.ID, o.node); err != nil {
			return fmt.Errorf("the rows have been sent in, but %s could not be written anew: %w", o.deadLetter, err)
		}
		report.Status = engine.Done
		if report.Rejects > 0 || len(again.Stay) > 0 {
			report.Status, report.DeadLetter = engine.DoneWithRejects, o.deadLetter
		}
	}
	a.summarise(ctx, report, s.plan, err, o.runOptions, log)
	for _, why := range slices.Sorted(maps.Keys(again.Stay)) {
		s.note(fmt.Sprintf("%s in %s: %s", rowsStay(again.Stay[why]), o.deadLetter, why))
	}
	if !settled {
		s.note(o.deadLetter + " is as it was")
		if err := again.Begin(); err != nil {
			s.note(err.Error())
		}
	}
	return a.deliver(report, reports)
}

func rowsStay(n int64) string {
	if n == 1 {
		return "1 row stays"
	}
	return rows(n) + " stay"
}
