package schema

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

// Docs is a declaration and the block's header: `source "csv" "NAME"`.
type Docs struct {
	Header string
	Block  Block
}

// WriteText writes the documentation for a terminal of the given width; 0
// leaves lines as long as they are.
func (d Docs) WriteText(w io.Writer, width int) error {
	t := textDocs{width: width, examples: d.examples()}
	t.block(d.Header, d.Block, "", 0)
	_, err := io.WriteString(w, t.out.String())
	return err
}

type textDocs struct {
	out      strings.Builder
	width    int
	examples map[string]string // of arguments
}

// block writes a block, whose arguments have a path that begins with prefix.
func (t *textDocs) block(header string, b Block, prefix string, depth int) {
	t.para(header+" { ... }", depth)
	t.para(b.Summary, depth+1)
	if b.Doc != "" {
		t.out.WriteByte('\n')
		t.para(strings.TrimSpace(b.Doc), depth+1)
	}
	for _, a := range b.Args {
		t.out.WriteByte('\n')
		t.argument(a, t.examples[prefix+a.name], depth+1)
	}
	for _, n := range b.Blocks {
		t.out.WriteByte('\n')
		inner := n.sample()
		t.block(n.header(inner), n.describe(inner), prefix+n.name+".", depth+1)
	}
	if b.Example != "" && depth == 0 {
		t.out.WriteByte('\n')
		t.lines("Example:\n\n"+strings.TrimSpace(b.Example), depth+1)
	}
}

// argument writes an argument with an example, if there is one.
func (t *textDocs) argument(a Arg, example string, depth int) {
	t.para(a.name+" = "+a.form(), depth)
	t.para(a.sentence(), depth+1)
	switch {
	case example == "":
	case strings.Contains(example, "\n"):
		t.lines("For example:\n"+example, depth+1)
	default:
		t.lines("For example: "+example, depth+1)
	}
}

// lines writes lines as they are.
func (t *textDocs) lines(text string, depth int) {
	for line := range strings.Lines(text) {
		t.out.WriteString(strings.TrimRight(strings.Repeat("  ", depth)+line, " \n") + "\n")
	}
}

// para writes text wrapped and indented by two spaces a level.
func (t *textDocs) para(text string, depth int) {
	indent := strings.Repeat("  ", depth)
	if t.width > 0 {
		text = wordwrap.WrapString(text, uint(max(t.width-len(indent), 20)))
	}
	for _, l := range strings.Split(text, "\n") {
		t.out.WriteString(strings.TrimRight(indent+l, " ") + "\n")
	}
}

// WriteMarkdown writes the documentation as a Markdown section of the given
// heading level.
func (d Docs) WriteMarkdown(w io.Writer, level int) error {
	var out strings.Builder
	markdown(&out, d.Header, d.Block, "", level, d.examples())
	_, err := io.WriteString(w, out.String())
	return err
}

func markdown(out *strings.Builder, header string, b Block, prefix string, level int, examples map[string]string) {
	fmt.Fprintf(out, "%s `%s`\n\n%s\n", strings.Repeat("#", level), header, b.Summary)
	if b.Doc != "" {
		fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(b.Doc))
	}
	if len(b.Args) > 0 {
		out.WriteString("\n" + row([]string{"argument", "value", "default", "meaning", "example"}, examples) + row(slices.Repeat([]string{"---"}, 5), examples))
	}
	for _, a := range b.Args {
		def := a.def
		switch {
		case a.required:
			def = "**required**"
		case strings.ContainsAny(def, "\"[0123456789") || def == "true" || def == "false":
			def = "`" + strings.Trim(def, "`") + "`"
		}
		out.WriteString(row([]string{"`" + a.name + "`", cell(a.values()), cell(def), cell(a.doc + a.notes()), exampleCell(examples[prefix+a.name])}, examples))
	}
	for _, n := range b.Blocks {
		inner := n.sample()
		out.WriteByte('\n')
		markdown(out, n.header(inner), n.describe(inner), prefix+n.name+".", level+1, examples)
	}
	if b.Example != "" {
		fmt.Fprintf(out, "\n```hcl\n%s\n```\n", strings.TrimSpace(b.Example))
	}
}

