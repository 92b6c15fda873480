package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/htmlreport"
	"github.com/dynapipe/dynapipe/internal/liveview"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/pipeline"
)

// inputs are the flags that a pipeline gets its values by.
type inputs struct {
	vars, files []string
}

func (in *inputs) add(c *cobra.Command) {
	// Arrays, not slices: a comma belongs to the value.
	c.Flags().StringArrayVar(&in.vars, "var", nil, "set a variable: `name=value`; may be repeated")
	c.Flags().StringArrayVar(&in.files, "var-file", nil, "set variables from a `file` of name = value lines; may be repeated")
}

// read is the files that a pipeline and its values were read from.
func (in *inputs) read(pipeline map[string]*hcl.File) []string {
	return append(slices.Sorted(maps.Keys(pipeline)), in.files...)
}

// load reads and checks a pipeline. Warnings are for the caller to show.
func (a *app) load(path string, in inputs, run *expr.Run) (*plan.Plan, map[string]*hcl.File, error) {
	p, files, diags := pipeline.Load(path, a.catalog, pipeline.Options{
		Vars: in.vars, VarFiles: in.files, Environ: a.Environ, Run: run,
	})
	if diags.HasErrors() {
		return nil, nil, &wrong{diags: diags, files: files}
	}
	a.secrets = p.Secrets
	return p, files, nil
}

// newRun is the identity of a run, or of a plan of one.
func newRun() (*expr.Run, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make the run's id: %w", err)
	}
	return &expr.Run{ID: id.String(), Start: time.Now().UTC()}, nil
}

// runOptions are the flags of run.
type runOptions struct {
	inputs
	watching
	reports     []string
	resume      choice
	state       string
	maxDuration time.Duration
	dryRun      bool
	metrics     string
	plan        string
}

func newRunOptions() *runOptions {
	return &runOptions{watching: newWatching(), resume: choice{value: resumeNo, words: []string{resumeYes, resumeForce, resumeNo}}}
}

// add adds the flags of every command that runs a pipeline; what names it in
// their help.
func (o *runOptions) add(a *app, c *cobra.Command, what string) {
	o.inputs.add(c)
	o.watching.add(a, c)
	a.addOutput(c, "what standard output gets: nothing of ours, or the report as one JSON document")
	f := c.Flags()
	f.Lookup("log-format").Usage += "; with json, the summary is a record too"
	f.StringArrayVar(&o.reports, "report", nil,
		"write the report to this `file` when the "+what+" ends, however it ends: as a page for people when its name ends in .html, else as JSON; may be repeated")
	f.DurationVar(&o.maxDuration, "max-duration", 0, "stop, as the first signal does, when the "+what+" takes longer: 90s, 15m, 2h")
}

