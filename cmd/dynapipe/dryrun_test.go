package main

import (
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// A dry run refuses the rows that tables would not take, as they are or as they
// would be created, and leaves every table as it was.
func TestDryRunOfTables(t *testing.T) {
	server := dynamotest.Start(t)
	dir, table := t.TempDir(), server.CreateTable(t, dynamotest.S("pk"))
	put(t, dir, "rows.csv", "pk,n\na,1\n,2\nc,three\n")
	put(t, dir, "dry.hcl", strings.ReplaceAll(`
pipeline {
  max_rejects = 10
}
source "csv" "rows" {
  path = "rows.csv"
}
sink "batch_write" "there" {
  from  = source.csv.rows
  table = "TABLE"
}
sink "batch_write" "to_be" {
  from  = source.csv.rows
  table = "TABLE-to-be"
  create_table {
    partition_key = "n"
  }
}
sink "update" "count" {
  from  = source.csv.rows
  table = "TABLE"
  key   = { pk = row.pk }
  add   = { n = tonumber(row.n) }
}
sink "transaction" "both" {
  from = source.csv.rows
  put {
    table = "TABLE"
    item  = { pk = row.pk }
  }
}
`, "TABLE", table))

	code, said := in(t, dir, server, "run", "dry.hcl", "--dry-run")
	if code != 3 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	for _, want := range []string{
		"3 rows read, 8 rows would be written",
		"rows.csv:3: sink.batch_write.there: ", "rows.csv:3: sink.update.count: ", "rows.csv:4: sink.update.count: ", "rows.csv:3: sink.transaction.both: ",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("not said: %s\n%s", want, said)
		}
	}
	if n := len(server.Items(t, table)); n != 0 {
		t.Errorf("%d items were written", n)
	}

	// Without create_table, a table that is not there fails a dry run as it
	// fails a run; and none was created.
	put(t, dir, "missing.hcl", `
source "csv" "rows" {
  path = "rows.csv"
}
sink "batch_write" "missing" {
  from  = source.csv.rows
  table = "`+table+`-to-be"
}
`)
	if code, said := in(t, dir, server, "run", "missing.hcl", "--dry-run"); code != 1 || !strings.Contains(said, table+"-to-be") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
