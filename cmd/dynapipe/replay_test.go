package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// in runs dynapipe in a folder and gives its exit code and what it said.
func in(t testing.TB, dir string, server *dynamotest.Server, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("dynapipe", args...)
	cmd.Dir, cmd.Env = dir, os.Environ()
	if server != nil {
		cmd.Env = append(cmd.Env, server.Environ()...)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// textOf is the text of a string or number.
func textOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return fmt.Sprintf("%T", v)
}

// Rows that a transform and a sink refused go in there again once the pipeline is
// mended; what succeeds leaves the dead letter, what could not be read stays.
func TestReplay(t *testing.T) {
	server := dynamotest.Start(t)
	dir, table := t.TempDir(), server.CreateTable(t, dynamotest.S("pk"))
	put(t, dir, "rows.csv", "id,n\na,1\nb,two\nc,3\n,4\ne,5,6\nf,six\n")
	pipeline := func(set, key string) string {
		return fmt.Sprintf(`
pipeline {
  max_rejects = 10
  dead_letter = "dead.jsonl"
}
source "csv" "rows" {
  path = "rows.csv"
}
transform "map" "items" {
  from = source.csv.rows
  set  = { n = %s }
}
transform "map" "keyed" {
  from = transform.map.items
  set  = { pk = %s, line = meta.line }
  drop = ["id"]
}
sink "batch_write" "table" {
  from  = transform.map.keyed
  table = %q
}
`, set, key, table)
	}
	expect := func(want int, args ...string) string {
		t.Helper()
		code, said := in(t, dir, server, append(args, "--no-progress")...)
		if code != want {
			t.Fatalf("%v: exit code %d, not %d:\n%s", args, code, want, said)
		}
		return said
	}
	dead := func() (lines []string) {
		text, err := os.ReadFile(filepath.Join(dir, "dead.jsonl"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			lines = append(lines, line)
		}
		return lines
	}
	put(t, dir, "p.hcl", pipeline("tonumber(row.n)", "row.id"))
	expect(3, "run", "p.hcl")
	if n := len(dead()); n != 4 {
		t.Fatalf("%d rows were rejected, not 4: %s", n, dead())
	}

	// Nothing is mended: all of it comes back, and what could not be read is there.
	said := expect(3, "replay", "p.hcl")
	if n := len(dead()); n != 4 || !strings.Contains(said, "1 row stays in dead.jsonl") {
		t.Fatalf("%d rows are in the dead letter, not 4:\n%s\n%s", n, dead(), said)
	}

	// One node alone.
	put(t, dir, "p.hcl", pipeline(`try(tonumber(row.n), 0)`, `row.id == null ? "none" : row.id`))
	expect(3, "replay", "p.hcl", "--node", "transform.map.items")
	if n := len(dead()); n != 2 {
		t.Fatalf("%d rows are in the dead letter, not 2: %s", n, dead())
	}
	put(t, dir, "p.hcl", strings.Replace(pipeline(`try(tonumber(row.n), 0)`, "row.id"), "table = ", "operation = \"put\"\n  table = ", 1))
	expect(3, "replay", "p.hcl")
	if n := len(dead()); n != 2 { // the sink is given the row that it refused: it still has no key
		t.Fatalf("%d rows are in the dead letter, not 2: %s", n, dead())
	}
	got := map[string]string{}
	for _, item := range server.Items(t, table) {
		got[textOf(item["pk"])] = textOf(item["n"]) + " of line " + textOf(item["line"])
	}
	want := map[string]string{"a": "1 of line 2", "b": "0 of line 3", "c": "3 of line 4", "f": "0 of line 7"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the table has %v, not %v", got, want)
	}

	// A failure leaves the file.
	before := strings.Join(dead(), "")
	put(t, dir, "p.hcl", strings.Replace(pipeline("row.n", "row.id"), table, table+"-gone", 1))
	if said := expect(1, "replay", "p.hcl"); !strings.Contains(said, "dead.jsonl is as it was") || strings.Join(dead(), "") != before {
		t.Errorf("%s\n%s", said, dead())
	}
	if hidden, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(hidden) > 0 {
		t.Errorf("left behind: %v, %v", hidden, err)
	}
}

// Rows are not sent where they would replace what the others made.
func TestReplayRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "rows.csv", "id\na\n1\n")
	put(t, dir, "p.hcl", `
pipeline {
  max_rejects = 1
}
source "csv" "rows" {
  path = "rows.csv"
}
transform "map" "number" {
  from = source.csv.rows
  set  = { id = tonumber(row.id) }
}
sink "file" "out" {
  from = transform.map.number
  path = "out.jsonl"
}
`)
	if code, said := in(t, dir, nil, "replay", "p.hcl"); code != 1 || !strings.Contains(said, "there is no dead letter p.rejects.jsonl") {
		t.Errorf("without a dead letter: %d, %s", code, said)
	}
	if code, said := in(t, dir, nil, "run", "p.hcl"); code != 3 {
		t.Fatal(said)
	}
	code, said := in(t, dir, nil, "replay", "p.hcl")
	if code != 1 || !strings.Contains(said, "sink.file.out would replace its file") {
		t.Errorf("%d, %s", code, said)
	}
	put(t, dir, "p.rejects.jsonl", "no dead letter\n")
	if code, said := in(t, dir, nil, "replay", "p.hcl"); code != 1 || !strings.Contains(said, "line 1 of p.rejects.jsonl is not one of a dead letter") {
		t.Errorf("%d, %s", code, said)
	}
}
