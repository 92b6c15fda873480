package pipetest

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/transforms/lookup"
)

// binder puts what a test gives in the places of the pipeline's nodes.
type binder struct {
	test  *block
	plan  *plan.Plan
	dir   string // of the test's file
	rows  *rowReader
	bound map[*plan.Node]hcl.Range
	diags hcl.Diagnostics
}

func (b *binder) report(d ...*hcl.Diagnostic) { b.diags = append(b.diags, d...) }

// all binds every block, and gives what is expected of sinks.
func (b *binder) all() (expects []expectation) {
	for i := range b.test.sources {
		b.source(&b.test.sources[i])
	}
	for i := range b.test.lookups {
		b.lookup(&b.test.lookups[i])
	}
	for i := range b.test.expects {
		if e, ok := b.expect(&b.test.expects[i]); ok {
			expects = append(expects, e)
		}
	}
	for i := range b.test.rejects {
		if x := &b.test.rejects[i]; x.node != "" && b.find(x.node) == nil {
			b.unknown(x.nodeAt, x.node, func(*plan.Node) bool { return true })
		}
	}
	b.complete()
	b.report(b.rows.diags...)
	return expects
}

// complete reports what is not given, and replaces the sinks.
func (b *binder) complete() {
	for _, n := range b.plan.Nodes {
		_, bound := b.bound[n]
		_, asks := n.Transform.(*lookup.Config)
		switch {
		case n.Kind == plan.Sink:
			n.Sink = &keeping{Config: n.Sink}
		case bound:
		case n.Kind == plan.Source:
			b.report(diag.Error(b.test.at, "Source without rows", "The test says nothing of %s: add source %q %q { rows = [...] }, or rows = [] for none.", n.Address, n.Type, n.Name))
		case asks:
			b.report(diag.Error(b.test.at, "Lookup without items", "The test says nothing of %s: add lookup %q { rows = [...] }, or rows = [] for none.", n.Address, n.Name))
		}
	}
}

func (b *binder) find(address string) *plan.Node {
	i := slices.IndexFunc(b.plan.Nodes, func(n *plan.Node) bool { return n.Address == address })
	if i < 0 {
		return nil
	}
	return b.plan.Nodes[i]
}

// take finds the node that a block stands for, which no other block may.
func (b *binder) take(address string, at hcl.Range, fits func(*plan.Node) bool) *plan.Node {
	n := b.find(address)
	if n == nil {
		b.unknown(at, address, fits)
		return nil
	}
	if other, twice := b.bound[n]; twice {
		b.report(diag.Error(at, "Block written twice", "There is a block of %s at %s already.", address, place(other)))
		return nil
	}
	b.bound[n] = at
	return n
}

// unknown reports a node that the pipeline does not have.
func (b *binder) unknown(at hcl.Range, address string, fits func(*plan.Node) bool) {
	var known []string
	for _, n := range b.plan.Nodes {
		if fits(n) {
			known = append(known, n.Address)
		}
	}
	hint := diag.DidYouMean(address, known)
	if hint == "" && len(known) > 0 {
		hint = " It has: " + strings.Join(known, ", ") + "."
	}
	b.report(diag.Error(at, "Not in the pipeline", "The pipeline has no %s.%s", address, hint))
}

func ofKind(k plan.Kind) func(*plan.Node) bool {
	return func(n *plan.Node) bool { return n.Kind == k }
}

func (b *binder) source(s *sourceBlock) {
	n := b.take("source."+s.typ+"."+s.name, s.at, ofKind(plan.Source))
	if s.rows == nil {
		if n != nil {
			b.file(n, s)
		}
		return
	}
	rows, ok := b.rows.read(s.rows)
	if n == nil || !ok {
		return
	}
	for _, row := range rows {
		b.possible(n, row)
	}
	n.Source = &given{Config: n.Source, rows: rows}
}

// possible reports a value that the source would not give: a test of it would
// say nothing of a run.
func (b *binder) possible(n *plan.Node, row written) {
	for _, f := range row.Fields() {
		kinds := n.Shape.Attr(f.Name)
		if kinds.Has(f.Value.Kind()) {
			continue
		}
		why := "gives " + kinds.String()
		if kinds&^(1<<attr.Null) == 0 {
			why = "has no attribute of that name"
		}
		b.report(diag.Error(row.at, "Not from this source", "%q is %s here, and %s %s. Rows are written as the source gives them: columns = { %s = ... } in the source gives a column another type.",
			f.Name, article(f.Value.Kind()), n.Address, why, f.Name))
	}
}

