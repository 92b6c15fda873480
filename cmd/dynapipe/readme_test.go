package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestREADMECommandsRun runs what the README tells a reader to type, in its order, as
// they would in a fresh clone with a local server: each command ends well.
func TestREADMECommandsRun(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	server, dir := dynamotest.Start(t), workspace(t)
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(line, "  #")
			words := strings.Fields(command)
			if len(words) == 0 || words[0] != "bin/dynapipe" {
				continue
			}
			for i, w := range words {
				words[i] = strings.Trim(w, "'")
			}
			into := ""
			if n := len(words); n > 2 && words[n-2] == ">" {
				words, into = words[:n-2], words[n-1]
			}
			want := 0
			if words[1] == "replay" {
				want = 1 // nothing was rejected
			}
			code, said := in(t, dir, server, words[1:]...)
			if code != want {
				t.Errorf("%s: exit code %d\n%s", strings.TrimSpace(line), code, said)
			}
			if into != "" { // of such a command standard output is all that it says
				if err := os.WriteFile(filepath.Join(dir, into), []byte(said), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("%d commands in the README", ran)
	}
}
