package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

func (a *app) docsCommand() *cobra.Command {
	ref := sync.OnceValue(func() *reference { return newReference(a.catalog) }) // no other command waits for it
	c := &cobra.Command{
		Use:   "docs [[TYPE] [NAME] [ARGUMENT] | CODE]",
		Short: "Explain blocks, components, arguments, functions and diagnostics",
		Long: `Docs explains the language: what a source, transform or sink does, each of its
arguments with meaning, default and unit, the other blocks of a pipeline, and
the functions of expressions. By its code it explains what may be wrong and what to
do about it. A name that is one thing's alone needs no type. Without arguments docs
lists what there is.`,
		Example: `  dynapipe docs
  dynapipe docs source
  dynapipe docs sink batch_write
  dynapipe docs batch_write write_capacity
  dynapipe docs pipeline max_rejects
  dynapipe docs function upper
  dynapipe docs unknown-argument`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 3 {
				return refuse("Too many arguments", "dynapipe docs takes a type, a name and an argument, as in `dynapipe docs sink file path`.")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return ref().completions(args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.docs(ref(), args) },
	}
	a.addOutput(c, "the docs as text, or as one JSON document")
	return c
}

// docsDocument is what --output json writes.
type docsDocument struct {
	Topics []topicDocument `json:"topics" doc:"What was asked for."`
}

type topicDocument struct {
	Type      string               `json:"type" doc:"What it is: source, function, diagnostic and the like; of a block without types, the block itself."`
	Name      string               `json:"name,omitempty" doc:"Its name, as csv; of a diagnostic, the code."`
	Summary   string               `json:"summary" doc:"What it is for, in a sentence; of a diagnostic, what it says."`
	Doc       string               `json:"doc,omitempty" doc:"More on it, in Markdown."`
	Arguments []schema.ArgumentDoc `json:"arguments,omitempty" doc:"A block's arguments."`
	Signature string               `json:"signature,omitempty" doc:"A function's parameters."`
	Example   string               `json:"example,omitempty" doc:"An example; of a function, with what it gives."`
	Cause     string               `json:"cause,omitempty" doc:"How a diagnostic comes about."`
	Cure      string               `json:"cure,omitempty" doc:"What to do about it."`
}

func (t topic) document() topicDocument {
	d := topicDocument{Type: t.typ, Name: t.name, Summary: t.summary, Signature: t.Signature, Example: t.Example}
	if t.block != nil {
		d.Doc, d.Arguments = strings.TrimSpace(t.block.Block.Doc), t.block.Arguments()
		d.Example = t.block.Block.Example
	}
	if t.problem != nil {
		d.Cause, d.Cure = t.problem.Cause, t.problem.Cure
	}
	return d
}

func (a *app) docs(ref *reference, args []string) error {
	topics, rest, err := ref.find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return a.docsArgument(topics, rest)
	}
	if a.asksJSON() {
		doc := docsDocument{}
		for _, t := range topics {
			doc.Topics = append(doc.Topics, t.document())
		}
		a.answer(doc)
		return nil
	}
	width := a.outputWidth()
	if len(args) > 0 && len(topics) == 1 {
		return topics[0].text(a.Stdout, width)
	}
	return list(a.Stdout, topics, width)
}

// find is the topics that words name, and the words that are left.
func (r *reference) find(words []string) (topics []topic, rest []string, err error) {
	if len(words) == 0 {
		return r.overview(), nil, nil
	}
	first, rest := words[0], words[1:]
	topics = r.ofType(first)
	if len(topics) == 0 {
		topics = r.named(first)
		if len(topics) == 0 {
			return nil, nil, unknownType(r, first)
		}
		return topics, rest, nil
	}
	if len(rest) == 0 || topics[0].name == "" {
		return topics, rest, nil
	}
	i := slices.IndexFunc(topics, func(t topic) bool { return t.name == rest[0] })
	if i < 0 {
		return nil, nil, unknownName(topics, first, rest[0])
	}
	return topics[i : i+1], rest[1:], nil
}

