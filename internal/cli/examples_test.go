package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/pipetest"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/pipeline"
)

// TestExamplesOfBlocks: each block has an example that has each of its arguments, is
// in the canonical form, and is part of a valid pipeline.
func TestExamplesOfBlocks(t *testing.T) {
	for _, topic := range newReference(builtin.Catalog()).topics {
		if topic.block == nil {
			continue
		}
		t.Run(topic.typ+" "+topic.name, func(t *testing.T) {
			for _, a := range topic.block.Arguments() {
				if a.Example == "" {
					t.Errorf("no example has the argument %s", a.Name)
				}
			}
			if topic.typ == testBlock {
				checkTestExample(t, topic.block.Block.Example)
				return
			}
			checkExample(t, topic.block.Block.Example)
			for name, nested := range nestedExamples(topic.block.Block) {
				checkExample(t, nestedIn(t, topic.block.Block.Example, name, nested))
			}
		})
	}
}

// checkExample completes an example to a pipeline, which has to be valid, without as much
// as a warning.
func checkExample(t *testing.T, example string) {
	t.Helper()
	formatted, file, diags := pipeline.Format("example.hcl", []byte(example))
	if diags.HasErrors() || string(formatted) != example {
		t.Fatalf("not in the canonical form, %v:\n%s", diags, example)
	}
	whole := example + around(file.Body.(*hclsyntax.Body))
	p, files, diags := pipeline.LoadText("example.hcl", whole, builtin.Catalog(), pipeline.Options{Run: &expr.Run{}})
	if p != nil {
		diags = append(diags, p.Warnings...)
	}
	if len(diags) > 0 {
		var said bytes.Buffer
		_ = (diag.Text{}).Write(&said, diags, files)
		t.Errorf("%s\nin\n%s", &said, whole)
	}
}

// around is what a pipeline has beside the blocks of an example: what they refer to,
// and readers of what nobody reads.
func around(body *hclsyntax.Body) string {
	has, unread := map[string]bool{}, []string{}
	for _, b := range body.Blocks {
		address := strings.Join(append([]string{b.Type}, b.Labels...), ".")
		has[strings.Replace(address, "variable.", "var.", 1)] = true
		switch {
		case b.Type == "transform" && b.Labels[0] == "route": // its readers are in the example
		case b.Type == "source", b.Type == "transform":
			unread = append(unread, address)
		}
	}
	var more strings.Builder
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		x, ok := n.(*hclsyntax.ScopeTraversalExpr)
		if !ok {
			return nil
		}
		var names []string
		for _, step := range x.Traversal {
			switch s := step.(type) {
			case hcl.TraverseRoot:
				names = append(names, s.Name)
			case hcl.TraverseAttr:
				names = append(names, s.Name)
			}
		}
		address := strings.Join(names, ".")
		if has[address] {
			return nil
		}
		has[address] = true
		switch names[0] {
		case "source":
			fmt.Fprintf(&more, "\nsource %q %q {\n  path = \"in\"\n}\n", names[1], names[2])
		case "connection":
			fmt.Fprintf(&more, "\nconnection %q %q {\n}\n", names[1], names[2])
		case "var":
			fmt.Fprintf(&more, "\nvariable %q {\n  default = \"x\"\n}\n", names[1])
		}
		return nil
	})
	if !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "sink" }) {
		if len(unread) == 0 {
			more.WriteString("\nsource \"csv\" \"in\" {\n  path = \"in\"\n}\n")
			unread = []string{"source.csv.in"}
		}
		fmt.Fprintf(&more, "\nsink \"file\" \"out\" {\n  from = [%s]\n  path = \"out.jsonl\"\n}\n", strings.Join(unread, ", "))
	}
	return more.String()
}

// nestedExamples is the examples that nested blocks have of their own, by the blocks'
// names.
func nestedExamples(b schema.Block) map[string]string {
	out := map[string]string{}
	for _, n := range b.Blocks {
		if example := n.Block().Example; example != "" {
			out[n.Name()] = example
		}
	}
	return out
}

// nestedIn is the first block of an example with nested blocks in it, one of them in each
// copy.
func nestedIn(t *testing.T, example, name, nested string) string {
	t.Helper()
	outer, diags := hclsyntax.ParseConfig([]byte(example), "outer", hcl.InitialPos)
	inner, more := hclsyntax.ParseConfig([]byte(nested), "inner", hcl.InitialPos)
	if len(diags)+len(more) > 0 {
		t.Fatal(diags, more)
	}
	first := outer.Body.(*hclsyntax.Body).Blocks[0]
	text := example[first.Range().Start.Byte:first.CloseBraceRange.Start.Byte]
	var out strings.Builder
	for i, b := range inner.Body.(*hclsyntax.Body).Blocks {
		if b.Type != name {
			t.Errorf("a block %s in the example of %s", b.Type, name)
		}
		fmt.Fprintf(&out, "%s\n%s}\n\n", strings.Replace(text, first.Labels[1], fmt.Sprintf("%s%d", first.Labels[1], i), 1),
			nested[b.Range().Start.Byte:b.CloseBraceRange.End.Byte])
	}
	formatted, _, _ := pipeline.Format("nested.hcl", []byte(strings.TrimSpace(out.String())+"\n"))
	return string(formatted)
}

// usersPipeline is what the example of the test block tests.
const usersPipeline = `
variable "gold" {
  type    = number
  default = 1000
}
source "csv" "users" {
  path    = "users.csv"
  columns = { balance = number }
}
transform "filter" "active" {
  from  = source.csv.users
  where = row.status == "active"
}
transform "lookup" "countries" {
  from = transform.filter.active
  get "home" {
    table = "countries"
    key   = { code = row.country }
  }
}
transform "map" "items" {
  from = transform.lookup.countries
  set  = { pk = "USER#${row.id}", tier = row.balance > var.gold ? "gold" : "standard", seen_at = timestamp() }
  keep = ["pk", "tier", "home", "seen_at"]
}
sink "batch_write" "users" {
  from  = transform.map.items
  table = "users"
}
`

// checkTestExample runs the tests of the example, which have to pass.
func checkTestExample(t *testing.T, example string) {
	t.Helper()
	if formatted, _, diags := pipeline.Format("users.test.hcl", []byte(example)); diags.HasErrors() || string(formatted) != example {
		t.Fatalf("not in the canonical form, %v", diags)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"users.hcl": usersPipeline, "users.test.hcl": example,
		"two-users.csv": "id,status,balance,country\n4,active,1,DE\n5,active,2,FR\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tests, _, diags := pipetest.Load([]string{filepath.Join(dir, "users.test.hcl")}, pipetest.Options{Catalog: builtin.Catalog()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var said bytes.Buffer
	report, err := pipetest.Run(t.Context(), tests, func(r *pipetest.Result) { _ = r.WriteText(&said) })
	if err != nil || report.Failed > 0 || report.Passed != 2 {
		t.Errorf("%v\n%s", err, &said)
	}
}
