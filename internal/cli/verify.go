package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/liveview"
	"github.com/dynapipe/dynapipe/internal/verify"
)

// maxListed is how many differences may be listed: each is held in memory.
const maxListed = 10_000

// verifyOptions are the flags of verify.
type verifyOptions struct {
	inputs
	watching
	report       string
	sample       string
	differences  int
	allowExtra   bool
	readCapacity float64
	consistent   bool
}

func (a *app) verifyCommand() *cobra.Command {
	o := &verifyOptions{watching: newWatching()}
	c := &cobra.Command{
		Use:   "verify FILE|DIR",
		Short: "Compare the targets of a pipeline with what its rows should have made of them",
		Long: `Verify tells whether everything arrived, exactly. It runs the pipeline up to its
sinks, which write nothing, reads the tables and files that they write to, and holds
the two against each other, both ways: items that are missing, items that are extra,
and items that are different, with the attributes that are and the place of the row.

What is compared are the items as DynamoDB sees them: the order of sets and maps
and the spelling of numbers don't matter (1 is 1.0), all 38 digits of a number do;
an absent attribute and NULL are different. Of several rows with one key the last
counts, as in a run. A row that deletes expects no item. Rows that the pipeline
rejects are counted and expected nowhere.

Memory does not grow with the tables: keys and digests of both sides go to
temporary files, some 100 bytes for each item, in the folder that TMPDIR names.
They are removed at the end, also after Ctrl-C, which ends at once.

What an update makes of an item, or a row with a condition that may leave it unwritten,
depends on more than the rows. Such items are counted as not compared, and the report
says which sinks they are of. Rows of CSV, JSON and JSON Lines files are compared as they
can be read back, in any order; they have no key, so that one that changed is missing
once and extra once. Attributes that are made by uuid(), ulid() or timestamp()
are different in every run and left out, as the report says; with --report, the report
of the run that wrote the targets, they are compared too.

Exit codes: 0 everything is as it should be; 1 something is not, or verify failed;
2 the pipeline or the command line is wrong, or nothing in it can be verified; 3 as
0, with rejected rows within max_rejects; 4 interrupted.`,
		Example: `  dynapipe verify pipeline.hcl
  dynapipe verify pipeline.hcl --sample 5% --read-capacity 500
  dynapipe verify pipelines/nightly --allow-extra --max-differences 1000 --output json`,
		Args:              onePipeline,
		ValidArgsFunction: completePipelines,
		RunE:              func(c *cobra.Command, args []string) error { return a.verify(c.Context(), args[0], o) },
	}
	o.inputs.add(c)
	o.watching.add(a, c)
	a.addOutput(c, "what was found as text, or as one JSON document")
	f := c.Flags()
	f.StringVar(&o.report, "report", "", "the report `file` of the run that wrote the targets (run --report): with it uuid(), ulid() and timestamp() give what they gave then")
	f.StringVar(&o.sample, "sample", "", "compare a `share` of the keys, as 5%, or so many of them, as 10000; chosen by their hash, the same on both sides and every time")
	f.IntVar(&o.differences, "max-differences", 20, "how many differences to list, up to 10000; all are counted")
	f.BoolVar(&o.allowExtra, "allow-extra", false, "items that no row put are counted, but no difference: for a table with items of others")
	f.Float64Var(&o.readCapacity, "read-capacity", 0, "read capacity `units` that reading the targets may take in any second (default no budget)")
	f.BoolVar(&o.consistent, "consistent-read", true, "read the targets strongly consistent; =false takes half the capacity, and may not see what was just written")
	return c
}

