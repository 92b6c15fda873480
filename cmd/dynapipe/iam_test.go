//go:build unix

package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/plan"
)

const importThenExport = `
variable "table" {
  type = string
}
variable "other" {
  type = string
}
source "jsonl" "in" {
  path = "in.jsonl"
}
sink "batch_write" "in" {
  from  = source.jsonl.in
  table = var.table
  create_table {
    partition_key = "id"
  }
}
source "dynamodb" "other" {
  table        = var.other
  skip_expired = true
}
sink "file" "other" {
  from = source.dynamodb.other
  path = "other.jsonl"
}
`

// TestPolicyIsWhatRunsDo compares the policy with the operations that the
// server saw in runs of the pipeline: one that creates its table, and one that
// puts over it.
func TestPolicyIsWhatRunsDo(t *testing.T) {
	server := dynamotest.Start(t)
	name := server.TableName(t)
	other := server.CreateTable(t, dynamotest.S("id"))
	dir := workspace(t)
	for file, text := range map[string]string{"p.hcl": importThenExport, "in.jsonl": `{"id":"a"}` + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	proxy := startChaos(t, server)
	dynapipe := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command("dynapipe", append(args, "p.hcl", "--var", "table="+name, "--var", "other="+other)...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+proxy.endpoint)
		cmd.Stderr = newTranscript()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, cmd.Stderr)
		}
		return out
	}
	dynapipe("run")
	dynapipe("run")
	seen := slices.Sorted(maps.Keys(proxy.stop(t).Operations))

	proxy = startChaos(t, server)
	var policy plan.Policy
	if err := json.Unmarshal(dynapipe("iam"), &policy); err != nil {
		t.Fatal(err)
	}
	proxy.stop(t)
	var allowed []string
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			allowed = append(allowed, strings.TrimPrefix(action, "dynamodb:"))
		}
		for _, resource := range s.Resource {
			if _, table, _ := strings.Cut(resource, ":table/"); table != name && table != other {
				t.Errorf("resource %s", resource)
			}
		}
	}
	slices.Sort(allowed)
	if allowed = slices.Compact(allowed); !slices.Equal(allowed, seen) {
		t.Errorf("allowed %v\nseen    %v", allowed, seen)
	}
}
