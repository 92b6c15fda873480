package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The shapes that tell sources and sinks from transforms.
var dotShapes = map[string]string{"source": "ellipse", "transform": "box", "sink": "cylinder"}

// WriteDOT writes the graph in the language of Graphviz
// (https://graphviz.org/doc/info/lang.html).
func (g Graph) WriteDOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph pipeline {\n  rankdir = LR;\n")
	fmt.Fprintf(&b, "  label = %s;\n  labelloc = t;\n", dotText(g.Pipeline))
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "  %s [shape = %s, label = %s];\n", dotText(n.Address), dotShapes[n.Kind], dotText(n.Address))
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -> %s", dotText(e.From), dotText(e.To))
		if e.Output != "" {
			fmt.Fprintf(&b, " [label = %s]", dotText(e.Output))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText quotes a text so that Graphviz shows it as it is. In a label a backslash
// begins an escape of its own, such as \G for the graph's name.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// WriteMermaid writes the graph as a Mermaid flowchart
// (https://mermaid.js.org/syntax/flowchart.html), which Markdown on GitHub and GitLab
// draws.
func (g Graph) WriteMermaid(w io.Writer) error {
	title, err := json.Marshal(g.Pipeline) // a quoted YAML string is written so too
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---\ntitle: %s\n---\nflowchart LR\n", title)
	ids := map[string]string{}
	for i, n := range g.Nodes {
		// Ids are numbers: words such as "end" or "graph" mean something in Mermaid.
		ids[n.Address] = fmt.Sprintf("n%d", i+1)
		label := mermaidText(n.Address)
		switch n.Kind {
		case Source.String():
			label = "([" + label + "])"
		case Sink.String():
			label = "[(" + label + ")]"
		default:
			label = "[" + label + "]"
		}
		fmt.Fprintf(&b, "  %s%s\n", ids[n.Address], label)
	}
	for _, e := range g.Edges {
		arrow := "-->"
		if e.Output != "" {
			arrow += "|" + mermaidText(e.Output) + "|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", ids[e.From], arrow, ids[e.To])
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// mermaidText quotes a text. Mermaid's escapes are numbers and names of HTML's
// entities between # and a semicolon.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s) + `"`
}