func (a *app) runCommand() *cobra.Command {
	o := newRunOptions()
	c := &cobra.Command{
		Use:   "run FILE|DIR",
		Short: "Run a pipeline",
		Long: `Run checks a pipeline, moves its rows, and accounts for each of them.

The summary, progress and logs go to standard error, so that a file sink with
the path "-" has standard output for its rows.

The first SIGINT or SIGTERM stops reading, finishes what is under way, saves
how far the run has got and reports; the second ends at once. A file of a run
that did not end well does not appear, or stays as it was.

How far a run has got is saved while it goes on, in .dynapipe (see the state
block, and --state). After a run that was interrupted, failed or was killed,
--resume goes on from there. Without it a run starts from the beginning, and
the state is set aside. --resume=force goes on with a pipeline that has changed.

With --dry-run nothing is written and nothing created. Rows are read, transformed and
checked as in a run, up to where a sink would send them: keys, sizes and types for
tables, as they are or would be created, formats and paths for files. Rows that would
be written are counted, the first that would be rejected are shown. What only
DynamoDB can say is left out: conditions, limits of throughput, max_deletes. Reading
costs what it costs.

With --plan the summary and the report of a run that came to its end say how far the
plan was off: rows of each node, bytes read, requests, read and write units, time. A
plan of another pipeline, or made with other values of variables, is refused. Of a
resumed or a dry run rows alone are compared.

Exit codes: 0 done; 1 the run failed; 2 the pipeline or the command line is
wrong, nothing ran; 3 done, with rejected rows within max_rejects; 4 interrupted,
state saved.`,
		Example: `  dynapipe run pipeline.hcl
  dynapipe run pipeline.hcl --var table=users --var-file production.hcl
  dynapipe run pipeline.hcl --dry-run
  dynapipe run pipeline.hcl --resume
  dynapipe run pipeline.hcl --plan plan.json --report report.json
  dynapipe run pipelines/nightly --output json --report nightly.json --report nightly.html --max-duration 2h`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(c *cobra.Command, args []string) error { return a.run(c.Context(), args[0], o) },
	}
	o.add(a, c, "run")
	f := c.Flags()
	f.Var(&o.resume, "resume", "go on from where an earlier run of the pipeline ended; with =force also when the pipeline has changed")
	f.Lookup("resume").NoOptDefVal = resumeYes
	f.StringVar(&o.state, "state", "", "keep the state in this `folder`, whatever the pipeline says")
	f.BoolVar(&o.dryRun, "dry-run", false, "read, transform and check all rows, and write none: no sink, no table, no state, no dead letter")
	f.StringVar(&o.plan, "plan", "", "say in summary and report how far the plan in this `file` was off, which plan --output json has written")
	f.StringVar(&o.metrics, "metrics", "", "serve metrics for Prometheus at this `address` while the run goes on, as :9090, below /metrics")
	return c
}

func (a *app) run(ctx context.Context, path string, o *runOptions) error {
	run, err := newRun()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, o.inputs, run)
	if err != nil {
		return err
	}
	read := o.read(files)
	if o.plan != "" {
		read = append(read, o.plan)
	}
	if problems := a.conflicts(p, o, read); problems.HasErrors() {
		return &wrong{diags: problems, files: files}
	}
	planned, err := loadPlan(o.plan, p, func(at time.Time) (*plan.Plan, error) {
		p, _, err := a.load(path, o.inputs, &expr.Run{ID: run.ID, Start: at})
		return p, err
	})
	if err != nil {
		return err
	}
	log := a.logger(&o.watching, p.Secrets)
	server, err := a.listenMetrics(o, log)
	if err != nil {
		return err
	}
	if server != nil {
		defer func() { _ = server.Close() }() // it has answered what it could
	}
	if o.dryRun {
		a.warn(p, files, &o.watching, log)
		return a.dryRun(ctx, p, planned, server, run, o, log)
	}
	s, err := a.openState(p, o)
	if err != nil {
		return err
	}
	s.metrics = server
	reports, err := a.prepare(path, o, s, run)
	if err != nil {
		return errors.Join(err, s.end(engine.Failed))
	}
	p = s.plan
	a.warn(p, files, &o.watching, log)

	report, err := a.move(ctx, s, run, o, reports.history(), log)
	hide(report, p.Secrets)
	compare(planned, report)
	a.summarise(ctx, report, p, err, o, log)
	if log.Enabled(ctx, slog.LevelDebug) {
		logStack(log, err)
	}
	if err := s.end(report.Status); err != nil {
		s.note(err.Error())
	}
	return a.deliver(report, reports)
}

