package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/htmlreport"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// look is how often a run is looked at for its page. The recorder keeps as
// many of the samples as a chart can show.
const look = 250 * time.Millisecond

// reports are the files of --report.
type reports []*reportFile

type reportFile struct {
	*atomicfile.File
	page *htmlreport.Recorder // of a page; nil for JSON
}

// openReports makes sure, before anything runs, that all reports can be written
// in their places.
func openReports(paths []string, run string) (reports, error) {
	var all reports
	for _, path := range paths {
		f, err := openReport(path, run)
		if err != nil {
			return nil, errors.Join(err, all.discard())
		}
		r := &reportFile{File: f}
		if isPage(path) {
			r.page = all.history()
			if r.page == nil {
				r.page = htmlreport.NewRecorder()
			}
		}
		all = append(all, r)
	}
	return all, nil
}

func isPage(path string) bool { return strings.EqualFold(filepath.Ext(path), ".html") }

// history is what records the run for its pages; nil when there are none.
func (all reports) history() *htmlreport.Recorder {
	for _, r := range all {
		if r.page != nil {
			return r.page
		}
	}
	return nil
}

func (all reports) discard() error {
	var err error
	for _, r := range all {
		err = errors.Join(err, r.Discard())
	}
	return err
}

// writeReports puts all reports in their places.
func (a *app) writeReports(all reports, r *engine.Report) error {
	var err error
	for _, file := range all {
		content := func(w io.Writer) error { return a.reportJSON(w, exitCode(r.Status), r) }
		if file.page != nil {
			file.page.Add(r)
			content = func(w io.Writer) error { return htmlreport.Write(w, r, file.page) }
		}
		err = errors.Join(err, publish(file.File, content))
	}
	return err
}

// observe looks at a run while it goes on, until what it returns is called.
func observe(e *engine.Engine, history *htmlreport.Recorder) (end func()) {
	if history == nil {
		return func() {}
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(look)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				history.Add(e.Report())
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

// both tells the log and the page of each request; nil when neither wants to
// know.
func both(log func(progress.Request), history *htmlreport.Recorder) func(progress.Request) {
	switch {
	case history == nil:
		return log
	case log == nil:
		return history.Requested
	}
	return func(r progress.Request) {
		log(r)
		history.Requested(r)
	}
}

// conflictsOfReports finds what --report must not write over: what the pipeline
// reads and writes, and the files that the command line names or finds.
func conflictsOfReports(p *plan.Plan, paths, read []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{filepath.Clean(p.Settings.DeadLetter): true}
	for _, path := range paths {
		clean := filepath.Clean(path)
		switch {
		case path == "":
			diags = append(diags, diag.Plain("Not a file", "--report takes the path of a file, and there is none."))
			continue
		case path == plan.StandardStream:
			diags = append(diags, diag.Plain("Not a file", "--report takes the path of a file. For the report on standard output use --output json."))
		case clean == filepath.Clean(p.Settings.DeadLetter):
			diags = append(diags, diag.Plain("File written twice", "--report and dead_letter would both write %s.", path))
		case seen[clean]:
			diags = append(diags, diag.Plain("File written twice", "--report is given twice with %s.", path))
		case sameAsAny(path, read):
			diags = append(diags, diag.Plain("Source overwritten", "This command reads %s, and --report would write over it.", path))
		}
		seen[clean] = true
		for _, n := range p.Nodes {
			if n.Reads(path) {
				diags = append(diags, diag.Error(n.Range, "Source overwritten", "%s reads %s, and --report would write over it.", n.Address, path))
			}
			if sink, ok := n.Sink.(plan.FileWriter); ok {
				for _, written := range sink.WritesFiles() {
					if filepath.Clean(written) == clean {
						diags = append(diags, diag.Error(n.Range, "File written twice", "%s and --report would both write %s.", n.Address, path))
					}
				}
			}
		}
	}
	return diags
}

// sameAsAny is whether a path leads to one of the files, however it is spelled.
func sameAsAny(path string, files []string) bool {
	info, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(files, func(file string) bool {
		other, err := os.Stat(file)
		return err == nil && os.SameFile(info, other)
	})
}

// hide masks the secrets in what a report quotes of others (promise 8).
func hide(r *engine.Report, secrets *diag.Secrets) {
	r.Error, r.FirstReject = secrets.Mask(r.Error), secrets.Mask(r.FirstReject)
	for i, what := range r.FirstRejects {
		r.FirstRejects[i] = secrets.Mask(what)
	}
	for i := range r.Nodes {
		for j := range r.Nodes[i].Capacity {
			c := &r.Nodes[i].Capacity[j]
			c.Table, c.Index = secrets.Mask(c.Table), secrets.Mask(c.Index)
		}
		for j := range r.Nodes[i].ThrottleReasons {
			t := &r.Nodes[i].ThrottleReasons[j]
			t.Resource = secrets.Mask(t.Resource)
		}
		for j := range r.Nodes[i].Warnings {
			w := &r.Nodes[i].Warnings[j]
			w.Message = secrets.Mask(w.Message)
		}
	}
}

// openReport makes sure, before anything runs, that the report can be written
// in its place. There is none without a path.
func openReport(path, run string) (*atomicfile.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := atomicfile.Recreate(path, run) // a run that goes on has the id of one that may have left its own
	if err != nil {
		return nil, refuse("Report can't be written", "--report %s: %v.", path, err)
	}
	return f, nil
}

// deliver writes the report where it was asked for. A report that can't be
// written fails a run that went well, and never hides how one ended that did
// not.
func (a *app) deliver(r *engine.Report, files reports) error {
	a.answer(r)
	err := a.writeReports(files, r)
	if r.Status == engine.Done {
		return err
	}
	if err != nil {
		a.say(slog.LevelError, "Error: ", err.Error())
	}
	return &ended{r.Status}
}

func publish(f *atomicfile.File, content func(io.Writer) error) error {
	err := content(f)
	if err = errors.Join(err, f.Finish()); err == nil {
		err = f.Publish()
	}
	if err = errors.Join(err, f.Discard()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
