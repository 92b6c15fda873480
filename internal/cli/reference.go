package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/pipetest"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/pipeline"
)

// reference is all there is to explain, in the order it is listed in.
type reference struct {
	topics []topic
}

// topic is one thing that docs explains: a block, a function or a diagnostic.
type topic struct {
	typ     string // source, function; of a block without types, the block itself
	name    string // csv, upper
	summary string
	block   *schema.Docs // of a block
	problem *diag.Problem
	function
}

type function = expr.FunctionDoc

// testBlock is the one block that is no pipeline's: it stands in files of tests.
const testBlock = "test"

// diagnostic is the type of topics that explain what may be wrong.
const diagnostic = "diagnostic"

func newReference(catalog plan.Catalog) *reference {
	r := &reference{}
	var from hcl.Expression // declared, and decoded into by nobody
	for _, k := range catalog.Sources {
		r.component("source", k.Type, k.New().Schema())
	}
	for _, k := range catalog.Transforms {
		r.component("transform", k.Type, reading(&from, k.New().Schema()))
	}
	for _, k := range catalog.Sinks {
		r.component("sink", k.Type, reading(&from, k.New().Schema()))
	}
	for _, k := range catalog.Connections {
		r.component("connection", k.Type, k.New().Schema())
	}
	for _, d := range pipeline.Docs() {
		word, _, _ := strings.Cut(d.Header, " ")
		r.topics = append(r.topics, topic{typ: word, summary: d.Block.Summary, block: &d})
	}
	for _, d := range pipetest.Docs() {
		r.topics = append(r.topics, topic{typ: testBlock, summary: d.Block.Summary, block: &d})
	}
	for _, f := range expr.FunctionDocs() {
		r.topics = append(r.topics, topic{typ: "function", name: f.Name, summary: f.Description, function: f})
	}
	for _, p := range diag.Problems() {
		r.topics = append(r.topics, topic{typ: diagnostic, name: p.Code, summary: p.Summary, problem: &p})
	}
	return r
}

func (r *reference) component(kind, typ string, b schema.Block) {
	r.topics = append(r.topics, topic{typ: kind, name: typ, summary: b.Summary,
		block: &schema.Docs{Header: fmt.Sprintf("%s %q \"NAME\"", kind, typ), Block: b}})
}

// reading adds the argument that every node with input has.
func reading(from *hcl.Expression, b schema.Block) schema.Block {
	b.Args = append([]schema.Arg{plan.From(from)}, b.Args...)
	return b
}

func (r *reference) ofType(typ string) []topic {
	var found []topic
	for _, t := range r.topics {
		if t.typ == typ {
			found = append(found, t)
		}
	}
	return found
}

// overview is all topics but the diagnostics, which are many.
func (r *reference) overview() []topic {
	return slices.DeleteFunc(slices.Clone(r.topics), func(t topic) bool { return t.typ == diagnostic })
}

func (r *reference) types() []string {
	var types []string
	for _, t := range r.topics {
		if !slices.Contains(types, t.typ) {
			types = append(types, t.typ)
		}
	}
	return types
}

func (r *reference) completions(args []string) (words []string) {
	if len(args) == 0 {
		return r.types()
	}
	topics, rest, err := r.find(args)
	switch {
	case err != nil || len(rest) > 0:
	case len(topics) > 0 && len(args) == 1 && len(r.ofType(args[0])) > 0 && topics[0].name != "":
		for _, t := range topics {
			words = append(words, cobra.CompletionWithDesc(t.name, t.summary))
		}
	case len(topics) == 1 && topics[0].block != nil:
		for _, a := range topics[0].block.Arguments() {
			words = append(words, cobra.CompletionWithDesc(a.Name, a.Doc))
		}
	}
	return words
}

// title is what a topic is called where its heading is known.
func (t topic) title() string {
	if t.name == "" {
		return t.typ
	}
	return t.name
}

// heading is what a list puts a topic under: its type, or that it is a block
// that has no types.
func (t topic) heading() string {
	if t.name == "" {
		return "block"
	}
	return t.typ
}

