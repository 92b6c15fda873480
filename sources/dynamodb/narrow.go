package dynamodb

import (
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/sources"
)

// An expression has 4 KB and a name in ExpressionAttributeNames 255 bytes (AWS,
// "Constraints in Amazon DynamoDB": expression parameters, attribute names). So
// many placeholders stay well below.
const (
	maxProjected = 100
	maxNameBytes = 255
)

var _ sources.Narrower = (*Config)(nil)

// Narrow notes what is used.
func (c *Config) Narrow(use expr.Use) { c.use = use }

// projected is the paths that are asked for; none is everything. keys are the
// table's, as far as they are known: an item is told from others by them, in the
// dead letter too, and none comes empty.
//
// An index is not narrowed: it may not have all that is used, for which a Scan of it
// would fail or go back to the table.
func (c *Config) projected(keys []dynamo.Key) []dynamo.Path {
	names, all := c.use.Names()
	if all || c.everything {
		return c.paths
	}
	if len(c.paths) > 0 {
		used := slices.DeleteFunc(slices.Clone(c.paths), func(p dynamo.Path) bool { return !c.use.Has(p[0].Name) })
		if len(used) == 0 {
			return c.paths[:1] // it has to be something
		}
		return used
	}
	for _, k := range keys {
		if !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" }) // no attribute has this name
	tooLong := func(name string) bool { return len(name) > maxNameBytes }
	if c.index != "" || len(keys) == 0 || len(names) > maxProjected || slices.ContainsFunc(names, tooLong) {
		return nil
	}
	paths := make([]dynamo.Path, len(names))
	for i, name := range names {
		paths[i] = dynamo.Path{{Name: name}}
	}
	return paths
}

// narrowed is a note of what is read; empty when it is what the block says.
func (c *Config) narrowed(keys []dynamo.Key) string {
	paths := c.projected(keys)
	if len(paths) == len(c.paths) {
		return ""
	}
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = p.String()
	}
	return "reads only: " + strings.Join(texts, ", ")
}
