// Package pipeline is the front end: files to a checked plan. It finds all that
// is wrong with a pipeline before anything runs, and says it at once.
//
// The way of a pipeline through the package:
//
//	files.go      a file or a folder, read and parsed
//	load.go       Load, and the top-level blocks sorted by type
//	variables.go  declarations of variables, their types and rules
//	values.go     what variables are set to: flags, files, environment
//	locals.go     named values, in the order they need each other
//	settings.go   the pipeline block
//	nodes.go      sources, transforms, sinks: found, named, decoded in order
//	from.go       references between nodes
//	shape.go      what is known of the rows where inputs meet
//	use.go        which attributes are of use, told to the sources
//	format.go     the canonical form of a file
//
// It does no I/O but to read pipeline and variable files.
package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Options are what a command line adds to a pipeline.
type Options struct {
	Vars     []string // name=value
	VarFiles []string // paths; a later one wins
	Environ  []string // NAME=value, as os.Environ gives it
	Values   []Value  // of variables; they win over all others
	Run      *expr.Run
}

// Value is what a file that is no pipeline sets a variable to.
type Value struct {
	Name  string
	Value cty.Value
	Range hcl.Range // of the name
}

// Load reads the pipeline at path, a file or a folder, and checks it. The
// diagnostics are sorted; with an error among them the plan is nil. The files
// are for rendering diagnostics.
func Load(path string, catalog plan.Catalog, o Options) (*plan.Plan, map[string]*hcl.File, hcl.Diagnostics) {
	files, broken, diags := read(path)
	return load(path, files, broken, diags, catalog, o)
}

// LoadText is Load of a pipeline that stands in no file: path is what its
// diagnostics call it.
func LoadText(path, text string, catalog plan.Catalog, o Options) (*plan.Plan, map[string]*hcl.File, hcl.Diagnostics) {
	file, diags := parseText([]byte(text), path)
	return load(path, map[string]*hcl.File{path: file}, map[string]bool{path: diags.HasErrors()}, diags, catalog, o)
}

func load(path string, files map[string]*hcl.File, broken map[string]bool, diags hcl.Diagnostics, catalog plan.Catalog, o Options) (*plan.Plan, map[string]*hcl.File, hcl.Diagnostics) {
	l := &loader{
		catalog: catalog,
		options: o,
		files:   files,
		blocks:  map[string][]*hclsyntax.Block{},
		secrets: &diag.Secrets{},
		diags:   diags,
	}
	var p *plan.Plan
	if len(files) > 0 {
		l.sort()
		p = l.load(path)
		l.diags = trust(l.diags, diags, broken)
	}
	l.diags = diag.Sort(l.diags)
	for _, d := range l.diags {
		d.Summary, d.Detail = l.secrets.Mask(d.Summary), l.secrets.Mask(d.Detail)
	}
	if l.diags.HasErrors() {
		return nil, files, l.diags
	}
	p.Warnings = l.diags
	return p, files, l.diags
}

// loader is one Load under way.
type loader struct {
	catalog plan.Catalog
	options Options
	files   map[string]*hcl.File
	blocks  map[string][]*hclsyntax.Block // by type, in the order of the files
	secrets *diag.Secrets
	diags   hcl.Diagnostics
	// decoder has the variables and locals, and the connections.
	decoder *schema.Decoder
}

func (l *loader) report(diags ...*hcl.Diagnostic) { l.diags = append(l.diags, diags...) }

// labels is how many labels each top-level block has, and what they are.
var labels = map[string][]string{
	"pipeline":   nil,
	"variable":   {"name"},
	"locals":     nil,
	"connection": {"type", "name"},
	"state":      nil,
	"source":     {"type", "name"},
	"transform":  {"type", "name"},
	"sink":       {"type", "name"},
}

// blockTypes is the keys of labels in the order they are explained.
var blockTypes = []string{"pipeline", "variable", "locals", "connection", "state", "source", "transform", "sink"}

// load makes the plan. What it returns is whole only when nothing was reported.
func (l *loader) load(path string) *plan.Plan {
	run := l.options.Run
	if run == nil {
		run = &expr.Run{}
	}
	functions := expr.Functions(run, true)
	ctx := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal}}
	l.decoder = &schema.Decoder{Static: ctx, Blocks: map[string]any{}, Broken: map[string]bool{}, Secrets: l.secrets}
	vars := l.variables()
	ctx.Variables["var"] = cty.ObjectVal(vars)
	locals := l.locals()
	ctx.Variables["local"] = cty.ObjectVal(locals)

	p := &plan.Plan{Secrets: l.secrets}
	l.settings(p, path)
	l.state(p)
	l.connections()
	p.Nodes = l.nodes(run)
	l.paths(p)
	if !l.diags.HasErrors() {
		p.Fingerprint = l.fingerprint(p, vars, locals)
		narrow(p)
	}
	return p
}

