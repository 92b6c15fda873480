package pipeline

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// nodes finds the sources, transforms and sinks, ties them together, and
// decodes each after those it reads from, so that what is known of their rows
// is known to its expressions.
func (l *loader) nodes(run *expr.Run) []*plan.Node {
	g := &graph{loader: l, run: run, blockOf: map[*plan.Node]*hclsyntax.Block{}, byAddress: map[string]*plan.Node{}, sources: map[string][]byte{}, broken: map[*plan.Node]bool{}, readAt: map[*plan.Node][]hcl.Range{}}
	for name, f := range l.files {
		g.sources[name] = f.Bytes
	}
	g.find()
	for _, n := range g.all {
		g.tie(n)
	}
	if !g.lost {
		g.unread()
	}
	ordered, cycles := plan.Order(g.all)
	g.cycles(cycles)
	for _, n := range ordered {
		g.decode(n)
	}
	for _, n := range g.all {
		if !slices.Contains(ordered, n) {
			n.Inputs = nil // in a circle or after one: nothing is known of the rows
			g.decode(n)
		}
	}
	if !g.lost {
		g.unreadOutputs()
	}
	return ordered
}

// graph is the nodes while they are put together.
type graph struct {
	*loader
	run       *expr.Run
	all       []*plan.Node // as the files have them
	byAddress map[string]*plan.Node
	blockOf   map[*plan.Node]*hclsyntax.Block
	readAt    map[*plan.Node][]hcl.Range // where each of a node's inputs is named
	sources   map[string][]byte
	broken    map[*plan.Node]bool // those with errors of their own
	lost      bool                // a reference names no node: who is read is not known
}

// find makes a node of each block, sources first.
func (g *graph) find() {
	first := map[string]*hclsyntax.Block{}
	for _, kind := range []plan.Kind{plan.Source, plan.Transform, plan.Sink} {
		blocks := g.blocks[kind.String()]
		for _, blk := range blocks {
			n := &plan.Node{Kind: kind, Type: blk.Labels[0], Name: blk.Labels[1], Range: blk.DefRange()}
			n.Address = strings.Join([]string{kind.String(), n.Type, n.Name}, ".")
			if !g.unique(first, n.Address, blk) {
				continue
			}
			if !g.catalog.Configure(n) {
				g.report(unknownType(blk, g.catalog.Types(kind), g.otherKind(n)))
			}
			g.all = append(g.all, n)
			g.blockOf[n] = blk
			g.byAddress[n.Address] = n
		}
		if len(blocks) == 0 && kind != plan.Transform {
			g.report(diag.Plain("Pipeline without a "+kind.String(), "A pipeline has at least one source, where rows come from, and one sink, where they go. This one has no %s block.", kind))
		}
	}
}

// otherKind is a hint when a type is used in the wrong kind of block.
func (g *graph) otherKind(n *plan.Node) string {
	kind := g.kindOf(n.Type)
	if kind == "" || kind == n.Kind.String() {
		return ""
	}
	return fmt.Sprintf(" It is a %s; the types of %s are %s.", kind, n.Kind, strings.Join(g.catalog.Types(n.Kind), ", "))
}

// unread warns of nodes that nobody reads.
func (g *graph) unread() {
	read := map[*plan.Node]bool{}
	for _, n := range g.all {
		for _, in := range n.Inputs {
			read[in.From] = true
		}
	}
	for _, n := range g.all {
		if n.Kind != plan.Sink && !read[n] {
			g.report(diag.Warning(n.Range, "Nobody reads this", "No \"from\" names %s, so its rows go nowhere.", n.Address))
		}
	}
}

func (g *graph) cycles(cycles [][]*plan.Node) {
	for _, walk := range cycles {
		names := make([]string, 0, len(walk)+1)
		for _, n := range walk {
			names = append(names, n.Address)
		}
		names = append(names, walk[0].Address)
		at := walk[0].Range
		if from := g.blockOf[walk[0]].Body.Attributes["from"]; from != nil {
			at = from.Expr.Range()
		}
		g.report(diag.Error(at, "Nodes in a circle", "Rows would go around forever: %s.", strings.Join(names, " -> ")))
	}
}

