//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
)

// throughALookup has many small batches in work at once.
const throughALookup = `
pipeline {
  batch_rows  = 40
  max_rejects = "50%"
}
variable "table" {}
source "csv" "orders" {
  path = "orders.csv"
}
transform "lookup" "users" {
  from        = source.csv.orders
  concurrency = 12
  on_missing  = "MISSING"
  get "user" {
    table = var.table
    key   = { id = row.user_id }
  }
  retry {
    base_delay   = "1ms"
    max_delay    = "20ms"
    max_attempts = 50
  }
}
sink "file" "lines" {
  from = transform.lookup.users
  path = "lines.jsonl"
}
`

// Promises 1, 2 and 10: through faults, and with many batches in work at once,
// rows leave in the order they came, each with its own item, and those without
// one end as on_missing says.
func TestLookupThroughChaos(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("id"))
	const n, keys, there = 6000, 3000, 2700
	var items []dynamotest.Item
	for i := range there {
		items = append(items, dynamotest.Item{
			"id": &types.AttributeValueMemberS{Value: fmt.Sprintf("u%d", i)}, "name": &types.AttributeValueMemberS{Value: fmt.Sprintf("User %d", i)},
		})
	}
	server.Put(t, table, items...)
	user := func(i int) int { return i * 7 % keys }
	for missing, exit := range map[string]int{"null": 0, "drop": 0, "reject": 3} {
		t.Run(missing, func(t *testing.T) {
			proxy := startChaos(t, server, "--seed", "5", "--unprocessed", "20%", "--throttle", "10%", "--error", "10%", "--cut-before", "2%", "--cut-after", "2%", "--jitter", "3ms")
			dir := t.TempDir()
			lines := []string{"order,user_id"}
			var want []string
			lost := 0
			for i := range n {
				lines = append(lines, fmt.Sprintf("o%d,u%d", i, user(i)))
				switch {
				case user(i) < there:
					want = append(want, fmt.Sprintf(`o%d u%d User %d`, i, user(i), user(i)))
				case missing == "null":
					want = append(want, fmt.Sprintf(`o%d u%d `, i, user(i)))
				default:
					lost++
				}
			}
			pipeline := strings.Replace(throughALookup, "MISSING", missing, 1)
			for name, text := range map[string]string{"orders.csv": strings.Join(lines, "\n") + "\n", "p.hcl": pipeline} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("dynapipe", "run", "p.hcl", "--var", "table="+table, "--report", "report.json")
			cmd.Dir = dir
			cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+proxy.endpoint)
			said, _ := cmd.CombinedOutput() // the exit code tells
			stats := proxy.stop(t)
			if cmd.ProcessState.ExitCode() != exit {
				t.Fatalf("exit code %d, not %d\n%s", cmd.ProcessState.ExitCode(), exit, said)
			}
			text, err := os.ReadFile(filepath.Join(dir, "lines.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(string(text)) {
				var r struct {
					Order string
					ID    string `json:"user_id"`
					User  struct{ Name string }
				}
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.Order+" "+r.ID+" "+r.User.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lines that are not the %d of the join, or their order differs", len(got), len(want))
			}
			report := lookupReport(t, filepath.Join(dir, "report.json"))
			ended := map[string]int64{"drop": report.Filtered, "reject": report.Rejected, "null": 0}[missing]
			if len(report.Capacity) != 1 || report.Capacity[0].Table != table || report.Unprocessed == 0 {
				t.Errorf("%+v", report)
			}
			if report.In != n || report.Out != int64(len(want)) || ended != int64(lost) {
				t.Errorf("%+v", report)
			}
			if stats.Faults[faultproxy.Unprocessed] == 0 || stats.Faults[faultproxy.Throttled] == 0 {
				t.Errorf("faults %v", stats.Faults)
			}
		})
	}
}

// lookupReport is what a report says of the lookup.
func lookupReport(t *testing.T, path string) engine.NodeReport {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r engine.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	documented(t, text, "run", exitCodes[r.Status])
	i := slices.IndexFunc(r.Nodes, func(n engine.NodeReport) bool { return n.Node == "transform.lookup.users" })
	if i < 0 {
		t.Fatalf("no lookup in %s", text)
	}
	return r.Nodes[i]
}
