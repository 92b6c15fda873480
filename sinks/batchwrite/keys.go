package batchwrite

import (
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// KeyUses: each row has the key of its table among its attributes.
func (c *Config) KeyUses(rows expr.Shape) (uses []schema.KeyUse) {
	tables := c.tables
	if name, fixed := c.table.Constant(); fixed {
		tables = []string{name.Text()}
	}
	for _, table := range tables {
		uses = append(uses, schema.KeyUse{Table: table, From: rows})
	}
	return uses
}
