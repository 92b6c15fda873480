package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/inspect"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/pipeline"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sinks/file"
)

// fileTarget is the files of one sink. The sink writes them once more in a
// temporary folder, and both are read by the same source: so what a format
// can't hold is lost on both sides.
type fileTarget struct {
	config *file.Config
	folder string // of what is expected
}

// ofFiles adds the files of a sink, and gives the sink that writes them elsewhere.
func (ts *targets) ofFiles(address string, c *file.Config, folder string, ignored map[string]bool) sinks.Config {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := &target{
		number: len(ts.all), files: &fileTarget{config: c, folder: folder}, known: true,
		report: TargetReport{Target: "file " + c.Names(), Kind: "file", Ignored: []string{}},
	}
	t.add(address, true, ignored)
	ts.all = append(ts.all, t)
	return c.Elsewhere(folder)
}

// names are the files that the sink wrote, below its folder.
func (f *fileTarget) names() ([]string, error) {
	var names []string
	err := filepath.WalkDir(f.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(f.folder, path)
		names = append(names, name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no row, no file
	}
	return names, temporary(err)
}

// source reads the files, expected or there; nil when there are none.
func (v *verifier) source(t *target, expected bool) (*plan.Node, error) {
	names, err := t.files.names()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	folder := t.files.config.Folder()
	if expected {
		folder = t.files.folder
	}
	var paths []cty.Value
	for _, name := range names {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("the pipeline would write %s, which can't be read (%w): has it been run, and in this folder?", path, errors.Unwrap(err))
		}
		paths = append(paths, cty.StringVal(path))
	}
	how := t.files.config.Reading()
	block := inspect.Block{Type: how.Type, Name: "target", Args: []inspect.Arg{{Name: "path", Value: cty.ListVal(paths)}}}
	for _, name := range slices.Sorted(maps.Keys(how.Args)) {
		block.Args = append(block.Args, inspect.Arg{Name: name, Value: how.Args[name]})
	}
	for _, c := range how.Columns {
		block.Columns = append(block.Columns, inspect.Column{Name: c.Name, Type: c.Type})
	}
	unopened := fmt.Sprintf("sink \"file\" \"unopened\" {\n  from   = source.%s.target\n  path   = \"-\"\n  format = \"jsonl\"\n}\n", how.Type)
	p, _, diags := pipeline.LoadText("verify.hcl", block.String()+unopened, v.Catalog, pipeline.Options{Run: &expr.Run{}})
	if diags.HasErrors() {
		return nil, diags
	}
	return &plan.Node{Address: "the reading of " + t.report.Target, Kind: plan.Source, Type: how.Type, Source: p.Nodes[0].Source}, nil
}

// readFiles reads all files of one side.
func (v *verifier) readFiles(ctx context.Context, into *spill, expected bool) error {
	for _, t := range v.targets.all {
		if t.files == nil {
			continue
		}
		take := &reader{target: t, take: func(e *entry, _ func() []byte, _ record.Origin) error {
			if expected && !v.sampler.expects(e.key) || !expected && !v.sampler.has(e.key) {
				return nil
			}
			if expected {
				e.fate = delivery.IsPut
			}
			return into.add(e)
		}}
		t.report.ExtraAllowed = v.extraAllowed(t)
		if err := v.read(ctx, t, expected, take, nil); err != nil {
			return err
		}
	}
	return nil
}

// read reads the files of one side of a target.
func (v *verifier) read(ctx context.Context, t *target, expected bool, take *reader, stop <-chan struct{}) error {
	source, err := v.source(t, expected)
	if source == nil || err != nil {
		return err
	}
	sink := &plan.Node{Address: "the rows of " + t.report.Target, Kind: plan.Sink, Inputs: []plan.Input{{From: source}}, Sink: take}
	p := &plan.Plan{Name: v.Plan.Name, Settings: v.Plan.Settings, Nodes: []*plan.Node{source, sink}, Secrets: v.Plan.Secrets}
	p.Settings.MaxRejects = plan.Limit{Count: math.MaxInt64}
	p.Settings.DeadLetter = filepath.Join(v.dir, "unreadable.jsonl")
	r, err := v.engine(ctx, p, t.report.Target, stop)
	if err == nil && r.Rejects > 0 && !expected {
		v.report.Warnings = append(v.report.Warnings, fmt.Sprintf("%s: %d rows can't be read, and count as not there. The first: %s", t.report.Target, r.Rejects, r.FirstReject))
	}
	return err
}

// rows looks again at the rows of files that differ, to show them and where they
// are.
func (v *verifier) rows(ctx context.Context) error {
	for _, t := range v.targets.all {
		if t.files == nil {
			continue
		}
		for _, kind := range []string{KindMissing, KindExtra} {
			wanted := map[sum]*Difference{}
			for i := range v.report.Differences {
				if d := &v.report.Differences[i]; d.owner == t && d.Kind == kind {
					wanted[d.key] = d
				}
			}
			if err := v.lookUp(ctx, t, kind == KindMissing, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookUp reads until it has found each of these.
func (v *verifier) lookUp(ctx context.Context, t *target, expected bool, wanted map[sum]*Difference) error {
	if len(wanted) == 0 {
		return nil
	}
	stop := make(chan struct{})
	found := sync.OnceFunc(func() { close(stop) })
	take := &reader{target: t, take: func(e *entry, row func() []byte, at record.Origin) error {
		d := wanted[e.key]
		if d == nil {
			return nil
		}
		delete(wanted, e.key)
		d.Key, d.Origin = row(), at.String()
		if expected {
			d.Origin = strings.Replace(d.Origin, t.files.folder, t.files.config.Folder(), 1) + ", as the pipeline writes it"
		}
		if len(wanted) == 0 {
			found()
		}
		return nil
	}}
	return v.read(ctx, t, expected, take, stop)
}

// reader is the sink at the end of the reading of files.
type reader struct {
	target *target
	take   func(e *entry, row func() []byte, at record.Origin) error
}

var _ sinks.Config = (*reader)(nil)

// Schema declares nothing: no pipeline has such a block.
func (*reader) Schema() schema.Block { return schema.Block{} }

// Facts is nothing.
func (*reader) Facts(context.Context) (schema.Facts, error) { return schema.Facts{}, nil }

// Open has nothing to open.
func (c *reader) Open(context.Context, sinks.Env) (sinks.Sink, error) {
	return &readSink{reader: c, digester: digester{ignored: c.target.ignored}}, nil
}

type readSink struct {
	*reader
	digester digester
	scratch  []byte
}

// Write takes the rows, whose digests are their keys.
func (s *readSink) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	s.digester.begin(b)
	defer s.digester.end()
	for row := range b.Rows() {
		digest := s.digester.row(row)
		e := &entry{target: uint64(s.target.number)}
		e.key, s.scratch = keySum(s.scratch, s.target.number, digest[:])
		if err := s.take(e, func() []byte { return attr.AppendRow(nil, b, row) }, r.Origin(row)); err != nil {
			return err
		}
	}
	r.EndAll(record.Written)
	return nil
}

// Flush has nothing to flush.
func (*readSink) Flush(context.Context, sinks.Ending) error { return nil }

// Close has nothing to close.
func (*readSink) Close() error { return nil }