// decode decodes a node's block, and finds what is known of its rows.
func (g *graph) decode(n *plan.Node) {
	config := n.Config()
	if config == nil {
		return // of an unknown type, which is reported
	}
	in := g.incoming(n)
	declaration := config.Schema()
	var from hcl.Expression // read by tie, and declared so that it is known
	switch n.Kind {
	case plan.Source:
		declaration.Args = append(slices.Clone(declaration.Args), schema.Raw("from", &from, "", ""))
	default:
		declaration.Args = append([]schema.Arg{plan.From(&from)}, declaration.Args...)
	}
	decoder := *g.decoder
	decoder.Scope = &expr.Scope{Static: g.decoder.Static, Shape: in, Run: g.run, Sources: g.sources}
	decoded, diags := decoder.Decode(g.blockOf[n], declaration)
	g.report(diags...)
	n.Settings = slices.DeleteFunc(decoded.Settings, func(s schema.Setting) bool { return s.Name == "from" })
	if diags.HasErrors() {
		g.broken[n] = true
		return
	}
	switch n.Kind {
	case plan.Source:
		n.Shape = n.Source.Shape()
	case plan.Transform:
		n.Shape = n.Transform.Shape(in)
	case plan.Sink:
		n.Shape = in
	}
}

// incoming is what is known of the rows that reach a node.
func (g *graph) incoming(n *plan.Node) expr.Shape {
	if len(n.Inputs) == 0 {
		return expr.Shape{}
	}
	shape := n.Inputs[0].From.Shape
	for _, in := range n.Inputs[1:] {
		shape = union(shape, in.From.Shape)
	}
	for i := range n.Inputs {
		g.output(n, i)
	}
	return shape
}

// paths reports a file that two sinks, or a sink and the dead letter, would
// write, a file that is read and would be written over or set aside for the dead
// letter, and standard input that two sources would read.
func (l *loader) paths(p *plan.Plan) {
	dead := filepath.Clean(p.Settings.DeadLetter)
	writer := map[string]string{dead: "dead_letter"}
	reader := ""
	for _, n := range p.Nodes {
		if n.Reads(plan.StandardStream) {
			if reader != "" {
				l.report(diag.Error(n.Range, "Standard input read twice", "%s and %s would both read standard input. Let both read from one source.", reader, n.Address))
			}
			reader = n.Address
		}
		if n.Reads(dead) {
			l.report(diag.Error(n.Range, "Dead letter read", "%s would read %s, where this run keeps its rejected rows. Give dead_letter in the pipeline block another path.", n.Address, dead))
		}
		if files, ok := n.Sink.(plan.FileWriter); ok {
			l.written(p, n, files, writer)
		}
	}
}

func (l *loader) written(p *plan.Plan, n *plan.Node, files plan.FileWriter, writer map[string]string) {
	for _, path := range files.WritesFiles() {
		path = filepath.Clean(path)
		other, twice := writer[path]
		switch {
		case twice && path == plan.StandardStream:
			l.report(diag.Error(n.Range, "Standard output used twice", "%s and %s would both write to standard output. Give one of them another path.", other, n.Address))
		case twice:
			l.report(diag.Error(n.Range, "File written twice", "%s and %s would both write %s. Give one of them another path.", other, n.Address, path))
		default:
			writer[path] = n.Address
			l.overwritten(p, n, path)
		}
	}
}

func (l *loader) overwritten(p *plan.Plan, sink *plan.Node, path string) {
	if path == plan.StandardStream {
		return // what is read there is another stream
	}
	if i := slices.IndexFunc(p.Nodes, func(n *plan.Node) bool { return n.Reads(path) }); i >= 0 {
		l.report(diag.Error(sink.Range, "Source overwritten", "%s reads %s, and %s would write over it. Give the sink another path.", p.Nodes[i].Address, path, sink.Address))
	}
}
