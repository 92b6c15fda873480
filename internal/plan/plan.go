// Package plan is what the front end hands to the engine: nodes in an order
// that goes downstream, who reads whom, and the settings of the run. It also
// shows a plan to people and programs. It holds no rows and starts nothing.
//
//	plan.go     Plan, Node, Input, Settings
//	catalog.go  the components that a pipeline may use
//	order.go    topological order, cycles
//	view.go     the plan with its nodes' facts, ready to show
//	estimate.go what a sample of rows shows of a run
//	text.go     the view as text; text_estimate.go what a sample shows
//	policy.go   the view as an IAM policy
//	graph.go    who reads whom, as JSON and as trees of text
//	diagram.go  the same for Graphviz and Mermaid
package plan

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

// Plan is a checked pipeline.
type Plan struct {
	Name        string
	Description string
	Settings    Settings
	// Nodes are in topological order: a node comes after all it reads from.
	// Where that leaves a choice, sources come before transforms and those
	// before sinks, and within a kind as the files have them.
	Nodes []*Node
	State State
	// Fingerprint is what the pipeline does, by what can be named: two plans that
	// share it make the same of the same rows.
	Fingerprint map[string]string
	// Warnings are what the front end noticed and let pass.
	Warnings hcl.Diagnostics
	// Secrets are values that no log, report or error text may show.
	Secrets *diag.Secrets
}

// Settings are the run's own, from the pipeline block.
type Settings struct {
	MaxRejects      Limit
	DeadLetter      string // path of the dead-letter file
	BatchRows       int
	BatchBytes      int64
	ChannelCapacity int // batches
	Parallelism     int
}

// State is where and how often a run saves how far it has got.
type State struct {
	Path  string // a folder
	Every time.Duration
	Asked bool // the pipeline has a block for it
}

// The defaults of State.
const (
	DefaultStatePath  = ".dynapipe"
	DefaultStateEvery = 5 * time.Second
)

// Limit is a count of rows, or a percentage of the rows read.
type Limit struct {
	Count     int64
	Percent   float64
	IsPercent bool
}

// The defaults of Settings.
const (
	DefaultBatchRows       = 2048
	DefaultBatchBytes      = 4 << 20
	MaxBatchBytes          = 256 << 20 // int32 offsets of Arrow columns stay far away
	DefaultChannelCapacity = 4
)

// Kind is what a node does.
type Kind uint8

// The kinds of node.
const (
	Source Kind = iota
	Transform
	Sink
)

// String is the kind's block type.
func (k Kind) String() string { return [...]string{"source", "transform", "sink"}[k] }

// Node is one block of the pipeline that rows pass.
type Node struct {
	Address string // source.csv.users
	Kind    Kind
	Type    string // csv
	Name    string // users
	Inputs  []Input
	// One of the three is set, as Kind says.
	Source    sources.Config
	Transform transforms.Config
	Sink      sinks.Config
	// Shape is what is known of the rows that leave; for a sink, of those that
	// come.
	Shape expr.Shape
	// Settings are the arguments that were written, secrets masked.
	Settings []schema.Setting
	Range    hcl.Range // the block's header
}

// Reads reports that the node is a source with this very file among its paths.
// Files that a pattern finds are not looked at.
func (n *Node) Reads(file string) bool {
	source, ok := n.Source.(FileReader)
	return ok && slices.ContainsFunc(source.ReadsFiles(), func(path string) bool {
		return absolute(path) == absolute(file)
	})
}

// absolute is a path from the root, as far as the current folder is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}

// Input is one edge into a node.
type Input struct {
	From   *Node
	Output string // empty for a node with a single output
}
