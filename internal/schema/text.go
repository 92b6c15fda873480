package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// written is a text as the file has it. HCL gives strings in Unicode's NFC; a
// quoted literal keeps its bytes, because they may be the name of a file or of
// an attribute.
func (d *decoding) written(e hcl.Expression, text string) string {
	if key, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		e = key.Wrapped
	}
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return text
	}
	raw := d.source(t)
	if len(raw) < 2 || raw[0] != '"' {
		return text // a heredoc, or no source at hand
	}
	token := hclsyntax.Token{Type: hclsyntax.TokenQuotedLit, Bytes: []byte(raw[1 : len(raw)-1]), Range: t.Range()}
	exact, diags := hclsyntax.ParseStringLiteralToken(token)
	if diags.HasErrors() || cty.NormalizeString(exact) != text {
		return text
	}
	return exact
}

// allWritten is written for the elements of a list.
func (d *decoding) allWritten(e hcl.Expression, texts []string) []string {
	elems, diags := hcl.ExprList(e)
	if diags.HasErrors() {
		elems = []hcl.Expression{e}
	}
	if len(elems) == len(texts) {
		for i, elem := range elems {
			texts[i] = d.written(elem, texts[i])
		}
	}
	return texts
}
