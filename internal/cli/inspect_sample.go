package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/inspect"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/pipeline"
	"github.com/dynapipe/dynapipe/sources"
)

const (
	// readOn is how many bytes of files are read at least, their rows counted,
	// so that an estimate of all rows does not hang on what a buffer read ahead.
	readOn = 8 << 20
	// maxRejects is how many rejected rows are shown.
	maxRejects = 5
)

// sampling is one reading of a source's first rows.
type sampling struct {
	*app
	target *target
	rows   int64 // 0 for all
	survey *inspect.Survey
	cost   *inspect.Import // may be nil
	brief  bool            // only the sample itself is of interest

	meter    *progress.Meter
	taken    int64 // of the sample, rejects included
	behind   int64 // rows read behind the sample
	rejected rejectedView
	whole    bool  // everything was read
	failed   error // what ended the reading
}

// read opens the source as a run would, by its block, and reads the sample. An
// error is one of opening: what fails later is kept, for there may have been
// rows before it.
func (s *sampling) read(ctx context.Context) error {
	config, err := s.configure()
	if err != nil {
		return err
	}
	s.meter = progress.NewMeter("", nil)
	limits := record.Limits{Rows: plan.DefaultBatchRows, Bytes: plan.DefaultBatchBytes}
	if s.rows > 0 {
		limits.Rows = int(min(s.rows, plan.DefaultBatchRows))
	}
	source, err := config.Open(ctx, sources.Env{
		Node: "source." + s.target.block.Type + "." + s.target.block.Name, Limits: limits,
		Mem: record.NewPool(), Run: &expr.Run{}, Meter: s.meter,
	})
	if err != nil {
		return err
	}
	for _, p := range source.Partitions() {
		if s.failed = s.partition(ctx, p); s.failed != nil || s.enough() {
			break
		}
	}
	s.whole = s.failed == nil && !s.enough()
	s.failed = errors.Join(s.failed, source.Close())
	return nil
}

// unopened makes a source a pipeline.
const unopened = `
sink "file" "unopened" {
  from   = source.%s.%s
  path   = "-"
  format = "jsonl"
}
`

// configure decodes the block, which is spelled as users would have it, and so
// has the same defaults and checks.
func (s *sampling) configure() (sources.Config, error) {
	block := s.target.block
	if block.Type == "dynamodb" {
		block = block.With("all_attributes", cty.True)
		if s.rows > 0 {
			block = block.With("limit", cty.NumberIntVal(s.rows))
		}
	}
	p, files, diags := pipeline.LoadText("inspect.hcl", block.String()+fmt.Sprintf(unopened, block.Type, block.Name), s.catalog, pipeline.Options{Run: &expr.Run{}})
	if diags.HasErrors() {
		return nil, &wrong{diags: diags, files: files}
	}
	return p.Nodes[0].Source, nil
}

// partition reads as much of a partition as is wanted.
func (s *sampling) partition(ctx context.Context, p sources.Partition) error {
	for !s.enough() {
		chunk, err := p.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.chunk(chunk)
	}
	return nil
}

// enough reports that the sample is complete, and that what was read says how
// long all is.
func (s *sampling) enough() bool {
	if s.rows == 0 || s.taken < s.rows {
		return false
	}
	return s.brief || s.target.view.Files == nil || s.meter.Snapshot().BytesRead >= readOn
}

func (s *sampling) chunk(c sources.Chunk) {
	for _, r := range c.Rejects {
		if !s.wants() {
			s.behind++
			s.rejected.After++
			continue
		}
		s.taken++
		s.rejected.Rows++
		if len(s.rejected.First) < maxRejects {
			s.rejected.First = append(s.rejected.First, fmt.Sprintf("%s: %s", r.Origin, r.Message))
		}
	}
	if c.Batch == nil {
		return
	}
	defer c.Batch.Release()
	rows := int64(c.Batch.Rows())
	if s.rows > 0 {
		rows = min(rows, max(s.rows-s.taken, 0))
	}
	if rows > 0 {
		s.survey.Add(c.Batch, int(rows))
		if s.cost != nil {
			s.cost.Add(c.Batch, int(rows))
		}
	}
	s.taken += rows
	s.behind += int64(c.Batch.Rows()) - rows
}

func (s *sampling) wants() bool { return s.rows == 0 || s.taken < s.rows }

// found is what there is to say of the sample.
func (s *sampling) found(ctx context.Context) *inspection {
	f := &inspection{Source: s.target.view, Report: s.survey.Report(), Rejected: s.rejected, Block: s.target.block.String(), Notes: []string{}}
	f.Rejected.First = append([]string{}, f.Rejected.First...)
	if s.failed != nil {
		f.Error = s.failed.Error()
	}
	f.Total = s.total(ctx, f)
	if s.target.block.Type == "jsonl" || s.target.block.Type == "json" {
		if f.Report.LooksLikeItems() {
			f.Notes = append(f.Notes, "the rows look like items in DynamoDB JSON: read them with --format dynamodb")
		}
	}
	return f
}

// total is how many rows there are in all.
func (s *sampling) total(ctx context.Context, f *inspection) totalView {
	read := s.taken + s.behind
	if s.target.view.Files == nil {
		return s.tableTotal(ctx, f, read)
	}
	m := s.meter.Snapshot()
	switch {
	case s.whole:
		return totalView{Rows: read, By: "all was read"}
	case s.failed != nil || m.BytesRead == 0:
		return totalView{By: "not known: the reading ended before its time"}
	}
	all := float64(read) * float64(m.BytesTotal) / float64(m.BytesRead)
	return totalView{Rows: max(int64(all+0.5), read), Estimate: true, By: fmt.Sprintf("from the first %s of %s", figures.Size(m.BytesRead), figures.Size(m.BytesTotal))}
}

// tableTotal asks for the table's own count, and notes its keys.
func (s *sampling) tableTotal(ctx context.Context, f *inspection, read int64) totalView {
	t, err := describe(ctx, s.target.block.Args[0].Value.AsString())
	if err != nil && !s.whole {
		return totalView{By: "not known: " + err.Error()}
	}
	count := int64(0)
	if err == nil {
		keys := t.Keys
		for _, k := range t.Keys {
			f.tableKey = append(f.tableKey, inspect.KeyPart{Name: k.Name, Type: k.Kind.Descriptor()})
		}
		count = t.ItemCount
		if x, ok := t.Index(s.target.view.Index); ok {
			keys, count = x.Keys, x.ItemCount
		}
		for _, k := range keys {
			f.Source.Keys = append(f.Source.Keys, fmt.Sprintf("%s (%s)", k.Name, k.Kind.Descriptor()))
		}
	}
	switch {
	case s.whole:
		return totalView{Rows: read, By: "all was read"}
	case count < read:
		return totalView{By: fmt.Sprintf("not known: DynamoDB's own count, made every six hours or so, is %s", figures.Count(count))}
	}
	return totalView{Rows: count, Estimate: true, By: "DynamoDB's own count, made every six hours or so"}
}
