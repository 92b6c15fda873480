package pipeline

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// settingsBlock is the pipeline block.
type settingsBlock struct {
	plan       *plan.Plan
	maxRejects string
}

// Schema declares the pipeline block.
func (s *settingsBlock) Schema() schema.Block {
	t := &s.plan.Settings
	return schema.Block{
		Summary: "Settings of the pipeline as a whole.",
		Example: pipelineExample,
		Args: []schema.Arg{
			schema.String("name", &s.plan.Name, "The pipeline's name in reports and file names.").DefaultDoc("the name of the file or folder"),
			schema.String("description", &s.plan.Description, "What the pipeline does."),
			schema.String("max_rejects", &s.maxRejects, "How many rows may be rejected before the run stops and fails: a count, or a percentage of the rows read, looked at from 1,000 rows on and at the end."),
			schema.String("dead_letter", &t.DeadLetter, "The file that rejected rows are written to.").DefaultDoc("`<name>.rejects.jsonl`"),
			schema.Int("batch_rows", &t.BatchRows, "The most rows that move together.").Unit("rows").Between(1, 1<<20),
			schema.Bytes("batch_bytes", &t.BatchBytes, "The most bytes that move together; a single row may be larger.").Between(1024, plan.MaxBatchBytes),
			schema.Int("channel_capacity", &t.ChannelCapacity, "How many batches may wait between two nodes.").Unit("batches").Between(1, 1024),
			schema.Int("parallelism", &t.Parallelism, "How many batches a transform works on at once.").DefaultDoc("the number of cores").Between(1, 1024),
		},
		Check: s.check,
	}
}

func newSettings(p *plan.Plan) *settingsBlock {
	p.Settings = plan.Settings{
		BatchRows:       plan.DefaultBatchRows,
		BatchBytes:      plan.DefaultBatchBytes,
		ChannelCapacity: plan.DefaultChannelCapacity,
		Parallelism:     runtime.GOMAXPROCS(0),
	}
	return &settingsBlock{plan: p, maxRejects: "0"}
}

func (s *settingsBlock) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	limit, ok := parseLimit(s.maxRejects)
	if !ok {
		diags = append(diags, diag.Error(r.Of("max_rejects"), "Wrong limit",
			`"max_rejects" takes a count of rows like 100, or a percentage like "5%%" from 0 to 100.`))
	}
	s.plan.Settings.MaxRejects = limit
	if r.Has("name") && (s.plan.Name == "" || strings.ContainsAny(s.plan.Name, "/\\\x00\n\r\t")) {
		diags = append(diags, diag.Error(r.Of("name"), "Invalid name",
			"The name goes into file names: it can't be empty or have slashes, tabs or line ends in it."))
	}
	if r.Has("dead_letter") && (s.plan.Settings.DeadLetter == "" || s.plan.Settings.DeadLetter == "-") {
		diags = append(diags, diag.Error(r.Of("dead_letter"), "Not a file", `"dead_letter" is the path of a file: rejected rows are kept.`))
	}
	return diags
}

func parseLimit(text string) (plan.Limit, bool) {
	text = strings.TrimSpace(text)
	if number, ok := strings.CutSuffix(text, "%"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		return plan.Limit{Percent: f, IsPercent: true}, err == nil && f >= 0 && f <= 100
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return plan.Limit{Count: n}, err == nil && n >= 0
}

// settings decodes the pipeline block into the plan.
func (l *loader) settings(p *plan.Plan, path string) {
	s := newSettings(p)
	for i, blk := range l.blocks["pipeline"] {
		if i > 0 {
			l.report(diag.Error(blk.DefRange(), "Block written twice", "A pipeline has at most one pipeline block, and there is one at %s.",
				at(l.blocks["pipeline"][0].DefRange())))
			continue
		}
		_, diags := l.decoder.Decode(blk, s.Schema())
		l.report(diags...)
	}
	if p.Name == "" {
		p.Name = defaultName(path)
	}
	if p.Settings.DeadLetter == "" {
		p.Settings.DeadLetter = p.Name + ".rejects.jsonl"
	}
}

func defaultName(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	name := strings.TrimSuffix(filepath.Base(path), extension)
	if name == "" || name == string(filepath.Separator) || name == "." {
		return "pipeline"
	}
	return name
}