// row is a row of a table, the last cell of which is there where there are examples.
func row(cells []string, examples map[string]string) string {
	if len(examples) == 0 {
		cells = cells[:len(cells)-1]
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// exampleCell is an example in a cell of a table, where it is one line; the others are
// in the block's example.
func exampleCell(text string) string {
	switch {
	case text == "":
		return ""
	case strings.Contains(text, "\n"):
		return "below"
	}
	return "`" + cell(text) + "`"
}

// cell keeps a text inside a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

// form is what may stand after the equals sign, and the default.
func (a Arg) form() string {
	switch {
	case a.required:
		return a.values() + "  (required)"
	case a.def != "":
		return a.values() + "  (default: " + strings.Trim(a.def, "`") + ")"
	}
	return a.values()
}

// values is the values that the argument takes.
func (a Arg) values() string {
	switch {
	case a.low != nil && a.unit != "":
		return a.kind + a.limits() + " " + a.unit
	case a.low != nil:
		return a.kind + a.limits()
	case a.unit != "":
		return a.kind + ", in " + a.unit
	}
	return a.kind
}

// gist is the first sentence of what there is to say of the argument.
func (a Arg) gist() string {
	if first, _, more := strings.Cut(a.doc, ". "); more {
		return first + "."
	}
	return a.doc
}

func (a Arg) sentence() string { return a.doc + a.notes() }

func (a Arg) notes() string {
	if a.secret {
		return " Its value is never shown."
	}
	return ""
}

// header is how a nested block is written.
func (n Nested) header(b Block) string {
	h := n.name
	for _, l := range b.Labels {
		h += fmt.Sprintf(" %q", strings.ToUpper(l.Name))
	}
	return h
}

// describe adds to a nested block how often it may stand.
func (n Nested) describe(b Block) Block {
	switch {
	case n.repeats && n.atLeast > 0:
		b.Summary += " At least one."
	case n.repeats:
		b.Summary += " Any number of them."
	case n.atLeast > 0:
		b.Summary += " Required."
	default:
		b.Summary += " At most one."
	}
	return b
}

// Undocumented is the names of a declaration's parts, at any depth, that have
// no sentence of documentation: one that ends in a period.
func Undocumented(b Block) []string {
	var missing []string
	if !isSentence(b.Summary) {
		missing = append(missing, "summary")
	}
	for _, a := range b.Args {
		if !isSentence(a.doc) {
			missing = append(missing, a.name)
		}
	}
	for _, n := range b.Blocks {
		for _, name := range Undocumented(n.sample()) {
			missing = append(missing, n.name+"."+name)
		}
	}
	return missing
}

func isSentence(s string) bool { return len(s) > 1 && strings.HasSuffix(s, ".") }

// ArgumentDoc is what there is to say of an argument, for programs.
type ArgumentDoc struct {
	Name     string `json:"name" doc:"The argument's name; behind those of the nested blocks that it stands in, as retry.max_attempts."`
	Values   string `json:"values" doc:"What it takes, in words."`
	Default  string `json:"default,omitempty" doc:"Its default, in words where it is no plain value."`
	Required bool   `json:"required" doc:"It has to be there."`
	Doc      string `json:"doc" doc:"What it means."`
	Example  string `json:"example" doc:"How it is written."`
}

// WriteText writes what there is to say of the argument for a terminal of the given
// width; 0 leaves lines as long as they are.
func (a ArgumentDoc) WriteText(w io.Writer, header string, width int) error {
	t := textDocs{width: width}
	t.para(header+" { ... }", 0)
	t.argument(Arg{name: a.Name, kind: a.Values, def: a.Default, required: a.Required, doc: a.Doc}, a.Example, 1)
	_, err := io.WriteString(w, t.out.String())
	return err
}

// Arguments is the arguments of a block, and then those of its nested blocks.
func (d Docs) Arguments() []ArgumentDoc { return d.Block.arguments("", d.examples()) }

func (b Block) arguments(prefix string, examples map[string]string) (out []ArgumentDoc) {
	for _, a := range b.Args {
		out = append(out, ArgumentDoc{prefix + a.name, a.values(), a.def, a.required, a.sentence(), examples[prefix+a.name]})
	}
	for _, n := range b.Blocks {
		out = append(out, n.sample().arguments(prefix+n.name+".", examples)...)
	}
	return out
}
