package schema

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// examples is an example of each argument that the block's examples have, by its
// path, such as retry.max_attempts: the first that there is.
func (d Docs) examples() map[string]string {
	found := map[string]string{}
	kind, _, _ := strings.Cut(d.Header, " ")
	d.Block.showIn(found, kind, "")
	return found
}

// showIn adds what the examples of a block, and of those nested in it, show.
func (b Block) showIn(found map[string]string, kind, prefix string) {
	src := []byte(b.Example)
	file, diags := hclsyntax.ParseConfig(src, "example", hcl.InitialPos)
	if body, ok := file.Body.(*hclsyntax.Body); ok && !diags.HasErrors() { // a test sees to that
		for _, blk := range body.Blocks {
			if blk.Type == kind {
				show(found, prefix, blk.Body, src)
			}
		}
	}
	for _, n := range b.Blocks {
		n.sample().showIn(found, n.name, prefix+n.name+".")
	}
}

func show(found map[string]string, prefix string, body *hclsyntax.Body, src []byte) {
	for name, a := range body.Attributes {
		if _, shown := found[prefix+name]; !shown {
			indent := "\n" + strings.Repeat(" ", a.NameRange.Start.Column-1)
			line := name + " = " + string(a.Expr.Range().SliceBytes(src)) // without the spaces that put = below =
			found[prefix+name] = strings.ReplaceAll(line, indent, "\n")
		}
	}
	for _, blk := range body.Blocks {
		show(found, prefix+blk.Type+".", blk.Body, src)
	}
}
