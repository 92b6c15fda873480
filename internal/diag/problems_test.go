package diag_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// module walks the files of the module that are its own.
func module(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "node_modules" || e.Name() == "tools" || len(e.Name()) > 2 && e.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if !e.IsDir() {
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryDiagnosticHasACode reads the summaries out of the source: those of the
// constructors here, and of the few functions of other packages that take one.
func TestEveryDiagnosticHasACode(t *testing.T) {
	found := 0
	module(t, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			summary, ok := summaryOf(call, path)
			if !ok {
				return true
			}
			found++
			if !slices.ContainsFunc(diag.Problems(), func(p diag.Problem) bool {
				start, _, open := strings.Cut(p.Summary, "*")
				return p.Summary == summary || strings.HasSuffix(summary, "*") && strings.HasPrefix(p.Summary, strings.TrimSuffix(summary, "*")) || open && start == strings.TrimSuffix(summary, "*")
			}) {
				t.Errorf("%s: %q has no code: add it in internal/diag", set.Position(call.Pos()), summary)
			}
			return true
		})
	})
	if found < 200 {
		t.Errorf("only %d diagnostics were found in the source", found)
	}
}

// summaryOf is the summary that a call gives a diagnostic; with a * behind a part
// that is known.
func summaryOf(call *ast.CallExpr, path string) (string, bool) {
	var args []ast.Expr
	switch f := call.Fun.(type) {
	case *ast.Ident:
		switch {
		case f.Name == "refuse":
			args = call.Args[:1]
		case f.Name == "report" && !strings.Contains(path, "cli"):
			args = call.Args
		}
	case *ast.SelectorExpr:
		x, _ := f.X.(*ast.Ident)
		switch {
		case f.Sel.Name == "fail" && strings.Contains(path, "dynamo") && len(call.Args) > 2:
			args = call.Args[1:2]
		case x == nil || x.Name != "diag":
		case f.Sel.Name == "Plain":
			args = call.Args[:1]
		case f.Sel.Name == "Error", f.Sel.Name == "Warning":
			args = call.Args[1:2]
		}
	}
	for _, a := range args {
		suffix := ""
		if sum, ok := a.(*ast.BinaryExpr); ok {
			suffix = "*"
			for ok {
				a = sum.X
				sum, ok = a.(*ast.BinaryExpr)
			}
		}
		if text, ok := a.(*ast.BasicLit); ok && text.Kind == token.STRING {
			// Names of arguments, which some take before the summary, begin small.
			if s, err := strconv.Unquote(text.Value); err == nil && s != "" && unicode.IsUpper(rune(s[0])) {
				return s + suffix, true
			}
		}
	}
	return "", false
}

// TestEveryCodeIsProvoked fails for a diagnostic that no test shows: the want of a
// pipeline, a script of the command line, or a test that names the summary.
func TestEveryCodeIsProvoked(t *testing.T) {
	var all strings.Builder
	module(t, func(path string) {
		if !strings.HasSuffix(path, ".txtar") && !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "problems_test.go") {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	})
	tests := all.String()
	missing := map[string]bool{}
	for _, p := range diag.Problems() {
		if p.Code == diag.CodeHCL {
			continue
		}
		missing[p.Code] = !shown(tests, p.Summary) && !shown(tests, p.Code)
	}
	maps.DeleteFunc(missing, func(_ string, yes bool) bool { return !yes })
	for _, code := range slices.Sorted(maps.Keys(missing)) {
		if !slices.Contains(unprovoked(), code) {
			t.Errorf("%s is provoked by no test", code)
		}
	}
	for _, code := range unprovoked() {
		if !missing[code] {
			t.Errorf("%s is provoked by a test, or there is no such code: take it out of unprovoked", code)
		}
	}
}

// shown reports that tests have a text as a summary stands in what they compare
// with: in quotes, or behind "Error: ".
func shown(tests, text string) bool {
	text, _, open := strings.Cut(text, "*")
	for rest := tests; ; {
		i := strings.Index(rest, text)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(text):]
		begins := strings.HasSuffix(before, "Error: ") || strings.HasSuffix(before, "Warning: ") || strings.HasSuffix(before, "error: ") ||
			i > 0 && strings.ContainsRune("\"'`", rune(before[i-1]))
		if begins && (open || after == "" || strings.ContainsRune("\"'`:;\n", rune(after[0]))) {
			return true
		}
		rest = after
	}
}

// unprovoked are the codes that no test can provoke, with why. None may be added
// without one.
func unprovoked() []string {
	return []string{
		// It guards against a fault of HCL's formatter, and none is known: FuzzFormat of
		// package pipeline fails for a text that provokes it.
		"file-cant-be-formatted",
	}
}

func TestCodes(t *testing.T) {
	codes := map[string]bool{}
	for _, p := range diag.Problems() {
		if codes[p.Code] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(p.Code) {
			t.Errorf("%q is a code twice, or is none", p.Code)
		}
		codes[p.Code] = true
		for _, text := range []string{p.Cause, p.Cure} {
			if len(text) < 10 || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is no sentence", p.Code, text)
			}
		}
	}
	for summary, want := range map[string]string{
		"Unknown argument":          "unknown-argument",
		"Unknown type":              "unknown-type",
		"Unknown type of sink":      "unknown-type-of-block",
		"No upper() for rows":       "function-not-for-rows",
		"Pipeline without a source": "pipeline-incomplete",
		"Invalid expression":        diag.CodeHCL,
	} {
		if got := diag.Code(&hcl.Diagnostic{Summary: summary}); got != want {
			t.Errorf("%s has the code %s, not %s", summary, got, want)
		}
	}
	at := &hcl.Range{}
	got := diag.Codes(hcl.Diagnostics{
		{Severity: hcl.DiagError, Summary: "Unknown argument", Subject: at}, {Severity: hcl.DiagError, Summary: "Unknown argument", Subject: at},
		{Severity: hcl.DiagWarning, Summary: "Never equal", Subject: at}, {Severity: hcl.DiagError, Summary: "Unknown flag"},
	})
	if !slices.Equal(got, []string{"unknown-argument"}) {
		t.Errorf("codes: %q", got)
	}
}