// prepare takes up the state of an earlier run or sets it aside, and opens the
// reports. A run that goes on has the identity of the earlier one.
func (a *app) prepare(path string, o *runOptions, s *saving, run *expr.Run) (reports, error) {
	if o.resume.value != resumeNo {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	if s.from != nil {
		if err := a.takeUp(path, o, s, run); err != nil {
			return nil, err
		}
	}
	reports, err := openReports(o.reports, run.ID)
	if err != nil {
		return nil, err
	}
	if err := s.begin(run.ID); err != nil {
		return nil, errors.Join(err, reports.discard())
	}
	return reports, nil
}

// conflicts finds what is wrong with pipeline and flags together. read are the
// files that the command reads and the pipeline does not name.
func (a *app) conflicts(p *plan.Plan, o *runOptions, read []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if o.maxDuration < 0 {
		diags = append(diags, diag.Plain("Wrong value of a flag", "--max-duration takes a time above zero, such as 90s, 15m or 2h."))
	}
	if o.dryRun && o.resume.value != resumeNo {
		diags = append(diags, diag.Plain("Wrong command line", "--dry-run says what a run from the beginning would do, and --resume goes on with another one. Use one of them."))
	}
	diags = append(diags, conflictsOfReports(p, o.reports, read)...)
	for _, n := range p.Nodes {
		if o.resume.value != resumeNo && n.Reads(plan.StandardStream) {
			diags = append(diags, diag.Error(n.Range, "Standard input can't be resumed",
				"%s reads standard input, which is gone when a run has ended: --resume has nothing to go on from. Put the input into a file.", n.Address))
		}
		if a.asksJSON() && writesToOutput(n) {
			diags = append(diags, diag.Error(n.Range, "Standard output used twice",
				"%s writes its rows to standard output, and --output json the report. Use --report FILE for the report, or another path.", n.Address))
		}
	}
	return diags
}

// writesToOutput is whether a node writes rows to standard output.
func writesToOutput(n *plan.Node) bool {
	sink, ok := n.Sink.(plan.FileWriter)
	return ok && slices.Contains(sink.WritesFiles(), plan.StandardStream)
}

// showsRows is whether rows appear on a terminal, where nothing can be drawn anew
// between them.
func (a *app) showsRows(p *plan.Plan) bool {
	_, terminal := descriptor(a.Stdout)
	return terminal && slices.ContainsFunc(p.Nodes, writesToOutput)
}

// warn shows what the front end noticed and let pass.
func (a *app) warn(p *plan.Plan, files map[string]*hcl.File, o *watching, log *slog.Logger) {
	a.notice(p.Warnings)
	if !o.records() {
		a.showWarnings(p, files)
		return
	}
	logDiagnostics(log, p.Warnings)
}

// showWarnings shows them as text, which can do no more when that fails.
func (a *app) showWarnings(p *plan.Plan, files map[string]*hcl.File) {
	if len(p.Warnings) > 0 {
		_ = a.text().Write(a.console, p.Warnings, files)
		fmt.Fprintln(a.console)
	}
}

// move runs the plan and watches it.
func (a *app) move(ctx context.Context, s *saving, run *expr.Run, o *runOptions, history *htmlreport.Recorder, log *slog.Logger) (*engine.Report, error) {
	p := s.plan
	ctx, asked := a.listen(ctx, o.maxDuration)
	defer asked.finish()
	e := engine.New(p, engine.Options{Run: run, Stop: asked.stop, Requests: both(requests(log), history), Checkpoints: s.options(), Rejected: s.rejected})
	log.Info("run begins", "pipeline", p.Name, "run", run.ID, "version", a.Version)
	w := &watch{app: a, engine: e, log: log, show: o.progress(), view: liveview.New(p.Name, "written"), plain: a.showsRows(p)}
	if o.dryRun {
		w.view = liveview.New(p.Name+", dry run", "checked")
	}
	w.begin()
	defer w.end()
	a.serveMetrics(s, e, o)
	defer observe(e, history)()
	return e.Run(ctx)
}

// logStack shows where a defect of dynapipe is.
func logStack(log *slog.Logger, err error) {
	var defect *engine.Defect
	if errors.As(err, &defect) {
		log.Debug("defect", "node", defect.Node, "stack", string(defect.Stack))
	}
}

// completePipelines completes .hcl files and folders.
func completePipelines(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
}
