package inspect

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Block is a source block. What is empty is left out.
type Block struct {
	Type    string
	Name    string
	Args    []Arg
	Columns []Column // the argument columns
}

// Arg is one argument with its value.
type Arg struct {
	Name  string
	Value cty.Value
}

// Column is one attribute and its type.
type Column struct{ Name, Type string }

// String is the block as a pipeline has it.
func (b Block) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "source %s %s {\n", literal(cty.StringVal(b.Type)), literal(cty.StringVal(b.Name)))
	for _, a := range b.Args {
		fmt.Fprintf(&out, "%s = %s\n", a.Name, literal(a.Value))
	}
	if len(b.Columns) > 0 {
		out.WriteString("columns = {\n")
		for _, c := range b.Columns {
			fmt.Fprintf(&out, "%s = %s\n", key(c.Name), c.Type)
		}
		out.WriteString("}\n")
	}
	out.WriteString("}\n")
	return string(hclwrite.Format([]byte(out.String())))
}

// With is the block with an argument more.
func (b Block) With(name string, value cty.Value) Block {
	b.Args = append(slices.Clone(b.Args), Arg{name, value})
	return b
}

func literal(v cty.Value) string { return string(hclwrite.TokensForValue(v).Bytes()) }

// key is a name before an equals sign.
func key(name string) string {
	// Words that mean something else at the beginning of an expression.
	reserved := []string{"for", "if", "in", "else", "endif", "endfor", "true", "false", "null"}
	if hclsyntax.ValidIdentifier(name) && !slices.Contains(reserved, name) {
		return name
	}
	return literal(cty.StringVal(name))
}

// Spellable reports a name that a pipeline can spell: HCL's text is Unicode, in
// normal form C.
func Spellable(name string) bool { return utf8.ValidString(name) && cty.NormalizeString(name) == name }

// Label makes a name of a node of any text, such as the name of a file.
func Label(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9' && b.Len() > 0, r == '_' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	if name := strings.TrimRight(b.String(), "_"); name != "" {
		return name
	}
	return "rows"
}
