package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const schedules = "../../examples/ci"

// commandLine is a call of dynapipe in a script, a unit of systemd, or between
// backticks.
var commandLine = regexp.MustCompile("(?m)(?:^|[\\s`/=])dynapipe ([a-z]+ [^\\n`]*)")

// commandLines are those of a text, without what a shell does around them.
func commandLines(text string) (lines [][]string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, m := range commandLine.FindAllStringSubmatch(text, -1) {
		line := regexp.MustCompile(`\s(&|>|\|).*`).ReplaceAllString(m[1], "")
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

// TestSchedulesUseFlagsThatAreThere parses each command line of the examples as
// dynapipe does.
func TestSchedulesUseFlagsThatAreThere(t *testing.T) {
	paths, err := filepath.Glob(schedules + "/*")
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(string(text)) {
			root := newApp(Process{Stdout: io.Discard, Stderr: io.Discard}).root()
			c, rest, err := root.Find(line)
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil || c == root {
				t.Errorf("%s: dynapipe %s: %v", path, strings.Join(line, " "), err)
				continue
			}
			if c.Name() == "run" {
				runs[filepath.Base(path)] = true
				for _, flag := range []string{"state", "resume", "max-duration", "report"} {
					if !c.Flags().Changed(flag) {
						t.Errorf("%s runs without --%s", path, flag)
					}
				}
			}
		}
	}
	for _, file := range []string{"github-actions.yml", "gitlab-ci.yml", "kubernetes.yaml", "dynapipe-nightly.service"} {
		if !runs[file] {
			t.Errorf("no run was found in %s", file)
		}
	}
}

// TestCommandLinesAreFound: the test above is worth as much as this.
func TestCommandLinesAreFound(t *testing.T) {
	got := commandLines("x `dynapipe iam a.hcl` y\n  dynapipe run \\\n  --state s >out || code=$?\nExecStart=/usr/bin/dynapipe run b &\ninstall dynapipe\n")
	want := []string{"iam a.hcl", "run --state s", "run b"}
	var joined []string
	for _, line := range got {
		joined = append(joined, strings.Join(line, " "))
	}
	if !slices.Equal(joined, want) {
		t.Errorf("got %q", joined)
	}
}

// documents reads all documents of a YAML file.
func documents(t *testing.T, file string) (docs []any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(schedules, file))
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc any
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			return docs
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		docs = append(docs, doc)
	}
}

// scriptsIn are the texts of a document that run a pipeline.
func scriptsIn(doc any) (scripts []string) {
	switch d := doc.(type) {
	case map[string]any:
		for _, v := range d {
			scripts = append(scripts, scriptsIn(v)...)
		}
	case []any:
		for _, v := range d {
			scripts = append(scripts, scriptsIn(v)...)
		}
	case string:
		if strings.Contains(d, "dynapipe run") {
			scripts = append(scripts, d)
		}
	}
	return scripts
}

// TestSchedulesKnowTheExitCodes runs each script with every exit code that a run
// has, which a stand-in for dynapipe gives.
func TestSchedulesKnowTheExitCodes(t *testing.T) {
	for file, want := range map[string][5]int{
		"github-actions.yml": {0, 1, 2, 0, 0},
		"gitlab-ci.yml":      {0, 1, 2, 3, 4}, // allow_failure makes 3 and 4 warnings
		"kubernetes.yaml":    {0, 1, 2, 0, 0},
	} {
		var scripts []string
		for _, doc := range documents(t, file) {
			scripts = append(scripts, scriptsIn(doc)...)
		}
		if len(scripts) != 1 {
			t.Fatalf("%s has %d scripts that run a pipeline", file, len(scripts))
		}
		for code, end := range want {
			got, uploads := runScript(t, scripts[0], code)
			if got != end {
				t.Errorf("%s: after a run with exit code %d the script ends with %d, not %d", file, code, got, end)
			}
			if file == "kubernetes.yaml" && (uploads != "") != (code == 3) {
				t.Errorf("%s: after exit code %d, uploaded: %q", file, code, uploads)
			}
		}
	}
}

// runScript gives the exit code of a script, and what it had the AWS CLI do.
func runScript(t *testing.T, script string, code int) (exit int, uploads string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dynapipe": "#!/bin/sh\nexit $CODE\n",
		"aws":      "#!/bin/sh\necho \"$@\" >>\"$UPLOADS\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("bash", "-e", "-c", script) // -e as GitHub and GitLab have it
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CODE="+string(rune('0'+code)),
		"UPLOADS="+filepath.Join(dir, "uploads"), "GITHUB_OUTPUT="+filepath.Join(dir, "output"), "DEAD_LETTERS=s3://bucket")
	out, err := c.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("%v: %s", err, out)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "uploads"))
	return c.ProcessState.ExitCode(), string(text)
}
