package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryCommandHasScripts: each command is used in scripts as it should be and
// as it should not, each flag of it is there, and so is --output json in both cases.
func TestEveryCommandHasScripts(t *testing.T) {
	lines := scriptLines(t)
	for command, flags := range commands(t) {
		var right, wrong, rightJSON, wrongJSON bool
		used := map[string]bool{}
		for _, words := range lines {
			if len(words) < 4 || words[3] != command {
				continue
			}
			_, asks := asksJSON(words[3:])
			bad := words[1] == "2"
			right, wrong = right || !bad, wrong || bad
			rightJSON, wrongJSON = rightJSON || asks && !bad, wrongJSON || asks && bad
			for _, w := range words {
				name, _, _ := strings.Cut(w, "=")
				used[name] = true
			}
		}
		if !right || !wrong {
			t.Errorf("%s: no script with a good command line (%v), or with a wrong one (%v)", command, right, wrong)
		}
		if slices.Contains(flags, "--output") && !(rightJSON && wrongJSON) {
			t.Errorf("%s: no script with --output json that is good (%v), or wrong (%v)", command, rightJSON, wrongJSON)
		}
		for _, flag := range flags {
			if !used[flag] {
				t.Errorf("%s: no script has %s", command, flag)
			}
		}
		if command != "completion" && command != "help" && !slices.Contains(flags, "--output") {
			t.Errorf("%s has no --output", command)
		}
	}
}

// commands is the flags of each command, as the shell completes them.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, command := range completed(t, "") {
		all[command] = nil
		for _, flag := range completed(t, command, "--") {
			if flag = strings.TrimSuffix(flag, "="); flag != "--help" {
				all[command] = append(all[command], flag)
			}
		}
	}
	if len(all) < 15 {
		t.Fatalf("few commands: %v", all)
	}
	return all
}

func completed(t *testing.T, words ...string) (out []string) {
	t.Helper()
	text, err := exec.Command("dynapipe", append([]string{"__complete"}, words...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if word != "" && !strings.HasPrefix(word, ":") {
			out = append(out, word)
		}
	}
	return out
}

// scriptLines is the words of each line of a script that runs dynapipe: exits, the
// exit code, dynapipe, and what is behind it.
func scriptLines(t *testing.T) (lines [][]string) {
	t.Helper()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) > 0 && words[0] == "[unix]" {
				words = words[1:]
			}
			switch i := slices.Index(words, "dynapipe"); {
			case i < 2:
			case words[0] == "exits" && i == 2, words[0] == "interrupts":
				lines = append(lines, append(words[:2:2], words[i:]...))
			}
		}
	}
	return lines
}
