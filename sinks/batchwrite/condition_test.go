package batchwrite

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

func number(t *testing.T, item dynamotest.Item, name string) int {
	t.Helper()
	v, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		t.Fatalf("%s of %v is no number", name, item)
	}
	n, err := strconv.Atoi(v.Value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const newer = `condition = !exists(item.pk) || item.v < row.v`

func version(pk string, v int) string { return fmt.Sprintf(`{"pk":{"S":%q},"v":{"N":"%d"}}`, pk, v) }

// Never overwrite newer data: a row whose condition does not hold ends as
// on_condition_failure says.
func TestConditions(t *testing.T) {
	server := dynamotest.Start(t)
	rows := []string{version("a", 5), version("a", 3), version("b", 1), version("a", 7), version("b", 1), version("a", 6)}
	for mode, want := range map[string][3]int64{"reject": {3, 0, 3}, "skip": {3, 3, 0}} {
		table := server.CreateTable(t, dynamotest.S("pk"))
		o := put(t, server, fmt.Sprintf("table = %q\n%s\non_condition_failure = %q", table, newer, mode), rows...)
		if w, f, r := o.Tally.Written.Load(), o.Tally.Filtered.Load(), o.Tally.Rejected.Load(); [3]int64{w, f, r} != want {
			t.Errorf("%s: written %d, filtered %d, rejected %d; want %v", mode, w, f, r, want)
		}
		items := server.ItemsBy(t, table, "pk")
		if number(t, items["a"], "v") != 7 || number(t, items["b"], "v") != 1 {
			t.Errorf("%s: items %v", mode, items)
		}
		if s := o.Meter.Snapshot(); s.Requests != 6 {
			t.Errorf("%s: %d requests for 6 rows", mode, s.Requests)
		}
		var lines []int64
		for _, r := range o.Rejects {
			lines = append(lines, r.Origin.Line)
			if r.Code != "ConditionalCheckFailedException" || r.Operation != "PutItem" || !strings.Contains(r.Message, "does not hold") || r.Attempts != 1 || string(r.Item) != rows[r.Origin.Seq] {
				t.Errorf("reject: %+v of %s", r, r.Item)
			}
		}
		if slices.Sort(lines); mode == "reject" && !slices.Equal(lines, []int64{2, 5, 6}) {
			t.Errorf("rejected lines %v", lines)
		}
	}
}

func TestAFailedConditionCanFailTheRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("table = %q\n%s\non_condition_failure = \"fail\"", table, newer)
	o, err := write(t.Context(), t, configure(t, server, server.Endpoint, body), 10, version("a", 5), version("a", 3))
	if err == nil || !strings.Contains(err.Error(), "the row at rows.jsonl:2: the condition does not hold") || !strings.Contains(err.Error(), `on_condition_failure = "fail"`) {
		t.Errorf("error: %v", err)
	}
	if o.Tally.Written.Load() != 1 || o.Open != 1 {
		t.Errorf("%d written, %d open", o.Tally.Written.Load(), o.Open)
	}
}

func TestConditionalDeletesByRow(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	put(t, server, fmt.Sprintf("table = %q", table), version("a", 1), version("b", 2), version("c", 3))
	o := put(t, server, fmt.Sprintf("table = %q\noperation = row.v > 2 ? \"delete\" : \"put\"\ncondition = item.v == row.v\non_condition_failure = \"skip\"\nmax_deletes = 3", table),
		version("a", 1), version("b", 3), version("c", 3), version("d", 3))
	if w, f := o.Tally.Written.Load(), o.Tally.Filtered.Load(); w != 2 || f != 2 {
		t.Errorf("written %d, filtered %d: %+v", w, f, o.Rejects)
	}
	if items := server.ItemsBy(t, table, "pk"); len(items) != 2 || items["a"] == nil || items["b"] == nil {
		t.Errorf("items %v", items)
	}
}

// A row that deletes is in the dead letter as it came (promise 2), though only
// its key is sent: of one call for several rows, and of one for each.
func TestRejectedDeletesAreWhole(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	_, url := startProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{
		sinktest.Marked("BatchWriteItem", `"b"`, http.StatusBadRequest, `{"__type":"com.amazon.coral.validate#ValidationException","message":"no"}`),
	}})
	row := version("b", 2)
	for body, code := range map[string]string{"": "ValidationException", "condition = item.v == row.v": "ConditionalCheckFailedException"} {
		o, err := write(t.Context(), t, configure(t, server, url, fmt.Sprintf("table = %q\noperation = \"delete\"\n%s", table, body)), 10, row)
		if err != nil {
			t.Fatal(err)
		}
		o.Want(t, 0, 0, 1)
		if len(o.Rejects) != 1 || o.Rejects[0].Code != code || string(o.Rejects[0].Item) != row {
			t.Errorf("%s: %+v of %s", body, o.Rejects, row)
		}
	}
}

