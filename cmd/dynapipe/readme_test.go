package main

import (
	"os"
	"os/exec"
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
	built, err := exec.LookPath("dynapipe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(built, filepath.Join(dir, "bin", "dynapipe")); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if !strings.HasPrefix(line, "bin/dynapipe ") {
				continue
			}
			want := 0
			if strings.Contains(line, " replay ") {
				want = 1 // nothing was rejected
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
			said, _ := cmd.CombinedOutput() // an error for each exit code but 0
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("%s: exit code %d\n%s", strings.TrimSpace(line), code, said)
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("%d commands in the README", ran)
	}
}
