package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// command runs a command in a folder, with the server's environment, and demands
// exit code 0. Nothing is a terminal.
func command(t *testing.T, dir string, server *dynamotest.Server, args ...string) string {
	t.Helper()
	cmd := exec.Command("dynapipe", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("dynapipe %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestInitWritesWhatRuns: what init writes from a file is canonical and valid, and
// has every row in the table that it creates, which init then makes a file and
// another table of.
func TestInitWritesWhatRuns(t *testing.T) {
	for _, c := range []struct {
		file  string
		flags []string
		rows  int
		keys  []string
	}{
		{"zipcodes.csv", nil, 2000, []string{"zip_code"}},
		{"airports.csv", nil, 3376, []string{"iata"}},
		{"flights.csv", nil, 5366, []string{"origin", "destination"}},
		{"earthquakes.json", []string{"--pointer", "/features", "--key", "id"}, 207, []string{"id"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			server, dir := dynamotest.Start(t), workspace(t)
			name, copied := server.TableName(t), server.TableName(t)+"-copy"
			works := func(args ...string) {
				t.Helper()
				command(t, dir, server, append([]string{"init", "--force"}, args...)...)
				command(t, dir, server, "fmt", "--check", "pipeline.hcl")
				command(t, dir, server, "validate", "pipeline.hcl")
				command(t, dir, server, "run", "pipeline.hcl")
			}
			works(append([]string{"--from", "examples/data/" + c.file, "--to-table", name}, c.flags...)...)
			items := server.Items(t, name)
			if len(items) != c.rows {
				t.Fatalf("%d items, not %d", len(items), c.rows)
			}
			for _, key := range c.keys {
				if _, text := items[0][key].(*types.AttributeValueMemberS); !text {
					t.Errorf("key %s is %T", key, items[0][key])
				}
			}
			works("--from-table", name, "--to-file", "out.jsonl")
			out, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
			if err != nil || strings.Count(string(out), "\n") != c.rows {
				t.Errorf("%d lines, %v", strings.Count(string(out), "\n"), err)
			}
			works("--from-table", name, "--to-table", copied) // its key is the table's
			if got := server.Items(t, copied); len(got) != c.rows {
				t.Errorf("the copy has %d items, not %d", len(got), c.rows)
			}
			if c.file == "zipcodes.csv" && !strings.Contains(string(out), `"zip_code":"00501"`) {
				t.Error("a ZIP code lost its zeros")
			}
		})
	}
}
