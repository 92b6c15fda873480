package transaction

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// KeyUses: each action has a key of its own.
func (c *Config) KeyUses(rows expr.Shape) (uses []schema.KeyUse) {
	for _, a := range c.actions() {
		if use, fixed := a.KeyUse(rows); fixed {
			uses = append(uses, use)
		}
	}
	return uses
}
