package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sourcegraph/conc/iter"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// FactsTimeout is how long one node may take to find its facts.
const FactsTimeout = 10 * time.Second

// View is a plan as it is shown, and its JSON document. It holds no secrets
// (promise 8).
type View struct {
	Pipeline    string       `json:"pipeline" doc:"The pipeline's name."`
	Description string       `json:"description,omitempty" doc:"What the pipeline says of itself."`
	Settings    SettingsView `json:"settings" doc:"The settings of the pipeline block, with their defaults."`
	State       StateView    `json:"state" doc:"How a run can be resumed."`
	Nodes       []NodeView   `json:"nodes" doc:"The nodes, in the order that rows pass them."`
	Warnings    []diag.Item  `json:"warnings" doc:"What was noticed and let pass: the same as diagnostics."`
	// Sampling is nil in a plan for which no row was looked at.
	Sampling    *Sampling         `json:"sampling,omitempty" doc:"How the figures were found: by a sample of the rows."`
	Made        time.Time         `json:"made" doc:"When the plan was made."`
	Fingerprint map[string]string `json:"fingerprint" doc:"What the pipeline is, by node, variable and local value, for a run that is compared with the plan."`
}

// SettingsView is the settings of a View.
type SettingsView struct {
	MaxRejects      string `json:"max_rejects" doc:"How many rows may be rejected: a count, as 10, or a percentage, as 5%."`
	DeadLetter      string `json:"dead_letter" doc:"The file that rejected rows go to."`
	BatchRows       int    `json:"batch_rows" doc:"The most rows in a batch."`
	BatchBytes      int64  `json:"batch_bytes" doc:"The most bytes in a batch, about."`
	ChannelCapacity int    `json:"channel_capacity" doc:"Batches that may wait between two nodes."`
	Parallelism     int    `json:"parallelism" doc:"Batches that a transform may work on at once."`
}

// StateView is how a run of the plan can be resumed.
type StateView struct {
	Path       string  `json:"path" doc:"The folder of the state."`
	Every      float64 `json:"every_seconds" doc:"How often it is saved, in seconds."`
	Resumable  bool    `json:"resumable" doc:"A run that was interrupted can go on."`
	Resumption string  `json:"resumption" doc:"How it goes on, or why it can not."`
}

// NodeView is one node of a View.
type NodeView struct {
	Address   string           `json:"address" doc:"The node's address, as sink.file.out."`
	Kind      string           `json:"kind" values:"source transform sink" doc:"What kind of node it is."`
	Type      string           `json:"type" doc:"Its type, as csv."`
	Name      string           `json:"name" doc:"Its name."`
	From      []string         `json:"from" doc:"What it reads: nodes, or outputs of a route."`
	Outputs   []string         `json:"outputs,omitempty" doc:"The outputs of a node that has several."`
	Arguments []schema.Setting `json:"arguments" doc:"The arguments that are written in the file."`
	Facts     schema.Facts     `json:"facts" doc:"What the file does not say of it."`
	Unknown   string           `json:"unknown,omitempty" doc:"Why facts are missing, when asking for them failed."`
	// Sample and Estimate are what looking at rows has shown.
	Sample   *NodeSample   `json:"sample,omitempty" doc:"The rows of the sample before and after it."`
	Estimate *NodeEstimate `json:"estimate,omitempty" doc:"What a run would do there, reckoned by the sample."`
}

// NewView asks the nodes for their facts, which may describe tables and look
// at files, and gives the plan as it is shown. A node whose facts can't be had
// says why instead.
func NewView(ctx context.Context, p *Plan) View {
	v := View{
		Pipeline:    p.Secrets.Mask(p.Name),
		Description: p.Secrets.Mask(p.Description),
		Settings: SettingsView{
			MaxRejects:      p.Settings.MaxRejects.String(),
			DeadLetter:      p.Secrets.Mask(p.Settings.DeadLetter),
			BatchRows:       p.Settings.BatchRows,
			BatchBytes:      p.Settings.BatchBytes,
			ChannelCapacity: p.Settings.ChannelCapacity,
			Parallelism:     p.Settings.Parallelism,
		},
		State: StateView{
			Path: p.Secrets.Mask(p.State.Path), Every: p.State.Every.Seconds(),
			Resumable: p.Resumption().Never == "", Resumption: p.Secrets.Mask(p.Resumption().String()),
		},
		Warnings: diag.NewDocument(p.Warnings).Diagnostics,
		Made:     time.Now().UTC(), Fingerprint: p.Fingerprint,
	}
	v.Nodes = iter.Map(p.Nodes, func(n **Node) NodeView { return viewOf(ctx, *n, p.Secrets) })
	return v
}

func viewOf(ctx context.Context, n *Node, secrets *diag.Secrets) NodeView {
	v := NodeView{
		Address:   n.Address,
		Kind:      n.Kind.String(),
		Type:      n.Type,
		Name:      n.Name,
		From:      []string{},
		Outputs:   n.Outputs(),
		Arguments: append([]schema.Setting{}, n.Settings...),
	}
	for _, in := range n.Inputs {
		v.From = append(v.From, in.String())
	}
	ctx, cancel := context.WithTimeout(ctx, FactsTimeout)
	defer cancel()
	facts, err := n.facts(ctx)
	v.Facts = masked(facts, secrets)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		v.Unknown = fmt.Sprintf("no answer within %s", FactsTimeout)
	case err != nil:
		v.Unknown = secrets.Mask(err.Error())
	}
	return v
}

// masked is facts without secrets: a component says the path or the table that
// it was given, and does not know where it came from (promise 8).
func masked(f schema.Facts, secrets *diag.Secrets) schema.Facts {
	all := func(texts []string) []string {
		out := make([]string, len(texts))
		for i, t := range texts {
			out[i] = secrets.Mask(t)
		}
		return out
	}
	f.Calls, f.Files, f.Notes = all(f.Calls), all(f.Files), all(f.Notes)
	f.Order, f.Guarantee = secrets.Mask(f.Order), secrets.Mask(f.Guarantee)
	f.Tables = slices.Clone(f.Tables)
	for i, t := range f.Tables {
		t.Name, t.ARN, t.Index, t.Note, t.Keys = secrets.Mask(t.Name), secrets.Mask(t.ARN), secrets.Mask(t.Index), secrets.Mask(t.Note), all(t.Keys)
		f.Tables[i] = t
	}
	return f
}

func (n *Node) facts(ctx context.Context) (schema.Facts, error) {
	switch n.Kind {
	case Source:
		return n.Source.Facts(ctx)
	case Sink:
		return n.Sink.Facts(ctx)
	}
	if t, ok := n.Transform.(transforms.Explainer); ok {
		return t.Facts(ctx)
	}
	return schema.Facts{}, nil
}

// String is the reference that a pipeline writes in from.
func (in Input) String() string {
	if in.Output == "" {
		return in.From.Address
	}
	return in.From.Address + "." + in.Output
}

// String is the limit as a pipeline writes it.
func (l Limit) String() string {
	if l.IsPercent {
		return strconv.FormatFloat(l.Percent, 'g', -1, 64) + "%"
	}
	return strconv.FormatInt(l.Count, 10)
}
