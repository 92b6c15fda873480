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
		Use:   "docs [TYPE [NAME] | CODE]",
		Short: "Explain blocks, components, arguments, functions and diagnostics",
		Long: `Docs explains the language: what a source, transform or sink does, each of its
arguments with meaning, default and unit, the other blocks of a pipeline, and
the functions of expressions. By its code it explains what may be wrong and what to
do about it. Without arguments it lists what there is.`,
		Example: `  dynapipe docs
  dynapipe docs source
  dynapipe docs sink batch_write
  dynapipe docs pipeline
  dynapipe docs function upper
  dynapipe docs unknown-argument`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return refuse("Too many arguments", "dynapipe docs takes a type and a name, as in `dynapipe docs sink file`.")
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
	topics := ref.overview()
	if len(args) > 0 {
		topics = ref.ofType(args[0])
		if len(args) == 1 && len(topics) == 0 {
			topics = ref.problem(args[0])
		}
		if len(topics) == 0 {
			return unknownType(ref, args[0])
		}
	}
	if len(args) == 2 {
		i := slices.IndexFunc(topics, func(t topic) bool { return t.name == args[1] })
		if i < 0 {
			return unknownName(topics, args[0], args[1])
		}
		topics = topics[i : i+1]
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

// unknownType is the answer to a first argument that is no type: most likely a
// name without its type, or a slip.
func unknownType(ref *reference, word string) error {
	if near := diag.Nearest(word, ref.types()); near == "" && strings.Contains(word, "-") {
		return refuse("Unknown name", "There is no diagnostic %q. `dynapipe docs diagnostic` lists the codes.", word)
	}
	for _, t := range ref.topics {
		if word != "" && t.name == word {
			return refuse("Unknown type", "%q is a %s: `dynapipe docs %s %s`.", word, t.typ, t.typ, word)
		}
	}
	hint := diag.DidYouMean(word, ref.types())
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
	if len(known) == 0 {
		return refuse("Too many arguments", "There is one kind of %s: `dynapipe docs %s`.", typ, typ)
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
