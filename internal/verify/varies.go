package verify

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/plan"
)

// Varying is the attributes that are different in every run.
type Varying struct{}

// Vary finds them.
func Vary(*plan.Plan, map[string]*hcl.File) *Varying { return nil }

// At is those of the rows that come to a node.
func (*Varying) At(*plan.Node) map[string]bool { return nil }
