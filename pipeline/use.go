package pipeline

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

// narrow tells the sources that can read less which attributes are of use to
// those downstream. It walks upstream, so that of each node all readers are
// known; what none of them says to use is used whole.
func narrow(p *plan.Plan) {
	read := map[*plan.Node]expr.Use{} // of the rows that leave a node, by those that read it
	for i := len(p.Nodes) - 1; i >= 0; i-- {
		n := p.Nodes[i]
		if source, ok := n.Source.(sources.Narrower); ok {
			source.Narrow(read[n])
		}
		use := usedBy(n, read[n])
		for _, in := range n.Inputs {
			read[in.From] = read[in.From].And(use)
		}
	}
}

// usedBy is what a node uses of the rows that come, when out is used of those
// that leave.
func usedBy(n *plan.Node, out expr.Use) expr.Use {
	switch user := n.Config().(type) {
	case transforms.User:
		return user.Uses(out)
	case sinks.User:
		return user.Uses()
	}
	return expr.Everything()
}
