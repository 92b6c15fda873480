package pipeline_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/pipeline"
)

var update = flag.Bool("update", false, "rewrite what the corpus in testdata expects")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCorpus loads each pipeline of testdata and compares what is said of it.
// An archive has the pipeline's files; a line "load" in its comment has what
// the command line would; "want" has the diagnostics, and the plan of a
// pipeline without errors.
func TestCorpus(t *testing.T) {
	for _, path := range corpus(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { corpusCase(t, path) })
	}
}

// corpus is the files with the cases.
func corpus(t testing.TB) []string {
	t.Helper()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	return archives
}

// seeds is the files in the cases.
func seeds(t testing.TB) (files []txtar.File) {
	t.Helper()
	for _, path := range corpus(t) {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, archive.Files...)
	}
	return files
}

func corpusCase(t *testing.T, path string) {
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, inputs := "", archive.Files[:0:0]
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
		} else {
			inputs = append(inputs, f)
		}
	}
	t.Chdir(t.TempDir())
	if err := txtar.Write(&txtar.Archive{Files: inputs}, "."); err != nil {
		t.Fatal(err)
	}
	got := loaded(t, commandLine(t, string(archive.Comment)))
	if *update {
		archive.Files = append(inputs, txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("what is said of it changed (go test ./pipeline -update rewrites the corpus)\n--- got\n%s--- want\n%s", got, want)
	}
}

type command struct {
	path    string
	options pipeline.Options
}

// commandLine reads the load line: load PATH --var a=b --var-file f NAME=value
func commandLine(t *testing.T, comment string) command {
	c := command{path: "p.hcl", options: pipeline.Options{Run: &expr.Run{ID: "test", Start: time.Unix(1700000000, 0).UTC()}}}
	for line := range strings.Lines(comment) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "load" {
			continue
		}
		c.path = words[1]
		for i := 2; i < len(words); i++ {
			switch words[i] {
			case "--var":
				i++
				c.options.Vars = append(c.options.Vars, words[i])
			case "--var-file":
				i++
				c.options.VarFiles = append(c.options.VarFiles, words[i])
			default:
				c.options.Environ = append(c.options.Environ, words[i])
			}
		}
	}
	return c
}

// loaded is what is said of a pipeline.
func loaded(t *testing.T, c command) string {
	p, files, diags := pipeline.Load(c.path, catalog(), c.options)
	if (p == nil) != diags.HasErrors() {
		t.Errorf("plan is nil: %t, and there are errors: %t", p == nil, diags.HasErrors())
	}
	var out bytes.Buffer
	if err := (diag.Text{Width: 100}).Write(&out, diags, files); err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return out.String()
	}
	p.Settings.Parallelism = 8 // not this machine's
	if len(diags) > 0 {
		out.WriteByte('\n')
	}
	if err := plan.NewView(t.Context(), p).WriteText(&out, 0); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestNoSecretInCorpus looks for what the sensitive cases are set to in what
// is said of them (promise 8).
func TestNoSecretInCorpus(t *testing.T) {
	for _, name := range []string{"sensitive", "sensitive_errors", "variable_file_syntax"} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		said := strings.ToLower(string(archive.Files[len(archive.Files)-1].Data))
		for _, secret := range []string{"hunter2", "literal-key"} {
			if strings.Contains(said, secret) {
				t.Errorf("%s: %q is in what is said", name, secret)
			}
		}
	}
}

// TestHugeExpressions: what would make a recursive parser or walk run out of
// stack is refused, and long lists of plain things are not.
func TestHugeExpressions(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for name, c := range map[string]struct{ expression, want string }{
		"operators":    {"1" + many(" + 1", 100_000), "Expression too long"},
		"prefixes":     {many("!", 200_000) + "true", "Expression too long"},
		"conditionals": {"(" + many("true ? 1 :\n", 100_000) + "1)", "Expression too long"},
		"indexes":      {"[1]" + many("[0]", 100_000), "Expression too long"},
		"brackets":     {many("[", 200_000), "Nested too deep"},
		"templates":    {many(`"${`, 100_000), "Nested too deep"},
		"a long list":  {"[" + many("-1, ", 50_000) + "1]", ""},
		"a long text":  {"<<END\n" + many("a - b ! c ? d\n", 20_000) + "END", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "p.hcl")
			src := "source \"csv\" \"a\" {\n  path = \"x\"\n}\nsink \"file\" \"b\" {\n  from = source.csv.a\n  path = \"y\"\n}\nlocals {\n  x = " + c.expression + "\n}\n"
			if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, diags := pipeline.Load(path, catalog(), pipeline.Options{})
			switch {
			case c.want == "" && len(diags) > 0:
				t.Errorf("refused: %s", diags[0].Summary)
			case c.want != "" && (len(diags) != 1 || diags[0].Summary != c.want):
				t.Errorf("%d diagnostics, want %q", len(diags), c.want)
			}
		})
	}
}

// FuzzLoad: whatever the bytes, diagnostics or a plan, each diagnostic inside
// its file, sorted, none twice.
func FuzzLoad(f *testing.F) {
	for _, file := range seeds(f) {
		f.Add(file.Data)
	}
	path := filepath.Join(f.TempDir(), "p.hcl")
	f.Fuzz(func(t *testing.T, src []byte) {
		if err := os.WriteFile(path, src, 0o600); err != nil {
			t.Fatal(err)
		}
		p, files, diags := pipeline.Load(path, catalog(), pipeline.Options{})
		if (p == nil) != diags.HasErrors() {
			t.Errorf("plan is nil: %t, and there are errors: %t", p == nil, diags.HasErrors())
		}
		for i, d := range diags {
			if d.Subject != nil && (d.Subject.Start.Byte < 0 || d.Subject.End.Byte > len(src)) {
				t.Errorf("%s points outside of the file: %v", d.Summary, d.Subject)
			}
			if i > 0 && diags[i-1].Subject != nil && d.Subject != nil && diags[i-1].Subject.Start.Byte > d.Subject.Start.Byte {
				t.Errorf("%q is before %q", diags[i-1].Summary, d.Summary)
			}
		}
		if len(diag.Sort(diags)) != len(diags) {
			t.Error("a diagnostic is there twice")
		}
		var out bytes.Buffer
		if err := (diag.Text{Width: 80}).Write(&out, diags, files); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "goroutine ") {
			t.Errorf("a stack trace:\n%s", out.String())
		}
	})
}
