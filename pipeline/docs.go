package pipeline

import (
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Docs is the documentation of the blocks that are the language's own, and no
// component's.
func Docs() []schema.Docs {
	return []schema.Docs{
		{Header: "pipeline", Block: newSettings(&plan.Plan{}).Schema()},
		{Header: "state", Block: newStateBlock(&plan.State{}).Schema()},
		{Header: `variable "NAME"`, Block: (&variable{}).Schema()},
		{Header: "locals", Block: schema.Block{
			Summary: "Names for values, used as local.NAME.",
			Doc: "Each line is `name = value`. A value may use variables, other locals and functions, in any order, and no row.\n" +
				"There may be several `locals` blocks; a name stands in one of them.",
		}},
	}
}
