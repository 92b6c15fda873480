package schema_test

import (
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/schema"
)

// TestExamples: an argument is shown by the first example that has it, also in a nested
// block, and by the nested block's own example otherwise.
func TestExamples(t *testing.T) {
	var text, list, other, depth string
	type inner struct{}
	nested := func(*inner) schema.Block {
		return schema.Block{Summary: "Inner.", Example: "retry {\n  times = 3\n  depth = 2\n}\n", Args: []schema.Arg{
			schema.String("times", &other, "Times."), schema.String("depth", &depth, "Depth."),
		}}
	}
	docs := schema.Docs{Header: `sink "x" "NAME"`, Block: schema.Block{
		Summary: "A sink.",
		Example: "sink \"x\" \"a\" {\n  text   = \"one\" # why\n  retry {\n    times = 5\n  }\n}\n\nsink \"x\" \"b\" {\n  text = \"two\"\n  list = [\n    1,\n  ]\n}\n\nsource \"y\" \"c\" {\n  none = 1\n}\n",
		Args:    []schema.Arg{schema.String("text", &text, "Text."), schema.String("list", &list, "List."), schema.String("none", &text, "None.")},
		Blocks:  []schema.Nested{schema.Optional("retry", new(*inner), nested)},
	}}
	got := map[string]string{}
	for _, a := range docs.Arguments() {
		got[a.Name] = a.Example
	}
	for name, want := range map[string]string{"text": `text = "one"`, "list": "list = [\n  1,\n]", "none": "", "retry.times": "times = 5", "retry.depth": "depth = 2"} {
		if got[name] != want {
			t.Errorf("%s: %q, not %q", name, got[name], want)
		}
	}
	var shown, markdown strings.Builder
	if err := docs.WriteText(&shown, 80); err != nil {
		t.Fatal(err)
	}
	if err := docs.WriteMarkdown(&markdown, 1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"    Text.\n    For example: text = \"one\"\n", "    For example:\n    list = [\n      1,\n    ]\n", "      For example: times = 5\n",
		"\n  Example:\n\n  sink \"x\" \"a\" {\n",
	} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("text lacks %q:\n%s", want, &shown)
		}
	}
	for _, want := range []string{"| `text` | a string |  | Text. | `text = \"one\"` |\n", "| List. | below |\n", "| None. |  |\n", "\n```hcl\nsink \"x\" \"a\" {\n"} {
		if !strings.Contains(markdown.String(), want) {
			t.Errorf("Markdown lacks %q:\n%s", want, &markdown)
		}
	}
}
