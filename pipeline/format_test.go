package pipeline_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/pipeline"
)

func TestFormat(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"alignment":      {"a=1\nlonger   =  2\n", "a      = 1\nlonger = 2\n"},
		"indentation":    {"source \"csv\" \"a\"   {\npath=\"x\"\n      }\n", "source \"csv\" \"a\" {\n  path = \"x\"\n}\n"},
		"comments":       {"# one\na=1 // two\n/* three */ b = 2 # four", "# one\na             = 1 // two\n/* three */ b = 2 # four\n"},
		"end":            {"a = 1\n\n\n", "a = 1\n"},
		"no end":         {"a = 1", "a = 1\n"},
		"nothing":        {"\n\n", ""},
		"CRLF":           {"a=1\r\nbb=2\r\n\r\n", "a  = 1\r\nbb = 2\r\n"},
		"comment at end": {"a = 1\n# end\n\n", "a = 1\n# end\n"},
		"heredoc":        {"a=<<EOT\n  x  = 1\n\nEOT\n", "a = <<EOT\n  x  = 1\n\nEOT\n"},
		"row expression": {"t \"f\" \"n\" {\nwhere=row.a  ==\"x\"&&!row.b\n}\n", "t \"f\" \"n\" {\n  where = row.a == \"x\" && !row.b\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, diags := pipeline.Format("p.hcl", []byte(c.src))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if string(got) != c.want {
				t.Errorf("formatted:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	for name, src := range map[string]string{
		"syntax error": "a = = 1\n",
		"too deep":     "a = " + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "\n",
		"too large":    "a = 1\n" + strings.Repeat("#\n", 2<<20+1),
	} {
		if got, _, diags := pipeline.Format("p.hcl", []byte(src)); !diags.HasErrors() || got != nil {
			t.Errorf("%s: formatted to %.80q, with %v", name, got, diags)
		}
	}
}

// FuzzFormat: what can be parsed can be formatted, means the same then, has its
// comments, and has nothing left to format.
func FuzzFormat(f *testing.F) {
	examples, err := filepath.Glob("../examples/pipelines/*.hcl")
	if err != nil || len(examples) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
		f.Add(bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")))
		f.Add(bytes.ReplaceAll(src, []byte("  "), nil))
	}
	for _, file := range seeds(f) {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		once, file, diags := pipeline.Format("p.hcl", src)
		if diags.HasErrors() {
			if once != nil {
				t.Fatalf("formatted in spite of %v", diags)
			}
			if _, broken := hclsyntax.ParseConfig(src, "p.hcl", hcl.InitialPos); !broken.HasErrors() && len(src) < 1000 {
				t.Fatalf("not formatted: %v", diags)
			}
			return
		}
		after, diags := hclsyntax.ParseConfig(once, "p.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("broken: %v\n%s", diags, once)
		}
		if was, is := meaning(file), meaning(after); was != is {
			t.Fatalf("changed\n%s\nto\n%s", was, is)
		}
		if was, is := comments(src), comments(once); was != is {
			t.Fatalf("comments %q became %q", was, is)
		}
		twice, _, diags := pipeline.Format("p.hcl", once)
		if diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("formatted twice %v:\n%s\nonce:\n%s", diags, twice, once)
		}
	})
}

// meaning is a parsed file without its places.
func meaning(file *hcl.File) string {
	var b strings.Builder
	write(&b, reflect.ValueOf(file.Body))
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil ")
			return
		}
		fmt.Fprintf(b, "%s ", v.Elem().Type())
		write(b, v.Elem())
	case reflect.Struct:
		if value, ok := v.Interface().(cty.Value); ok {
			fmt.Fprintf(b, "%#v ", value)
			return
		}
		if v.Type() == reflect.TypeFor[hcl.Range]() {
			return
		}
		b.WriteString("{")
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fmt.Fprintf(b, "%s:", v.Type().Field(i).Name)
				write(b, v.Field(i))
			}
		}
		b.WriteString("}\n")
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]hcl.Range]() {
			return
		}
		for i := range v.Len() {
			write(b, v.Index(i))
		}
	case reflect.Map: // attributes by name
		keys := v.MapKeys()
		for _, k := range keys {
			if k.Kind() != reflect.String {
				panic("a map by " + k.Type().String())
			}
		}
		names := map[string]reflect.Value{}
		var sorted []string
		for _, k := range keys {
			names[k.String()] = v.MapIndex(k)
			sorted = append(sorted, k.String())
		}
		slices.Sort(sorted)
		for _, k := range sorted {
			b.WriteString(k + "=")
			write(b, names[k])
		}
	default:
		fmt.Fprintf(b, "%v ", v)
	}
}

func comments(src []byte) string {
	var b strings.Builder
	tokens, _ := hclsyntax.LexConfig(src, "p.hcl", hcl.InitialPos)
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment {
			b.WriteString(strings.TrimRight(string(t.Bytes), "\r\n") + "\n")
		}
	}
	return b.String()
}
