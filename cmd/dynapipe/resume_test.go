//go:build unix

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// half is a pipeline whose run was killed when it had saved a state.
func half(t *testing.T) *scene {
	t.Helper()
	for range 20 {
		s := victims[0].start(t, nil, "")
		random := rand.New(rand.NewPCG(s.seed, 2))
		if s.kill(t, nil, random) && s.number() > 0 {
			return s
		}
	}
	t.Fatal("no run could be killed behind its first checkpoint")
	return nil
}

// edit changes a file of the scene.
func (s *scene) edit(t *testing.T, name, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s: %v", name, err)
	}
	put(t, s.dir, name, strings.ReplaceAll(string(text), from, to))
}

func (s *scene) expect(t *testing.T, code int, says []string, args ...string) {
	t.Helper()
	got, said := in(t, s.dir, nil, append(args, "--no-progress")...)
	said = strings.Join(strings.Fields(said), " ") // it is wrapped
	for _, want := range says {
		if !strings.Contains(said, want) {
			t.Errorf("%v does not say %q:\n%s", args, want, said)
		}
	}
	if got != code {
		t.Fatalf("%v: exit code %d, not %d:\n%s", args, got, code, said)
	}
}

// A pipeline that has changed is refused, and the message says what has. Layout,
// comments and how fast it goes don't count.
func TestResumeOfAChangedPipeline(t *testing.T) {
	s := half(t)
	s.edit(t, "p.hcl", `max_rejects = 100000`, "# as many as you like\n max_rejects   =   200000")
	s.edit(t, "p.hcl", `path = "out.json"`, `path = "other.json"`)
	s.expect(t, 2, []string{"Changed pipeline", "sink.file.c has changed", "--resume=force"}, "run", "p.hcl", "--resume")
	s.edit(t, "p.hcl", `"half", "line"]`, `"half"]`)
	s.expect(t, 2, []string{"sink.file.b has changed, sink.file.c has changed"}, "run", "p.hcl", "--resume")
	s.edit(t, "p.hcl", `"half"]`, `"half", "line"]`)
	s.edit(t, "p.hcl", `path = "other.json"`, `path = "out.json"`)
	s.expect(t, 3, nil, "run", "p.hcl", "--resume")
}

// With force it goes on all the same.
func TestResumeByForce(t *testing.T) {
	s := half(t)
	s.edit(t, "p.hcl", `tonumber(row.n) % 5 != 0`, `tonumber(row.n) % 5 != 1`)
	s.expect(t, 2, []string{"transform.filter.f has changed"}, "run", "p.hcl", "--resume")
	s.expect(t, 3, []string{"transform.filter.f has changed"}, "run", "p.hcl", "--resume=force")
	if _, err := os.Stat(filepath.Join(s.dir, "out.csv.zst")); err != nil {
		t.Error(err)
	}
}

// Input that has changed is refused, and the state stays good for when it is
// back as it was.
func TestResumeOfChangedInput(t *testing.T) {
	s := half(t)
	name := filepath.Join(s.dir, "in-2.csv.gz")
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.dir, "in-2.csv.gz", string(text)+"more")
	s.expect(t, 1, []string{"in-2.csv.gz", "without --resume"}, "run", "p.hcl", "--resume")
	put(t, s.dir, "in-2.csv.gz", string(text))
	if err := os.Chtimes(name, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 3, nil, "run", "p.hcl", "--resume")
}

