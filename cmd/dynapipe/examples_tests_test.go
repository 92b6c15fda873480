package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestREADMETestPasses runs the test that the README shows.
func TestREADMETestPasses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```hcl\n(test .*?)```").FindSubmatch(text)
	if shown == nil {
		t.Fatal("the README shows no test")
	}
	enrich, err := os.ReadFile(filepath.Join(repository(t), "examples/pipelines/enrich.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"enrich.hcl": enrich, "enrich.test.hcl": shown[1]} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("dynapipe", "test", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
}

// TestExampleTests runs the tests that stand beside the example pipelines.
func TestExampleTests(t *testing.T) {
	dir := repository(t)
	cmd := exec.Command("dynapipe", "test", "examples/pipelines/enrich.test.hcl", "--verbose")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\n2 passed, 0 failed\n") {
		t.Fatalf("%v:\n%s", err, out)
	}
}
