package pipeline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/diag"
)

const (
	extension = ".hcl"
	// TestExtension ends the name of a file of tests, which is no part of the
	// pipeline in its folder.
	TestExtension = ".test.hcl"
	// maxFile bounds a file: a pipeline is written by hand, or nearly so, and a
	// data file given by mistake is not read whole.
	maxFile = 4 << 20
	// maxNesting bounds brackets within one another, and maxOperators the
	// operators of one expression between commas: HCL's parser, and all that
	// walks what it gives, recurses with both.
	maxNesting   = 200
	maxOperators = 2000
)

// read reads and parses the pipeline file at path, or those of the folder. broken are
// the files with syntax errors.
func read(path string) (files map[string]*hcl.File, broken map[string]bool, diags hcl.Diagnostics) {
	paths, problem := list(path, isPipeline)
	if problem != nil {
		return nil, nil, hcl.Diagnostics{problem}
	}
	files, broken = map[string]*hcl.File{}, map[string]bool{}
	for _, p := range paths {
		file, problems := parse(p)
		if file != nil {
			files[p] = file
		}
		broken[p] = problems.HasErrors()
		diags = append(diags, problems...)
	}
	return files, broken, diags
}

// isPipeline reports that a name is that of a pipeline file, and isOurs of one
// in HCL, tests as well.
func isPipeline(name string) bool { return isOurs(name) && !strings.HasSuffix(name, TestExtension) }
func isOurs(name string) bool     { return strings.HasSuffix(name, extension) }

// list is the files that a path stands for: itself, or those of the folder that
// are wanted.
func list(path string, wanted func(name string) bool) ([]string, *hcl.Diagnostic) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable("pipeline file or folder", path, err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, unreadable("pipeline file or folder", path, err)
	}
	var paths []string
	for _, e := range entries {
		if wanted(e.Name()) && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, diag.Plain("No pipeline here", "The folder %s has no %s files. Folders below it are not looked into.", path, extension)
	}
	return paths, nil
}

// Parse reads and parses one file of HCL. The file is for rendering diagnostics,
// and nil only when it could not be read.
func Parse(path string) (*hcl.File, hcl.Diagnostics) { return parse(path) }

func parse(path string) (*hcl.File, hcl.Diagnostics) {
	src, problem := readFile("pipeline", path)
	if problem != nil {
		return nil, hcl.Diagnostics{problem}
	}
	return parseText(src, path)
}

func parseText(src []byte, path string) (*hcl.File, hcl.Diagnostics) {
	if d := nesting(src, path); d != nil {
		return &hcl.File{Bytes: src}, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseConfig(src, path, hcl.InitialPos)
}

// readFile reads a file of HCL. what names it in messages.
func readFile(what, path string) ([]byte, *hcl.Diagnostic) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(what+" file", path, err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(what+" file", path, err)
	}
	if len(src) > maxFile {
		return nil, tooLarge(what, path)
	}
	return src, nil
}

func tooLarge(what, path string) *hcl.Diagnostic {
	return diag.Plain("File too large", "%s is larger than %d MB, which no %s file should be. Is it a data file?", path, maxFile>>20, what)
}

func unreadable(what, path string, err error) *hcl.Diagnostic {
	if errors.Is(err, fs.ErrNotExist) {
		return diag.Plain("File not found", "There is no %s at %s.", what, path)
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return diag.Plain("File can't be read", "The %s %s can't be read: %s.", what, path, err)
}

// nesting finds the place where an expression goes too deep.
func nesting(src []byte, path string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, path, hcl.InitialPos) // ParseConfig reports what is wrong
	var open []hclsyntax.TokenType
	operators := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			open = append(open, t.Type)
		case hclsyntax.TokenOBrack: // an index, or a list
			open = append(open, t.Type)
			operators++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			open = open[:max(len(open)-1, 0)]
		case hclsyntax.TokenComma:
			operators = 0
		case hclsyntax.TokenNewline: // ends an argument, but not inside of parentheses
			if len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace {
				operators = 0
			}
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash,
			hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq,
			hclsyntax.TokenQuestion:
			operators++
		}
		switch {
		case len(open) > maxNesting:
			return diag.Error(t.Range, "Nested too deep", "Brackets nest more than %d levels here.", maxNesting)
		case operators > maxOperators:
			return diag.Error(t.Range, "Expression too long", "It has more than %d operators. Give parts of it names in a locals block.", maxOperators)
		}
	}
	return nil
}

// trust leaves out what may be wrong only because a file could not be parsed:
// everything about that file, and names that are not found elsewhere.
func trust(all, syntax hcl.Diagnostics, broken map[string]bool) hcl.Diagnostics {
	if !syntax.HasErrors() {
		return all
	}
	kept := slices.Clone(syntax)
	for _, d := range all[len(syntax):] {
		lost := slices.Contains([]string{"Unknown reference", "Unknown variable", "Unknown local value"}, d.Summary)
		if d.Severity == hcl.DiagError && d.Subject != nil && !broken[d.Subject.Filename] && !lost {
			kept = append(kept, d)
		}
	}
	return kept
}

// at is a place in words.
func at(r hcl.Range) string { return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column) }