// named is the topics of a name, whatever their type; a code is the name of a
// diagnostic.
func (r *reference) named(name string) (found []topic) {
	for _, t := range r.topics {
		if name != "" && t.name == name {
			found = append(found, t)
		}
	}
	return found
}

// docsArgument explains one argument of a block.
func (a *app) docsArgument(topics []topic, words []string) error {
	topics = slices.DeleteFunc(topics, func(t topic) bool { return t.block == nil })
	switch {
	case len(topics) == 0 || len(words) > 1:
		return refuse("Too many arguments", "There is nothing to explain behind %q: dynapipe docs takes a type, a name and an argument, as in `dynapipe docs sink file path`.", words[0])
	case len(topics) > 1:
		return refuse("Unknown name", "There are several %s: say which, as in `dynapipe docs %s %s %s`.", topics[0].name, topics[0].typ, topics[0].name, words[0])
	}
	t := topics[0]
	var known []string
	var found []schema.ArgumentDoc
	for _, x := range t.block.Arguments() {
		known = append(known, x.Name)
		if x.Name == words[0] || strings.HasSuffix(x.Name, "."+words[0]) {
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		hint := diag.DidYouMean(words[0], known)
		if hint == "" {
			hint = fmt.Sprintf(" `dynapipe docs %s` lists them.", strings.TrimSpace(t.typ+" "+t.name))
		}
		return refuse("Unknown name", "%s has no argument %q.%s", t.block.Header, words[0], hint)
	}
	if a.asksJSON() {
		d := t.document()
		d.Arguments = found
		a.answer(docsDocument{[]topicDocument{d}})
		return nil
	}
	for i, x := range found {
		if i > 0 {
			if _, err := fmt.Fprintln(a.Stdout); err != nil {
				return err
			}
		}
		if err := x.WriteText(a.Stdout, t.block.Header, a.outputWidth()); err != nil {
			return err
		}
	}
	return nil
}

// unknownType is the answer to a first argument that is no type: most likely a
// name without its type, or a slip.
func unknownType(ref *reference, word string) error {
	if near := diag.Nearest(word, ref.types()); near == "" && strings.Contains(word, "-") {
		return refuse("Unknown name", "There is no diagnostic %q. `dynapipe docs diagnostic` lists the codes.", word)
	}
	known := ref.types()
	for _, t := range ref.overview() {
		known = append(known, t.name)
	}
	hint := diag.DidYouMean(word, known)
	if hint == "" {
		hint = " There are " + strings.Join(ref.types(), ", ") + "."
	}
	return refuse("Unknown type", "There are no docs of %q.%s", word, hint)
}

func unknownName(topics []topic, typ, name string) error {
	var known []string
	for _, t := range topics {
		if t.name != "" {
			known = append(known, t.name)
		}
	}
	hint := diag.DidYouMean(name, known)
	if hint == "" {
		hint = fmt.Sprintf(" `dynapipe docs %s` lists them.", typ)
	}
	return refuse("Unknown name", "There is no %s %q.%s", typ, name, hint)
}

// outputWidth is how wide text on standard output may be; 0 where it is not a
// terminal.
func (a *app) outputWidth() int {
	out := console{w: a.Stdout}
	out.fd, _ = descriptor(a.Stdout)
	width, _ := out.width()
	return min(width, 100)
}

// list writes a line for each topic, under a heading for each type.
func list(w io.Writer, topics []topic, width int) error {
	longest := 0
	for _, t := range topics {
		longest = max(longest, len(t.title()))
	}
	var b strings.Builder
	heading := ""
	for _, t := range topics {
		if h := t.heading(); h != heading {
			if heading != "" {
				b.WriteByte('\n')
			}
			heading = h
			b.WriteString(h + "\n")
		}
		summary := t.summary
		if width > 0 {
			summary = wordwrap.WrapString(summary, uint(max(width-longest-4, 20)))
		}
		summary = strings.ReplaceAll(summary, "\n", "\n"+strings.Repeat(" ", longest+4))
		fmt.Fprintf(&b, "  %-*s  %s\n", longest, t.title(), summary)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