// Without --resume a run starts from the beginning. The state and the dead letter
// are set aside, and when it is done nothing of the earlier run is left but that
// dead letter.
func TestRunSetsTheStateAside(t *testing.T) {
	s := half(t)
	s.expect(t, 3, []string{"was not finished", "set aside as .dynapipe/p.state.aside.json"}, "run", "p.hcl")
	left, err := filepath.Glob(filepath.Join(s.dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	old, err := filepath.Glob(filepath.Join(s.dir, "p.rejects.jsonl.*"))
	if err != nil || len(old) != 1 {
		t.Errorf("dead letters set aside: %v, %v", old, err)
	}
	s.expect(t, 3, []string{"no run of this pipeline has left a state"}, "run", "p.hcl", "--resume")
}

// A folder of one's own for the state, and a run that went on twice.
func TestStateFolder(t *testing.T) {
	s := half(t)
	if err := os.Rename(filepath.Join(s.dir, ".dynapipe"), filepath.Join(s.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 3, nil, "run", "p.hcl", "--resume", "--state", "elsewhere")
}

// A dead letter that has lost rows which the state counts on is no ground to go on
// from.
func TestResumeWithoutItsDeadLetter(t *testing.T) {
	s := half(t)
	if err := os.Remove(filepath.Join(s.dir, "p.rejects.jsonl")); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 1, []string{"p.rejects.jsonl has 0 of the", "put the file back"}, "run", "p.hcl", "--resume")
}

// What a crash left behind the last checkpoint in the dead letter, a line cut short
// or none at all, goes.
func TestResumeWithATornDeadLetter(t *testing.T) {
	s := half(t)
	f, err := os.OpenFile(filepath.Join(s.dir, "p.rejects.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"time":"2026-` + "\x00\x00\x00\n{}\n{\"time\":")
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 3, nil, "run", "p.hcl", "--resume")
	if lines := strings.Count(s.rejects(t), "\n"); lines == 0 { // each is one of a dead letter, or it fails
		t.Error("no rows are in the dead letter")
	}
}

// The state counts on the dead letter, so that nothing is taken out of it before
// the run is finished.
func TestReplayWaitsForTheRun(t *testing.T) {
	s := half(t)
	s.expect(t, 1, []string{"is not finished, and goes on from what is in p.rejects.jsonl"}, "replay", "p.hcl", "--node", "transform.map.m")
	s.expect(t, 3, nil, "run", "p.hcl", "--resume")
}

// Standard input can't be resumed, which is said before anything runs.
func TestResumeOfStandardInput(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "p.hcl", `
source "csv" "in" {
  path = "-"
}
sink "file" "out" {
  from = source.csv.in
  path = "out.jsonl"
}
`)
	for code, args := range map[int][]string{2: {"run", "p.hcl", "--resume"}, 0: {"run", "p.hcl"}} {
		got, said := in(t, dir, nil, args...)
		if got != code || !strings.Contains(strings.Join(strings.Fields(said), " "), "standard input, which is gone") {
			t.Errorf("%v: %d, %s", args, got, said)
		}
	}
}

// A second run of a pipeline is refused while the first one goes on.
func TestTwoRunsAtOnce(t *testing.T) {
	first := startEndless(t)
	for range 1000 {
		if text, _ := os.ReadFile(filepath.Join(first.dir, ".dynapipe", "endless.lock")); len(text) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	code, said := in(t, first.dir, nil, "run", "endless.hcl", "--no-progress")
	if code != 1 || !strings.Contains(said, "another run of this pipeline is under way (process ") {
		t.Errorf("%d, %s", code, said)
	}
	if code, said := in(t, first.dir, nil, "replay", "endless.hcl", "--no-progress"); code != 1 || !strings.Contains(said, "another run of this pipeline is under way") {
		t.Errorf("replay: %d, %s", code, said)
	}
	if err := first.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
}

// A secret in the name of a file is not in the state, nor in what is said of it,
// and the run goes on with that file (promise 8).
func TestStateHasNoSecrets(t *testing.T) {
	var s *scene
	for range 20 {
		s = victims[0].start(t, nil, "")
		s.edit(t, "p.hcl", `path = "in-*.csv.gz"`, `path = "${var.word}-*.csv.gz"`)
		s.edit(t, "p.hcl", `path = "out.json"`, `path = "${var.word}.json"`)
		s.edit(t, "p.hcl", "state {", "variable \"word\" {\n  type = string\n  sensitive = true\n}\nstate {")
		for _, n := range []string{"1", "2"} {
			if err := os.Rename(filepath.Join(s.dir, "in-"+n+".csv.gz"), filepath.Join(s.dir, "hunter2-"+n+".csv.gz")); err != nil {
				t.Fatal(err)
			}
		}
		environ := []string{"DYNAPIPE_VAR_word=hunter2"}
		if s.kill(t, environ, rand.New(rand.NewPCG(s.seed, 3))) && s.number() > 0 {
			break
		}
	}
	text, err := os.ReadFile(filepath.Join(s.dir, ".dynapipe", "p.state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !regexp.MustCompile(`\(sensitive \d\)-1.csv.gz`).Match(text) {
		t.Errorf("the state has\n%s", text)
	}
	s.expect(t, 3, nil, "run", "p.hcl", "--resume", "--var", "word=hunter2")
	if _, err := os.Stat(filepath.Join(s.dir, "hunter2.json")); err != nil {
		t.Error(err)
	}
}
