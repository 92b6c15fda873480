package plan

import (
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
	Outputs() []string
}
