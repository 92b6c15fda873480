package cli

import (
	"context"
	"log/slog"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dryrun"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/metrics"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// maxFirst is how many rejects a dry run shows: it keeps none in a file.
const maxFirst = 10

// dryRun does all of a run but write: no sink, no state, no dead letter.
func (a *app) dryRun(ctx context.Context, p *plan.Plan, planned *plan.View, server *metrics.Server, run *expr.Run, o *runOptions, log *slog.Logger) error {
	reports, err := openReports(o.reports, run.ID)
	if err != nil {
		return err
	}
	dry, counted := dryrun.Plan(p)
	var first []string
	s := &saving{app: a, plan: dry, metrics: server, rejected: func(what string) {
		if len(first) < maxFirst {
			first = append(first, what)
		}
	}}
	report, err := a.move(ctx, s, run, o, reports.history(), log)
	rehearsed(report, first)
	hide(report, p.Secrets)
	compare(planned, report)
	a.summarise(ctx, report, dry, err, o, log)
	for _, node := range counted {
		a.say(slog.LevelWarn, "Note: ", node+": its rows were counted, and not checked")
	}
	return a.deliver(report, reports)
}

// rehearsed is a report that calls nothing written that was not.
func rehearsed(r *engine.Report, first []string) {
	r.DryRun, r.FirstRejects = true, first
	for i := range r.Nodes {
		n := &r.Nodes[i]
		n.WouldWrite, n.Written = n.Written, 0
	}
}
