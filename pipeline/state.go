package pipeline

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// stateBlock is the state block.
type stateBlock struct{ state *plan.State }

func newStateBlock(s *plan.State) *stateBlock {
	*s = plan.State{Path: plan.DefaultStatePath, Every: plan.DefaultStateEvery}
	return &stateBlock{s}
}

// Schema declares the state block.
func (s *stateBlock) Schema() schema.Block {
	return schema.Block{
		Summary: "Where a run saves how far it has got, so that `dynapipe run --resume` goes on from there.",
		Example: stateExample,
		Doc: "State is saved without this block as well. A run that comes to its end removes it. " +
			"The flag `--state` goes before `path`.",
		Args: []schema.Arg{
			schema.String("path", &s.state.Path, "The folder for the state. A relative path starts at the working directory.").DefaultDoc("`" + plan.DefaultStatePath + "`"),
			schema.Duration("every", &s.state.Every, "How often."),
		},
		Check: s.check,
	}
}

func (s *stateBlock) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if r.Has("every") && s.state.Every < time.Millisecond {
		diags = append(diags, diag.Error(r.Of("every"), "Wrong duration", `"every" is a time above zero, such as "5s".`))
	}
	if r.Has("path") && s.state.Path == "" {
		diags = append(diags, diag.Error(r.Of("path"), "Not a folder", `"path" is the folder that the state is kept in.`))
	}
	return diags
}

// state decodes the state block into the plan.
func (l *loader) state(p *plan.Plan) {
	s := newStateBlock(&p.State)
	for i, blk := range l.blocks["state"] {
		if i > 0 {
			l.report(diag.Error(blk.DefRange(), "Block written twice", "A pipeline has at most one state block, and there is one at %s.",
				at(l.blocks["state"][0].DefRange())))
			continue
		}
		p.State.Asked = true
		_, diags := l.decoder.Decode(blk, s.Schema())
		l.report(diags...)
	}
}