func (b *binder) file(n *plan.Node, s *sourceBlock) {
	other, ok := n.Source.(interface{ ReadOther(path string) })
	if !ok {
		b.report(diag.Error(s.fileAt, "Not a source of files", "%s reads no files: write rows = [...].", n.Address))
		return
	}
	path := beside(b.dir, s.file)
	if _, err := os.Stat(path); err != nil {
		b.report(diag.Error(s.fileAt, "File not found", "There is no file %s.", path))
		return
	}
	other.ReadOther(path)
}

func (b *binder) lookup(l *lookupBlock) {
	isLookup := func(n *plan.Node) bool { _, ok := n.Transform.(*lookup.Config); return ok }
	n := b.take("transform.lookup."+l.name, l.at, isLookup)
	if n == nil {
		return
	}
	config := n.Transform.(*lookup.Config)
	items := map[string][]written{} // by get
	for _, g := range config.Gets() {
		if l.rows != nil && g.Table != config.Gets()[0].Table {
			b.report(diag.Error(l.at, "Items of which table?", "%s reads several tables: write get %q { rows = [...] } and so on, one for each of its gets.", n.Address, config.Gets()[0].Name))
			return
		}
	}
	if l.rows != nil {
		rows, ok := b.rows.read(l.rows)
		if !ok {
			return
		}
		for _, g := range config.Gets() {
			items[g.Name] = rows
		}
	}
	if !b.gets(config, l, items) {
		return
	}
	for _, g := range config.Gets() {
		b.give(config, g.Name, items[g.Name])
	}
}

// gets reads the items that a lookup's gets find. Gets of one table find those of
// each other.
func (b *binder) gets(config *lookup.Config, l *lookupBlock, items map[string][]written) bool {
	known, fine := config.Gets(), true
	given := map[string]bool{}
	for i := range l.gets {
		g := &l.gets[i]
		at := slices.IndexFunc(known, func(k lookup.Get) bool { return k.Name == g.name })
		rows, ok := b.rows.read(g.rows)
		switch {
		case at < 0:
			names := make([]string, len(known))
			for i, k := range known {
				names[i] = k.Name
			}
			hint := diag.DidYouMean(g.name, names)
			if hint == "" {
				hint = " It has: " + strings.Join(names, ", ") + "."
			}
			b.report(diag.Error(g.at, "Not in the pipeline", "The lookup has no get %q.%s", g.name, hint))
		case given[g.name]:
			b.report(diag.Error(g.at, "Block written twice", "There is a block of get %q already.", g.name))
		case ok:
			for _, k := range known {
				if k.Table == known[at].Table {
					items[k.Name] = append(items[k.Name], rows...)
					given[k.Name] = given[k.Name] || k.Name == g.name
				}
			}
			continue
		}
		fine = false
	}
	for _, k := range known {
		if _, any := items[k.Name]; !any && fine {
			b.report(diag.Error(l.at, "Lookup without items", "The test says nothing of get %q: add get %q { rows = [...] }, or rows = [] for none.", k.Name, k.Name))
			fine = false
		}
	}
	return fine
}

func (b *binder) give(config *lookup.Config, get string, rows []written) {
	items := make([]attr.Value, len(rows))
	for i, row := range rows {
		items[i] = row.Value
	}
	var not *lookup.NotAnItem
	if err := config.Give(get, items); errors.As(err, &not) {
		b.report(diag.Error(rows[not.Item].at, "Not an item", "%s.", not.Why))
	}
}

// expectation is what has to reach a sink.
type expectation struct {
	*expectBlock
	node *plan.Node
	rows []attr.Value
}

func (b *binder) expect(e *expectBlock) (expectation, bool) {
	n := b.take("sink."+e.typ+"."+e.name, e.at, ofKind(plan.Sink))
	x := expectation{expectBlock: e, node: n}
	if e.expectsRows() {
		rows, ok := b.rows.read(e.rows)
		if !ok {
			return x, false
		}
		for _, row := range rows {
			x.rows = append(x.rows, row.Value)
		}
	}
	if n != nil && !e.orders {
		e.ordered = sourcesOf(n, map[*plan.Node]bool{}) <= 1
	}
	return x, n != nil
}

func (e *expectBlock) expectsRows() bool { return e.rows != nil }

// sourcesOf counts the sources that rows of a node come from.
func sourcesOf(n *plan.Node, seen map[*plan.Node]bool) int {
	if seen[n] {
		return 0
	}
	seen[n] = true
	if n.Kind == plan.Source {
		return 1
	}
	count := 0
	for _, in := range n.Inputs {
		count += sourcesOf(in.From, seen)
	}
	return count
}