// A condition that can't be sent for a row rejects it, and what a row has of
// its own may decide it.
func TestConditionsOfRows(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	body := fmt.Sprintf("table = %q\ncondition = row.force || item.v < row.v", table)
	o := put(t, server, body, version("a", 1), `{"pk":{"S":"a"},"force":{"BOOL":true},"v":{"N":"1"}}`, version("a", 2), `{"pk":{"S":"a"}}`)
	want(t, o, 2, 0, 2)
	for _, r := range o.Rejects {
		if r.Origin.Line == 4 && (r.Code != "ExpressionError" || !strings.Contains(r.Message, "row.v is null for this row") || !strings.Contains(r.Message, "test.hcl:3,")) {
			t.Errorf("reject: %+v", r)
		}
	}
}

// Whatever fails, a condition decides once: rows that were written and whose
// answer was lost are not taken for rows whose condition failed, and the others
// are.
func TestConditionsThroughFaults(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	p, url := startProxy(t, server, faultproxy.Config{Faults: faultproxy.Faults{Throttle: 0.10, Error: 0.15, Conflict: 0.10, CutBefore: 0.05, CutAfter: 0.15}})
	const keys, versions = 60, 5
	var rows []string
	for v := range versions {
		for k := range keys {
			rows = append(rows, version(fmt.Sprint("k", k), (v*3)%versions)) // 0 3 1 4 2
		}
	}
	body := fmt.Sprintf("table = %q\n%s\non_condition_failure = \"skip\"\nretry {\nbase_delay = \"1ms\"\nmax_attempts = 30\n}", table, newer)
	o, err := write(t.Context(), t, configure(t, server, url, body), 50, rows...)
	if err != nil {
		t.Fatal(err)
	}
	if w, f := o.Tally.Written.Load(), o.Tally.Filtered.Load(); w != 3*keys || f != 2*keys || o.Open != 0 {
		t.Errorf("written %d, filtered %d, open %d, want %d and %d: %+v", w, f, o.Open, 3*keys, 2*keys, o.Rejects)
	}
	for _, item := range server.Items(t, table) {
		if number(t, item, "v") != versions-1 {
			t.Errorf("item %v", item)
		}
	}
	stats := p.Stats()
	for _, fault := range []faultproxy.Kind{faultproxy.Throttled, faultproxy.FailedAfter, faultproxy.Conflict, faultproxy.CutAfter} {
		if stats.Faults[fault] == 0 {
			t.Errorf("the proxy never did this: %s", fault)
		}
	}
}

func TestWrongConditions(t *testing.T) {
	for body, want := range map[string]string{
		`condition = row.x`:                                  "filter transform",
		"condition = exists(item.a)\nbatch_size = 5":         "each row is a request of its own",
		"condition = exists(item.a)\nduplicates = \"error\"": "each row is a request of its own",
		"on_condition_failure = \"skip\"":                    `for a sink with a "condition"`,
		"condition = item.a * 2 > 3":                         "arithmetic",
	} {
		_, diags := decode(t, dynamo.NewConnection(), "table = \"abc\"\n"+body)
		if got := text(diags); !diags.HasErrors() && want != "" || !strings.Contains(got, want) {
			t.Errorf("%s\ngives: %s\nwant: %s", body, got, want)
		}
	}
}

// A run that goes on puts rows again that the process before it had put, and
// knows them by the item: their condition fails because of themselves.
func TestConditionsOfAResumedRun(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	config := configure(t, server, server.Endpoint, fmt.Sprintf("table = %q\ncondition = !exists(item.pk)", table))
	run := sinktest.Process{Run: "run", Ending: sinks.EndOfInput, Batch: 7}
	rows := []string{`{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"b"},"v":{"N":"2"}}`}
	for range 2 {
		o, err := run.Write(t.Context(), t, config, rows...)
		if err != nil {
			t.Fatal(err)
		}
		o.Want(t, 2, 0, 0)
		run.Resume = o.State
	}
	o, err := run.Write(t.Context(), t, config, rows[0], `{"pk":{"S":"b"},"v":{"N":"3"}}`)
	if err != nil {
		t.Fatal(err)
	}
	o.Want(t, 1, 0, 1)
	run.Resume = nil
	if o, err = run.Write(t.Context(), t, config, rows...); err != nil {
		t.Fatal(err)
	}
	o.Want(t, 0, 0, 2)
}
