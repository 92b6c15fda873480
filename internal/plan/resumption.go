package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/transforms"
)

// Resumption is how a run of a plan goes on after it ended unfinished.
type Resumption struct {
	// Again says that the sources are read again from the start, because a
	// transform remembers rows; sinks pass over what they have had.
	Again bool
	// Never says why a run can only start from the beginning; empty when it can
	// go on.
	Never string
}

// Resumption tells how a run of the plan can go on.
//
// What a transform remembers comes back by feeding it the same rows in the same
// order. One file source has one order; a scan that is read again may find
// other items, and several sources come mixed as they happen to.
func (p *Plan) Resumption() Resumption {
	var r Resumption
	var scans []string
	above := map[*Node][]*Node{} // the sources of a node
	for _, n := range p.Nodes {
		if n.Kind == Source {
			above[n] = []*Node{n}
			if _, files := n.Source.(FileReader); !files {
				scans = append(scans, n.Address)
			}
			if n.Reads(StandardStream) {
				r.Never = n.Address + " reads standard input, which is gone when a run has ended"
			}
			continue
		}
		for _, in := range n.Inputs {
			for _, source := range above[in.From] {
				if !slices.Contains(above[n], source) {
					above[n] = append(above[n], source)
				}
			}
		}
		if n.Kind != Transform {
			continue
		}
		if r, remembers := n.Transform.(transforms.Rememberer); !remembers || r.Remembers() {
			continue
		}
		r.Again = true
		if len(above[n]) > 1 && r.Never == "" {
			r.Never = fmt.Sprintf("%s remembers rows of several sources, which come in another order each time", n.Address)
		}
		if r.Never == "" && len(scans) > 0 {
			r.Never = fmt.Sprintf("%s remembers rows, so that all sources would be read again, and of a table (%s) that gives other rows",
				n.Address, strings.Join(scans, ", "))
		}
	}
	return r
}

// String is the resumption as a plan shows it.
func (r Resumption) String() string {
	switch {
	case r.Never != "":
		return "a run that ended unfinished can only start from the beginning: " + r.Never
	case r.Again:
		return "--resume reads the sources again, since a transform remembers rows, and sinks pass over what they have had"
	}
	return "--resume goes on from the last checkpoint"
}
