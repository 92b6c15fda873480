package plan

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

// Catalog is the components that a pipeline may use. Each New makes an empty
// configuration with its defaults.
type Catalog struct {
	Sources     []SourceKind
	Transforms  []TransformKind
	Sinks       []SinkKind
	Connections []ConnectionKind
}

// SourceKind is a type of source.
type SourceKind struct {
	Type string
	New  func() sources.Config
}

// TransformKind is a type of transform.
type TransformKind struct {
	Type string
	New  func() transforms.Config
}

// SinkKind is a type of sink.
type SinkKind struct {
	Type string
	New  func() sinks.Config
}

// ConnectionKind is a type of connection. New gives a pointer, which is what
// an argument declared with schema.Ref is bound to.
type ConnectionKind struct {
	Type string
	New  func() schema.Declarer
}

// Outputs is a transform with named outputs, like route: it is read by the name
// of an output, and not as a whole.
type Outputs interface {
	// Outputs is known once the block is decoded.
	Outputs() []string
}

// Outputs is the names of a node's outputs; none when it has a single one.
func (n *Node) Outputs() []string {
	if o, ok := n.Transform.(Outputs); ok {
		return o.Outputs()
	}
	return nil
}

// Types is the types of one kind of node, in the catalog's order.
func (c Catalog) Types(kind Kind) []string {
	var types []string
	switch kind {
	case Source:
		for _, k := range c.Sources {
			types = append(types, k.Type)
		}
	case Transform:
		for _, k := range c.Transforms {
			types = append(types, k.Type)
		}
	case Sink:
		for _, k := range c.Sinks {
			types = append(types, k.Type)
		}
	}
	return types
}

// Configure gives a node the empty configuration of its type; false when there
// is no such type.
func (c Catalog) Configure(n *Node) bool {
	switch n.Kind {
	case Source:
		for _, k := range c.Sources {
			if k.Type == n.Type {
				n.Source = k.New()
				return true
			}
		}
	case Transform:
		for _, k := range c.Transforms {
			if k.Type == n.Type {
				n.Transform = k.New()
				return true
			}
		}
	case Sink:
		for _, k := range c.Sinks {
			if k.Type == n.Type {
				n.Sink = k.New()
				return true
			}
		}
	}
	return false
}

// Config is the node's configuration; nil when it has none yet.
func (n *Node) Config() schema.Declarer {
	switch {
	case n.Source != nil:
		return n.Source
	case n.Transform != nil:
		return n.Transform
	case n.Sink != nil:
		return n.Sink
	}
	return nil
}

// From declares the argument that every transform and sink has, bound to from.
func From(from *hcl.Expression) schema.Arg {
	node := schema.ReferenceJSON("{2,3}", "source", "transform")
	return schema.Raw("from", from, "a node or a list of nodes",
		"What is read: source.TYPE.NAME, transform.TYPE.NAME, or an output of a route, transform.route.NAME.OUTPUT. A list is a union.").Require().As(schema.AnyOf(node, schema.JSON{"type": "array", "items": node, "minItems": 1}))
}

// StandardStream is the path that means standard input or output.
const StandardStream = "-"

// FileReader is a source whose file paths and patterns are known before the
// run. Two sources can't read standard input.
type FileReader interface {
	ReadsFiles() []string
}

// KeyUser is a transform or sink that makes keys of tables. rows are those that come
// to a sink; it tells what it does with tables that are the same for every row.
type KeyUser interface {
	KeyUses(rows expr.Shape) []schema.KeyUse
}

// FileWriter is a sink whose file paths are known before the run. Two sinks
// can't write one path.
type FileWriter interface {
	WritesFiles() []string
}
