package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// keyPart is an attribute of a table's key, as --key says it.
type keyPart struct {
	name, typ string
	kinds     expr.Kinds
}

func (k keyPart) String() string { return k.name + " (" + k.typ + ")" }

// tableKeys are the keys of tables that the command line tells validate of.
type tableKeys map[string][]keyPart

const formOfKey = "A table's key is written --key TABLE=pk:S or --key TABLE=pk:S,sk:N, with the types S, N and B."

// parseKeys reads the values of --key.
func parseKeys(flags []string) (tableKeys, error) {
	keys := tableKeys{}
	for _, text := range flags {
		table, parts, found := strings.Cut(text, "=")
		if !found || !delivery.ValidTable(table) {
			return nil, refuse("Wrong value of a flag", "--key does not take %q. %s", text, formOfKey)
		}
		table = dynamo.TableName(table)
		if _, twice := keys[table]; twice {
			return nil, refuse("Wrong value of a flag", "--key says the key of table %s twice.", table)
		}
		key, ok := parseKey(parts)
		if !ok {
			return nil, refuse("Wrong value of a flag", "--key does not take %q. %s", text, formOfKey)
		}
		keys[table] = key
	}
	return keys, nil
}

func parseKey(text string) (key []keyPart, ok bool) {
	kinds := map[string]expr.Kinds{"S": expr.String, "N": expr.Number, "B": expr.Binary}
	for part := range strings.SplitSeq(text, ",") {
		i := strings.LastIndexByte(part, ':')
		if i <= 0 || kinds[part[i+1:]] == 0 {
			return nil, false
		}
		key = append(key, keyPart{part[:i], part[i+1:], kinds[part[i+1:]]})
	}
	return key, len(key) <= 2 && (len(key) == 1 || key[0].name != key[1].name)
}

// check finds the keys that nodes make which are none of their table's. It knows
// what the pipeline says of types, and asks nobody.
func (keys tableKeys) check(p *plan.Plan) (diags hcl.Diagnostics) {
	used := map[string]bool{}
	for _, n := range p.Nodes {
		user, ok := n.Config().(plan.KeyUser)
		if !ok {
			continue
		}
		for _, use := range user.KeyUses(n.Shape) {
			table := dynamo.TableName(use.Table)
			used[table] = true
			key, told := keys[table]
			if !told {
				continue
			}
			if use.At.Empty() {
				use.At = n.Range
			}
			diags = append(diags, fits(key, table, use)...)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(keys)) {
		if !used[table] {
			hint := diag.DidYouMean(table, slices.Sorted(maps.Keys(used)))
			d := diag.Plain("Key of a table that is not used", "No node of this pipeline makes keys of table %s by a name that is fixed: --key was not needed.%s", table, hint)
			d.Severity = hcl.DiagWarning
			diags = append(diags, d)
		}
	}
	return diags
}

// fits compares what a node makes a key of with the key.
func fits(key []keyPart, table string, use schema.KeyUse) (diags hcl.Diagnostics) {
	report := func(format string, args ...any) {
		diags = append(diags, diag.Error(use.At, "Key does not fit the table", "%s", keyText(key, table)+" "+fmt.Sprintf(format, args...)))
	}
	for _, part := range key {
		switch got := use.From.Attr(part.name); {
		case got == expr.Null && use.Exact:
			report("This key has no %q.", part.name)
		case got == expr.Null:
			report("There is no %q here, so each row would be rejected.", part.name)
		case got.Never(part.kinds):
			report("Here %q is %s, and never %s, so each row would be rejected.", part.name, got, part.kinds)
		}
	}
	if !use.Exact {
		return diags
	}
	for _, name := range slices.Sorted(maps.Keys(use.From.Attrs)) {
		if !slices.ContainsFunc(key, func(p keyPart) bool { return p.name == name }) {
			report("%q is not part of it.", name)
		}
	}
	return diags
}

func keyText(key []keyPart, table string) string {
	parts := make([]string, len(key))
	for i, p := range key {
		parts[i] = p.String()
	}
	return fmt.Sprintf("The key of table %s is %s.", table, strings.Join(parts, " and "))
}
