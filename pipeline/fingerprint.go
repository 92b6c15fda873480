package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dynapipe/dynapipe/internal/plan"
)

// pace is the arguments and blocks that say how fast a run goes and not what
// comes of it. They may change between a run and the one that goes on with it.
var pace = []string{
	"concurrency", "write_capacity", "read_capacity", "retry", "page_size", "cache", "batch_size", "max_connections", "timeout",
	"max_rejects", "description", "batch_rows", "batch_bytes", "channel_capacity", "parallelism",
}

// fingerprint is what the pipeline does, by what can be named in a message: a
// hash for each block and value. Layout and comments don't count.
func (l *loader) fingerprint(p *plan.Plan, vars, locals map[string]cty.Value) map[string]string {
	prints := map[string]string{}
	for kind, values := range map[string]map[string]cty.Value{"var": vars, "local": locals} {
		for name, v := range values {
			if text, ok := l.plainText(v); ok {
				sum := sha256.Sum256(text)
				prints[kind+"."+name] = short(sum[:])
			}
		}
	}
	for _, kind := range []string{"pipeline", "connection", "source", "transform", "sink"} {
		for _, blk := range l.blocks[kind] {
			h := sha256.New()
			l.hashBody(h, blk.Body)
			address := strings.Join(append([]string{blk.Type}, blk.Labels...), ".")
			for _, n := range p.Nodes {
				if n.Address == address {
					hashSettings(h, n)
				}
			}
			prints[address] = short(h.Sum(nil))
		}
	}
	return prints
}

func short(sum []byte) string { return hex.EncodeToString(sum[:8]) }

// plainText is a value as JSON; false when it is not known or must not be told.
func (l *loader) plainText(v cty.Value) ([]byte, bool) {
	if !v.IsWhollyKnown() || v.IsMarked() || v.ContainsMarked() {
		return nil, false
	}
	text, err := ctyjson.Marshal(v, v.Type())
	return text, err == nil && l.secrets.Mask(string(text)) == string(text)
}

// hashSettings adds the values that a node's arguments have, which may come from
// elsewhere: the environment.
func hashSettings(h hash.Hash, n *plan.Node) {
	for _, s := range n.Settings {
		if !slices.Contains(pace, s.Name) {
			fmt.Fprintf(h, "%s=%s\x00", s.Name, s.Value)
		}
	}
}

// hashBody adds what is written in a block, without layout and comments.
func (l *loader) hashBody(h hash.Hash, body *hclsyntax.Body) {
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		if !slices.Contains(pace, name) {
			fmt.Fprintf(h, "%s=", name)
			l.hashTokens(h, body.Attributes[name].Expr.Range())
		}
	}
	for _, blk := range body.Blocks {
		if !slices.Contains(pace, blk.Type) {
			fmt.Fprintf(h, "%s %q{", blk.Type, blk.Labels)
			l.hashBody(h, blk.Body)
			fmt.Fprint(h, "}")
		}
	}
}

func (l *loader) hashTokens(h hash.Hash, at hcl.Range) {
	text := at.SliceBytes(l.files[at.Filename].Bytes)
	tokens, _ := hclsyntax.LexExpression(text, at.Filename, at.Start) // it has been parsed before
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenComment && t.Type != hclsyntax.TokenNewline {
			fmt.Fprintf(h, "%s\x00", t.Bytes)
		}
	}
}
