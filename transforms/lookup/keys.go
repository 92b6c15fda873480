package lookup

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// KeyUses: each get writes its key out.
func (c *Config) KeyUses(expr.Shape) (uses []schema.KeyUse) {
	for _, g := range c.gets {
		from, at := schema.KeyFrom(g.key)
		uses = append(uses, schema.KeyUse{Table: g.table, At: at, From: from, Exact: true})
	}
	return uses
}
