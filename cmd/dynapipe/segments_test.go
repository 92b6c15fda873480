package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestReportCountsSegments: a report says in how many parts a source was read,
// and how many of them came to their end.
func TestReportCountsSegments(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	dir := t.TempDir()
	pipeline := `
source "dynamodb" "in" {
  table    = "` + table + `"
  segments = 3
}
sink "file" "out" {
  from = source.dynamodb.in
  path = "out.jsonl"
}
`
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(pipeline), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", "run", "p.hcl", "--output", "json")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r engine.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	documented(t, out, "run", 0)
	if n := r.Nodes[0]; n.Partitions != 3 || n.PartitionsDone != 3 {
		t.Errorf("%d of %d segments", n.PartitionsDone, n.Partitions)
	}
	if n := r.Nodes[1]; n.Partitions != 0 {
		t.Errorf("a sink has %d segments", n.Partitions)
	}
}