// text explains a topic on a terminal.
func (t topic) text(w io.Writer, width int) error {
	if t.block != nil {
		return t.block.WriteText(w, width)
	}
	wrap := func(text string) string {
		if width > 0 {
			text = wordwrap.WrapString(text, uint(max(width-2, 20)))
		}
		return strings.ReplaceAll(text, "\n", "\n  ")
	}
	if p := t.problem; p != nil {
		_, err := fmt.Fprintf(w, "%s: %s\n  %s\n\n  %s\n", p.Code, p.Summary, wrap(p.Cause), wrap(p.Cure))
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n  %s\n\n  %s\n", t.Signature, wrap(t.Description), t.Example)
	return err
}

// Page is one page of the reference.
type Page struct {
	Name string // of the file
	Text string // Markdown, or JSON
}

const generated = "<!-- Written by `make generate`. Do not edit. -->\n\n"

// Reference is the pages of the reference, made from the declarations that the
// commands themselves are built on.
func Reference() ([]Page, error) {
	ref := newReference(builtin.Catalog())
	language, err := schemaText(ref.json())
	if err != nil {
		return nil, err
	}
	output, err := schemaText(outputSchema())
	if err != nil {
		return nil, err
	}
	var pages []Page
	var index strings.Builder
	index.WriteString(generated + "# Reference\n\nThe same is on the command line: `dynapipe docs`, `dynapipe docs sink batch_write`, `dynapipe run --help`.\n")
	kind := ""
	for _, t := range ref.topics {
		if t.block == nil {
			continue
		}
		name := strings.TrimSuffix(t.typ+"-"+t.name, "-") + ".md"
		if h := t.heading(); h != kind {
			kind = h
			fmt.Fprintf(&index, "\n## %s%ss\n\n", strings.ToUpper(kind[:1]), kind[1:])
		}
		fmt.Fprintf(&index, "- [%s](%s): %s\n", t.title(), name, t.summary)
		pages = append(pages, Page{name, t.page()})
	}
	index.WriteString("\n## Expressions and commands\n\n- [functions](functions.md)\n- [command line](command-line.md)\n- [diagnostics](diagnostics.md)\n- [metrics](metrics.md)\n- [JSON documents](output.md): what `--output json` and `--report` write, and their [JSON Schema](output.schema.json)\n- [JSON Schema](pipeline.schema.json) of the language, which `dynapipe schema` writes\n")
	return append(pages,
		Page{"README.md", index.String()},
		Page{"functions.md", functionsPage(ref)},
		Page{"command-line.md", commandsPage()},
		Page{"diagnostics.md", diagnosticsPage(ref)},
		Page{"metrics.md", metricsPage()},
		Page{"output.md", outputPage()},
		Page{"output.schema.json", string(output)},
		Page{"pipeline.schema.json", string(language)}), nil
}

func (t topic) page() string {
	var b strings.Builder
	b.WriteString(generated)
	_ = t.block.WriteMarkdown(&b, 1) // a Builder takes everything
	return b.String()
}

func functionsPage(ref *reference) string {
	var b strings.Builder
	b.WriteString(generated + "# Functions\n\n")
	for _, t := range ref.ofType("function") {
		fmt.Fprintf(&b, "## `%s`\n\n%s\n\n```hcl\n%s\n```\n\n", t.Signature, t.Description, t.Example)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// diagnosticsPage is every kind of diagnostic with its cause and its cure.
func diagnosticsPage(ref *reference) string {
	var b strings.Builder
	b.WriteString(generated + "# Diagnostics\n\nWhat may be wrong with a pipeline or a command line, by code. `--output json` has the code of each\n" +
		"diagnostic; `dynapipe docs CODE` says what is here. A * stands for a word that differs.\n\n| code | summary | cause | cure |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;").Replace
	for _, t := range ref.ofType(diagnostic) {
		p := t.problem
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Code, cell(p.Summary), cell(p.Cause), cell(p.Cure))
	}
	return b.String()
}

// commandsPage is the help of each command.
func commandsPage() string {
	a := newApp(Process{Stdout: io.Discard, Stderr: io.Discard})
	var b strings.Builder
	b.WriteString(generated + "# Command line\n")
	for _, c := range a.root().Commands() {
		if c.IsAvailableCommand() {
			commandSection(&b, c)
		}
	}
	return b.String()
}

func commandSection(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## `%s`\n\n%s.\n", strings.TrimSuffix(c.UseLine(), " [flags]"), c.Short)
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(c.Long))
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	var rows strings.Builder
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		def := f.DefValue
		if def == "[]" || def == "false" || def == "0s" {
			def = ""
		}
		fmt.Fprintf(&rows, "| `--%s` | %s | %s | %s |\n", f.Name, strings.ReplaceAll(kind, "|", `\|`), def, usage)
	})
	if rows.Len() > 0 {
		fmt.Fprintf(b, "\n| flag | value | default | meaning |\n|---|---|---|---|\n%s", rows.String())
	}
}