func (a *app) verify(ctx context.Context, path string, o *verifyOptions) error {
	sample, err := o.check()
	if err != nil {
		return err
	}
	run, err := o.run()
	if err != nil {
		return err
	}
	p, files, err := a.load(path, o.inputs, run)
	if err != nil {
		return err
	}
	if diags := verify.Check(p); diags.HasErrors() {
		return &wrong{diags: diags, files: files}
	}
	log := a.logger(&o.watching, p.Secrets)
	a.warn(p, files, &o.watching, log)
	var varying *verify.Varying
	if o.report == "" {
		varying = verify.Vary(p, files)
		for _, why := range varying.Why {
			a.say(slog.LevelWarn, "Warning: ", why)
		}
	}
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	report, _ := verify.Run(ctx, verify.Options{
		Plan: p, Run: run, Catalog: a.catalog, Varying: varying, Sample: sample, MaxDifferences: o.differences, AllowExtra: o.allowExtra,
		ReadCapacity: o.readCapacity, Consistent: o.consistent, Requests: requests(log), Watch: a.watchSteps(o, log),
	})
	report.Sample = o.sample
	hideDifferences(report, p.Secrets)
	return a.showVerified(report)
}

// run is that of the report, or a new one.
func (o *verifyOptions) run() (*expr.Run, error) {
	if o.report == "" {
		return newRun()
	}
	text, err := os.ReadFile(o.report)
	if err != nil {
		return nil, refuse("Report can't be read", "--report: %v.", err)
	}
	var r engine.Report
	if err := json.Unmarshal(text, &r); err != nil || r.Run == "" || r.RunStart.IsZero() {
		return nil, refuse("Not a report", "--report %s: it is not what `dynapipe run --report` or --output json writes.", o.report)
	}
	return &expr.Run{ID: r.Run, Start: r.RunStart}, nil
}

// check finds what is wrong with the flags.
func (o *verifyOptions) check() (verify.Sample, error) {
	sample, err := verify.ParseSample(o.sample)
	switch {
	case err != nil:
		return sample, refuse("Wrong value of a flag", "--sample %q: %v.", o.sample, err)
	case o.differences < 0 || o.differences > maxListed:
		return sample, refuse("Wrong value of a flag", "--max-differences takes how many to list, from 0 to %d.", maxListed)
	case o.readCapacity != 0 && !(o.readCapacity >= 1):
		return sample, refuse("Wrong value of a flag", "--read-capacity takes units per second, at least 1.")
	}
	return sample, nil
}

// watchSteps shows the progress of each step, as run does of a run.
func (a *app) watchSteps(o *verifyOptions, log *slog.Logger) func(*engine.Engine, string) func() {
	return func(e *engine.Engine, step string) func() {
		name := e.Report().Pipeline
		w := &watch{app: a, engine: e, log: log, show: o.progress(), view: liveview.New(name+", "+step, "taken in")}
		w.begin()
		return sync.OnceFunc(w.end)
	}
}

// hideDifferences masks the secrets in what a report quotes (promise 8).
func hideDifferences(r *verify.Report, secrets *diag.Secrets) {
	r.Error, r.FirstReject = secrets.Mask(r.Error), secrets.Mask(r.FirstReject)
	for i := range r.Warnings {
		r.Warnings[i] = secrets.Mask(r.Warnings[i])
	}
	mask := func(text *json.RawMessage) {
		if hidden := secrets.Mask(string(*text)); hidden != string(*text) {
			*text = json.RawMessage(hidden)
			if !json.Valid(*text) {
				*text, _ = json.Marshal(diag.Masked)
			}
		}
	}
	for i := range r.Differences {
		d := &r.Differences[i]
		d.Note = secrets.Mask(d.Note)
		mask(&d.Key)
		for j := range d.Attributes {
			mask(&d.Attributes[j].Expected)
			mask(&d.Attributes[j].Actual)
		}
	}
}

// showVerified shows what was found, and ends as that says.
func (a *app) showVerified(r *verify.Report) error {
	a.answer(r)
	if !a.asksJSON() && len(r.Targets) > 0 && r.Status != verify.Interrupted {
		var out bytes.Buffer
		writeVerified(&out, r)
		if _, err := a.Stdout.Write(out.Bytes()); err != nil {
			return err
		}
	}
	switch r.Status {
	case verify.Equal:
		return nil
	case verify.EqualWithRejects:
		return &ended{engine.DoneWithRejects}
	case verify.Interrupted:
		if a.asksJSON() {
			return &ended{engine.Interrupted}
		}
		return errInterrupted
	}
	if r.Error != "" && !a.asksJSON() {
		a.say(slog.LevelError, "Error: ", r.Error)
	}
	return &ended{engine.Failed}
}
