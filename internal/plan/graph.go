package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Graph is who reads whom, and its JSON document. It is made of the pipeline's
// files alone: nothing is asked and nothing is opened. It holds no secrets
// (promise 8).
type Graph struct {
	Pipeline string      `json:"pipeline" doc:"The pipeline's name."`
	Nodes    []GraphNode `json:"nodes" doc:"The nodes, in the order that rows pass them."`
	Edges    []GraphEdge `json:"edges" doc:"The ways of rows from one node to another."`
}

// GraphNode is one node of a Graph.
type GraphNode struct {
	Address string   `json:"address" doc:"The node's address, as sink.file.out."`
	Kind    string   `json:"kind" values:"source transform sink" doc:"What kind of node it is."`
	Type    string   `json:"type" doc:"Its type, as csv."`
	Name    string   `json:"name" doc:"Its name."`
	Outputs []string `json:"outputs,omitempty" doc:"The outputs of a node that has several."`
	Unread  []string `json:"unread,omitempty" doc:"The outputs that no node reads."`
}

// GraphEdge is the way of rows from one node to another.
type GraphEdge struct {
	From   string `json:"from" doc:"The node that rows come from."`
	Output string `json:"output,omitempty" doc:"The output that they come from, of a node that has several."`
	To     string `json:"to" doc:"The node that they go to."`
}

// NewGraph is the graph of a plan.
func NewGraph(p *Plan) Graph {
	g := Graph{Pipeline: p.Secrets.Mask(p.Name), Nodes: []GraphNode{}, Edges: []GraphEdge{}}
	read := map[Input]bool{}
	for _, n := range p.Nodes {
		for _, in := range n.Inputs {
			read[in] = true
			g.Edges = append(g.Edges, GraphEdge{From: in.From.Address, Output: in.Output, To: n.Address})
		}
	}
	for _, n := range p.Nodes {
		v := GraphNode{Address: n.Address, Kind: n.Kind.String(), Type: n.Type, Name: n.Name, Outputs: n.Outputs()}
		for _, output := range v.Outputs {
			if !read[Input{From: n, Output: output}] {
				v.Unread = append(v.Unread, output)
			}
		}
		g.Nodes = append(g.Nodes, v)
	}
	return g
}

// WriteJSON writes the graph as one indented JSON document.
func (g Graph) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(g)
}

// WriteText writes the graph as trees, one from each node that reads no other. What
// several nodes lead to is drawn out below the first of them, and named below the
// others.
func (g Graph) WriteText(w io.Writer) error {
	t := tree{Graph: g, drawn: map[string]bool{}}
	for _, n := range g.Nodes {
		if len(g.into(n.Address)) == 0 {
			t.out.WriteString(n.title() + "\n")
			t.below(n.Address, "")
		}
	}
	_, err := io.WriteString(w, t.out.String())
	return err
}

// into is the edges that end at a node.
func (g Graph) into(address string) (edges []GraphEdge) {
	for _, e := range g.Edges {
		if e.To == address {
			edges = append(edges, e)
		}
	}
	return edges
}

func (g Graph) node(address string) GraphNode {
	i := slices.IndexFunc(g.Nodes, func(n GraphNode) bool { return n.Address == address })
	return g.Nodes[i]
}

// title is a node's address, and which of its outputs lead nowhere.
func (n GraphNode) title() string {
	if len(n.Unread) == 0 {
		return n.Address
	}
	return n.Address + "  (not read: " + strings.Join(n.Unread, ", ") + ")"
}

// tree is one WriteText under way.
type tree struct {
	Graph
	out   strings.Builder
	drawn map[string]bool
}

// branch is a node that reads another, by some of its outputs.
type branch struct {
	to      string
	outputs []string
}

func (t *tree) branches(from string) (out []branch) {
	for _, e := range t.Edges {
		if e.From != from {
			continue
		}
		i := slices.IndexFunc(out, func(b branch) bool { return b.to == e.To })
		if i < 0 {
			i = len(out)
			out = append(out, branch{to: e.To})
		}
		if e.Output != "" {
			out[i].outputs = append(out[i].outputs, e.Output)
		}
	}
	return out
}

// below draws what reads a node.
func (t *tree) below(address, indent string) {
	readers := t.branches(address)
	for i, b := range readers {
		tee, bar := "├─ ", "│  "
		if i == len(readers)-1 {
			tee, bar = "└─ ", "   "
		}
		t.out.WriteString(indent + tee)
		if len(b.outputs) > 0 {
			fmt.Fprintf(&t.out, "[%s] ", strings.Join(b.outputs, ", "))
		}
		if t.drawn[b.to] {
			t.out.WriteString(b.to + "  (see above)\n")
			continue
		}
		t.drawn[b.to] = true
		t.out.WriteString(t.node(b.to).title())
		if others := t.others(b.to, address); len(others) > 0 {
			fmt.Fprintf(&t.out, "  (reads %s too)", strings.Join(others, ", "))
		}
		t.out.WriteByte('\n')
		t.below(b.to, indent+bar)
	}
}

// others is what else a node reads, beside one that it is drawn below.
func (t *tree) others(address, drawn string) (out []string) {
	for _, e := range t.into(address) {
		if e.From != drawn && !slices.Contains(out, e.From) {
			out = append(out, e.From)
		}
	}
	return out
}
