package verify

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/sinks/file"
)

// cannot is why a sink can't be verified; empty when it can.
func cannot(p *plan.Plan, n *plan.Node) string {
	if s, ok := n.Sink.(tableSink); ok {
		return s.Unverifiable(noRejects(p))
	}
	if s, ok := n.Sink.(*file.Config); ok {
		return s.Unreadable()
	}
	return fmt.Sprintf("verify does not know what the sink %s makes of its rows", n.Type)
}

// Check finds a pipeline of which nothing can be verified.
func Check(p *plan.Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, n := range p.Nodes {
		if n.Kind == plan.Sink {
			why := cannot(p, n)
			if why == "" {
				return nil
			}
			diags = append(diags, diag.Error(n.Range, "Nothing to verify", "%s: %s.", n.Address, why))
		}
	}
	return diags
}

// notVerified notes the sinks that can't be.
func (v *verifier) notVerified() {
	for _, n := range v.Plan.Nodes {
		if n.Kind != plan.Sink {
			continue
		}
		if why := cannot(v.Plan, n); why != "" {
			v.report.NotVerified = append(v.report.NotVerified, NotVerified{n.Address, why})
		}
	}
}
