package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestLastWriteWinsThroughARoute: rows of one key go different ways through a
// route, in several parts of a file, and meet again in a table, where the last
// one of the file counts (promise 4).
func TestLastWriteWinsThroughARoute(t *testing.T) {
	server := dynamotest.Start(t)
	dir := t.TempDir()
	var in strings.Builder
	in.WriteString("pk,n\n")
	last := map[string]int{}
	for n := range 6000 {
		key := fmt.Sprintf("k%d", n*n%97)
		fmt.Fprintf(&in, "%s,%d\n", key, n)
		last[key] = n
	}
	for name, text := range map[string]string{
		"in.csv": in.String(),
		"p.hcl": `
pipeline {
  batch_rows = 500
}
variable "table" {}
source "csv" "in" {
  path    = "in.csv"
  columns = { n = number }
}
transform "route" "ways" {
  from = source.csv.in
  output "third" {
    where = row.n % 3 == 0
  }
  output "even" {
    where = row.n % 2 == 0
  }
}
transform "map" "slow" {
  from = transform.route.ways.otherwise
  set  = { hash = sha256(row.n) }
}
sink "batch_write" "out" {
  from  = [transform.map.slow, transform.route.ways.even, transform.route.ways.third]
  table = var.table
  create_table {
    partition_key = "pk"
  }
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	name := server.TableName(t)
	run(t, dir, server, "p.hcl", "table="+name)
	got := table(t, server, name, "pk")
	if len(got) != len(last) {
		t.Errorf("%d items, not %d", len(got), len(last))
	}
	for key, n := range last {
		if got[key]["n"] != number(strconv.Itoa(n)) {
			t.Errorf("%s is from row %v, and row %d was the last", key, got[key]["n"], n)
		}
	}
}
