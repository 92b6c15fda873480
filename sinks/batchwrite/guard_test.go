package batchwrite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// A run that may change what is in a table says first how much that is, and
// what there is against a mistake.
func TestWhatIsAtStakeIsSaid(t *testing.T) {
	server := dynamotest.Start(t)
	full := server.CreateTable(t, dynamotest.S("pk"))
	const row = `{"pk":{"S":"a"}}`
	put(t, server, fmt.Sprintf("table = %q", full), row)
	for name, c := range map[string]struct{ table, body, want string }{
		"puts":             {full, "", "has 1 items by DynamoDB's last count, and a put replaces the one with the same key; point-in-time recovery off, deletion protection off"},
		"puts, none there": {server.CreateTable(t, dynamotest.S("pk")), "", ""},
		"by row":           {full, `operation = "${row.pk == "a" ? "put" : "delete"}"`, "and rows replace or delete those with the same key; point-in-time"},
		"deletes":          {full, `operation = "delete"`, "and every row deletes one; point-in-time"},
	} {
		o := put(t, server, fmt.Sprintf("table = %q\n%s", c.table, c.body), row)
		warnings := o.Meter.Snapshot().Warnings
		if c.want == "" {
			if len(warnings) != 0 {
				t.Errorf("%s: %+v", name, warnings)
			}
			continue
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "table "+c.table) || !strings.Contains(warnings[0].Message, c.want) {
			t.Errorf("%s: %+v", name, warnings)
		}
		put(t, server, fmt.Sprintf("table = %q", full), row)
	}
}
