package expr

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// literal binds a value that is written.
func (c *compiler) literal(e *hclsyntax.LiteralValueExpr) term {
	if v := e.Val; v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		text := c.written(v.AsString(), e.SrcRange)
		return c.constant(attr.StringValue(text), e.SrcRange)
	}
	return c.literalValue(e.Val, e.SrcRange)
}

// literalValue binds a written value that is not a string.
func (c *compiler) literalValue(v cty.Value, rng hcl.Range) term {
	out, err := FromCty(v)
	if err != nil {
		c.add(diag.Error(rng, "Invalid value", "%s.", capital(err.Error())))
		return c.broken(rng)
	}
	return c.constant(out, rng)
}

func (c *compiler) constant(v attr.Value, rng hcl.Range) term {
	return term{node: &literal{v}, kinds: KindsOf(v.Kind()), rng: rng, name: c.nameOf(rng)}
}

// written is a literal as the file has it. HCL gives strings in NFC; a string
// in a file keeps its bytes, because they may be a key in a table.
func (c *compiler) written(value string, rng hcl.Range) string {
	raw := c.sourceOf(rng)
	if raw == "" || ascii(raw) {
		return value
	}
	for _, kind := range []hclsyntax.TokenType{hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit} {
		text, diags := hclsyntax.ParseStringLiteralToken(hclsyntax.Token{Type: kind, Bytes: []byte(raw), Range: rng})
		if diags.HasErrors() {
			continue
		}
		if text, ok := trimmedTo(text, value); ok {
			return text
		}
	}
	return value
}

// trimmedTo is text without the white space that a strip marker (~) or an
// indented heredoc took away from value; false when value is not text's NFC.
func trimmedTo(text, value string) (string, bool) {
	for _, candidate := range []string{
		text,
		strings.TrimLeftFunc(text, unicode.IsSpace),
		strings.TrimRightFunc(text, unicode.IsSpace),
		strings.TrimSpace(text),
	} {
		if norm.NFC.String(candidate) == value {
			return candidate, true
		}
	}
	return "", false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// indexText is the name in ["name"], as it was written.
func (c *compiler) indexText(step hcl.TraverseIndex) string {
	value := step.Key.AsString()
	raw := []byte(c.sourceOf(step.SrcRange))
	if open := bytes.IndexByte(raw, '"'); open >= 0 {
		if end := bytes.LastIndexByte(raw, '"'); end > open {
			rng := step.SrcRange
			rng.Start.Byte += open + 1
			rng.End.Byte -= len(raw) - end
			return c.written(value, rng)
		}
	}
	return value
}