// sort puts the top-level blocks in their places and reports what else there is.
func (l *loader) sort() {
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		body, ok := l.files[name].Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		for _, a := range body.Attributes {
			l.report(diag.Error(a.NameRange, "Argument outside of a block",
				"Arguments stand in blocks. A value with a name is written locals { %s = ... }.", a.Name))
		}
		for _, blk := range body.Blocks {
			l.place(blk)
		}
	}
}

func (l *loader) place(blk *hclsyntax.Block) {
	want, known := labels[blk.Type]
	switch {
	case !known:
		hint := diag.DidYouMean(blk.Type, blockTypes)
		if kind := l.kindOf(blk.Type); kind != "" {
			hint = " Its type comes second: " + kind + " \"" + blk.Type + "\" \"name\" { ... }."
		}
		if blk.Type == "test" {
			hint = " Tests stand in files of their own, whose names end in " + TestExtension + ", and are run by `dynapipe test`."
		}
		if hint == "" {
			hint = " There are " + strings.Join(blockTypes, ", ") + "."
		}
		l.report(diag.Error(blk.TypeRange, "Unknown block", "There is no block %q.%s", blk.Type, hint))
	case len(blk.Labels) != len(want):
		form := blk.Type
		for _, w := range want {
			form += " \"" + strings.ToUpper(w) + "\""
		}
		l.report(diag.Error(blk.DefRange(), "Wrong number of labels", "This block is written %s { ... }.", form))
	case l.identifiers(blk):
		l.blocks[blk.Type] = append(l.blocks[blk.Type], blk)
	}
}

// identifiers checks that labels can be written in a reference.
func (l *loader) identifiers(blk *hclsyntax.Block) bool {
	ok := true
	for i, label := range blk.Labels {
		if hclsyntax.ValidIdentifier(label) {
			continue
		}
		ok = false
		l.report(diag.Error(blk.LabelRanges[i], "Invalid name",
			"%q can't be a name: names begin with a letter and have letters, digits, _ and - in them.", label))
	}
	return ok
}

// kindOf is the block type that a component's type belongs in.
func (l *loader) kindOf(typ string) string {
	for _, kind := range []plan.Kind{plan.Source, plan.Transform, plan.Sink} {
		if slices.Contains(l.catalog.Types(kind), typ) {
			return kind.String()
		}
	}
	return ""
}

// connections decodes the connection blocks.
func (l *loader) connections() {
	first := map[string]*hclsyntax.Block{}
	types := make([]string, 0, len(l.catalog.Connections))
	for _, c := range l.catalog.Connections {
		types = append(types, c.Type)
	}
	for _, blk := range l.blocks["connection"] {
		address := strings.Join([]string{blk.Type, blk.Labels[0], blk.Labels[1]}, ".")
		if !l.unique(first, address, blk) {
			continue
		}
		i := slices.Index(types, blk.Labels[0])
		if i < 0 {
			l.decoder.Broken[address] = true
			l.report(unknownType(blk, types, ""))
			continue
		}
		config := l.catalog.Connections[i].New()
		_, diags := l.decoder.Decode(blk, config.Schema())
		l.report(diags...)
		l.decoder.Broken[address] = diags.HasErrors()
		if !diags.HasErrors() {
			l.decoder.Blocks[address] = config
		}
	}
}

// unique reports an address that is used a second time.
func (l *loader) unique(first map[string]*hclsyntax.Block, address string, blk *hclsyntax.Block) bool {
	other, twice := first[address]
	if twice {
		l.report(diag.Error(blk.DefRange(), "Name used twice", "%s is already declared at %s. Give one of the two another name.",
			address, at(other.DefRange())))
		return false
	}
	first[address] = blk
	return true
}

func unknownType(blk *hclsyntax.Block, types []string, hint string) *hcl.Diagnostic {
	if hint == "" {
		hint = diag.DidYouMean(blk.Labels[0], types)
	}
	if hint == "" {
		hint = " There are: " + strings.Join(types, ", ") + "."
	}
	return diag.Error(blk.LabelRanges[0], "Unknown type of "+blk.Type, "There is no %s of type %q.%s", blk.Type, blk.Labels[0], hint)
}
