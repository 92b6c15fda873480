package pipetest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/pipeline"
)

// runID is the id of every run of a test, so that uuid() gives the same again.
const runID = "00000000-0000-7000-8000-000000000000"

// environmentOfVariables begins what sets a variable, which has no say in a test.
const environmentOfVariables = "DYNAPIPE_VAR_"

// Options are which tests are run.
type Options struct {
	Catalog plan.Catalog
	Environ []string
	// Select chooses tests by their names; nil chooses all.
	Select *regexp.Regexp
}

// Test is a test that can run, once.
type Test struct {
	File, Name string
	Line       int
	Pipeline   string // path

	run     *expr.Run
	plan    *plan.Plan
	expects []expectation
	rejects []rejectBlock
}

// Load reads files of tests and the pipelines that they are of. The diagnostics
// are sorted; with an error among them no test can run. The files are for
// rendering diagnostics.
func Load(paths []string, o Options) (tests []*Test, files map[string]*hcl.File, diags hcl.Diagnostics) {
	files = map[string]*hcl.File{}
	for _, path := range paths {
		file, problems := pipeline.Parse(path)
		diags = append(diags, problems...)
		if file != nil {
			files[path] = file
		}
		if problems.HasErrors() {
			continue
		}
		f := &fileLoader{Options: o, path: path, source: file.Bytes, files: files}
		f.load(file.Body.(*hclsyntax.Body))
		tests, diags = append(tests, f.tests...), append(diags, f.diags...)
	}
	diags = diag.Sort(diags)
	return tests, files, slices.CompactFunc(diags, same)
}

// same finds what two tests of one pipeline both report.
func same(a, b *hcl.Diagnostic) bool {
	return a.Summary == b.Summary && a.Detail == b.Detail && (a.Subject == nil) == (b.Subject == nil) && (a.Subject == nil || *a.Subject == *b.Subject)
}

// fileLoader is one file of tests being read.
type fileLoader struct {
	Options
	path   string
	source []byte
	files  map[string]*hcl.File
	tests  []*Test
	diags  hcl.Diagnostics
}

func (f *fileLoader) report(d ...*hcl.Diagnostic) { f.diags = append(f.diags, d...) }

func (f *fileLoader) load(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		f.report(diag.Error(a.NameRange, "Argument outside of a block", "Arguments stand in blocks: test \"name\" { %s = ... }.", a.Name))
	}
	first := map[string]hcl.Range{}
	for _, blk := range body.Blocks {
		if blk.Type != "test" {
			f.report(diag.Error(blk.TypeRange, "Unknown block", "A file of tests has test blocks: test \"name\" { ... }.%s", diag.DidYouMean(blk.Type, []string{"test"})))
			continue
		}
		if len(blk.Labels) != 1 {
			f.report(diag.Error(blk.DefRange(), "Wrong number of labels", "This block is written test \"NAME\" { ... }."))
			continue
		}
		name := blk.Labels[0]
		if other, twice := first[name]; twice {
			f.report(diag.Error(blk.DefRange(), "Name used twice", "A test %q is already declared at %s. Give one of the two another name.", name, place(other)))
			continue
		}
		first[name] = blk.DefRange()
		if f.Select == nil || f.Select.MatchString(name) {
			f.test(blk)
		}
	}
}

// test loads one test.
func (f *fileLoader) test(blk *hclsyntax.Block) {
	static := &hcl.EvalContext{
		Functions: expr.Functions(&expr.Run{ID: runID}, true),
		Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal},
	}
	b := &block{name: blk.Labels[0], at: blk.DefRange()}
	sources := map[string][]byte{f.path: f.source}
	decoder := &schema.Decoder{Static: static, Scope: &expr.Scope{Static: static, Sources: sources}, Blocks: map[string]any{}, Broken: map[string]bool{}}
	_, diags := decoder.Decode(blk, b.Schema())
	f.report(diags...)
	if diags.HasErrors() {
		return
	}
	run := &expr.Run{ID: runID, Start: b.start}
	static.Functions = expr.Functions(run, true)
	values, ok := f.variables(b, static)
	if !ok {
		return
	}
	path := f.pipelineOf(b)
	if _, err := os.Stat(path); err != nil {
		f.report(diag.Error(b.pipelineAt, "File not found", "There is no pipeline at %s, where this test looks for it.", path))
		return
	}
	p, files, diags := pipeline.Load(path, f.Catalog, pipeline.Options{Environ: f.environ(), Values: values, Run: run})
	maps.Copy(f.files, files)
	if diags.HasErrors() {
		f.report(diags...)
		return
	}
	bind := &binder{
		test: b, plan: p, dir: filepath.Dir(f.path), bound: map[*plan.Node]hcl.Range{},
		rows: &rowReader{scope: &expr.Scope{Static: static, Run: run, Sources: sources, Shape: expr.Shape{Rest: expr.Null}}},
	}
	expects := bind.all()
	f.report(bind.diags...)
	if !bind.diags.HasErrors() {
		f.tests = append(f.tests, &Test{
			File: f.path, Name: b.name, Line: b.at.Start.Line, Pipeline: path, run: run, plan: p, expects: expects, rejects: b.rejects,
		})
	}
}

// environ is the environment without what sets variables: a test says what they are.
func (f *fileLoader) environ() []string {
	return slices.DeleteFunc(slices.Clone(f.Environ), func(e string) bool { return strings.HasPrefix(e, environmentOfVariables) })
}

// pipelineOf is the path of the pipeline that a test is of.
func (f *fileLoader) pipelineOf(b *block) string {
	dir := filepath.Dir(f.path)
	if b.pipeline != "" {
		return beside(dir, b.pipeline)
	}
	path := strings.TrimSuffix(f.path, pipeline.TestExtension) + ".hcl"
	if _, err := os.Stat(path); err != nil {
		return dir
	}
	return path
}

// place is a place in words.
func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// beside is a path as it is meant in a folder.
func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// variables evaluates the values of variables, which rows may use.
func (f *fileLoader) variables(b *block, static *hcl.EvalContext) (values []pipeline.Value, ok bool) {
	if b.variables == nil {
		return nil, true
	}
	pairs, diags := hcl.ExprMap(b.variables)
	if diags.HasErrors() {
		f.report(diag.Error(b.variables.Range(), "Wrong form of argument", "\"variables\" takes names and values in braces: variables = { name = value }."))
		return nil, false
	}
	vars := map[string]cty.Value{}
	for _, p := range pairs {
		name, _, diags := schema.Eval(p.Key, static, "A name")
		value, known, more := schema.Eval(p.Value, static, "The value of a variable")
		f.report(append(diags, more...)...)
		if !known || diags.HasErrors() || name.Type() != cty.String || name.IsNull() {
			return nil, false
		}
		vars[name.AsString()] = value
		values = append(values, pipeline.Value{Name: name.AsString(), Value: value, Range: p.Key.Range()})
	}
	static.Variables["var"] = cty.ObjectVal(vars)
	return values, true
}
