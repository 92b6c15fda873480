package update

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// KeyUses: a row's key is what key says, or its own attributes.
func (c *Config) KeyUses(rows expr.Shape) []schema.KeyUse {
	if use, fixed := c.KeyUse(rows); fixed {
		return []schema.KeyUse{use}
	}
	return nil
}
