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
	Pipeline    string       `json:"pipeline"`
	Description string       `json:"description,omitempty"`
	Settings    SettingsView `json:"settings"`
	State       StateView    `json:"state"`
	Nodes       []NodeView   `json:"nodes"`
	Warnings    []diag.Item  `json:"warnings"`
}

// SettingsView is the settings of a View.
type SettingsView struct {
	MaxRejects      string `json:"max_rejects"` // "10" or "5%"
	DeadLetter      string `json:"dead_letter"`
	BatchRows       int    `json:"batch_rows"`
	BatchBytes      int64  `json:"batch_bytes"`
	ChannelCapacity int    `json:"channel_capacity"`
	Parallelism     int    `json:"parallelism"`
}

// StateView is how a run of the plan can be resumed.
type StateView struct {
	Path       string  `json:"path"`
	Every      float64 `json:"every_seconds"`
	Resumable  bool    `json:"resumable"`
	Resumption string  `json:"resumption"` // how, or why not
}

// NodeView is one node of a View.
type NodeView struct {
	Address   string           `json:"address"`
	Kind      string           `json:"kind"`
	Type      string           `json:"type"`
	Name      string           `json:"name"`
	From      []string         `json:"from"`
	Outputs   []string         `json:"outputs,omitempty"` // of a node with several
	Arguments []schema.Setting `json:"arguments"`
	Facts     schema.Facts     `json:"facts"`
	// Unknown is why facts are missing, when asking for them failed.
	Unknown string `json:"unknown,omitempty"`
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
