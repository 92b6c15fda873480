package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/verify"
)

// verifying is a pipeline that is run and then verified, in a folder of its own,
// with two tables whose key is the string pk.
type verifying struct {
	t      *testing.T
	server *dynamotest.Server
	dir    string
	table  string // TABLE in the pipeline
	other  string // OTHER
}

func newVerifying(t *testing.T, server *dynamotest.Server, rows, pipeline string) *verifying {
	t.Helper()
	v := &verifying{t: t, server: server, dir: t.TempDir(), table: server.CreateTable(t, dynamotest.S("pk")), other: server.CreateTable(t, dynamotest.S("pk"))}
	v.write("rows.jsonl", rows)
	v.pipeline(pipeline)
	return v
}

func (v *verifying) write(name, text string) {
	v.t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o666); err != nil {
		v.t.Fatal(err)
	}
}

func (v *verifying) pipeline(text string) {
	v.t.Helper()
	v.write("p.hcl", `source "jsonl" "in" { path = "rows.jsonl" }`+"\n"+strings.NewReplacer("TABLE", v.table, "OTHER", v.other).Replace(text))
}

// run runs it, and demands an exit code.
func (v *verifying) run(code int, flags ...string) {
	v.t.Helper()
	cmd := exec.Command("dynapipe", append([]string{"run", "p.hcl", "--no-progress"}, flags...)...)
	cmd.Dir, cmd.Env = v.dir, append(os.Environ(), v.server.Environ()...)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != code {
		v.t.Fatalf("run: exit %d, not %d\n%s", cmd.ProcessState.ExitCode(), code, out)
	}
}

// verify verifies it, and demands an exit code.
func (v *verifying) verify(code int, flags ...string) verify.Report {
	v.t.Helper()
	r, got := verifyAs(v.t, v.dir, v.server, append([]string{"p.hcl"}, flags...)...)
	if got != code {
		v.t.Fatalf("verify: exit %d, not %d: %+v", got, code, r)
	}
	return r
}

func (v *verifying) put(table string, attributes ...string) {
	v.t.Helper()
	item := dynamotest.Item{}
	for i := 0; i < len(attributes); i += 2 {
		item[attributes[i]] = &types.AttributeValueMemberS{Value: attributes[i+1]}
	}
	v.server.Put(v.t, table, item)
}

// target is the report of a table.
func (v *verifying) target(r verify.Report, table string) verify.TargetReport {
	v.t.Helper()
	for _, t := range r.Targets {
		if t.Target == "table "+table {
			return t
		}
	}
	v.t.Fatalf("no target %s in %+v", table, r)
	return verify.TargetReport{}
}

// Promise 4: of rows with one key the last counts, puts and deletes alike.
func TestVerifyLastRowOfAKeyCounts(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a","n":1}
{"pk":"b","n":1}
{"pk":"a","n":2}
{"pk":"b","gone":true}
{"pk":"c","gone":true}
{"pk":"c","n":3}
`, `
sink "batch_write" "t" {
  from      = source.jsonl.in
  table     = "TABLE"
  operation = row.gone == true ? "delete" : "put"
}
`)
	v.run(0)
	r := v.verify(0)
	if got := v.target(r, v.table); got.Expected != 2 || got.Equal != 2 || got.Absent != 1 || got.Found != 2 {
		t.Errorf("%+v", got)
	}
	// The first row of a is there in place of the last, and b is there again.
	v.server.Put(t, v.table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "a"}, "n": &types.AttributeValueMemberN{Value: "1"}})
	v.put(v.table, "pk", "b")
	r = v.verify(1)
	if got := v.target(r, v.table); got.Different != 1 || got.NotDeleted != 1 || got.Equal != 1 {
		t.Errorf("%+v", got)
	}
	for _, d := range r.Differences {
		want := map[string]string{verify.KindDifferent: "rows.jsonl:3", verify.KindNotDeleted: "rows.jsonl:4"}[d.Kind]
		if d.Origin != want {
			t.Errorf("%s: row at %s, not %s", d.Kind, d.Origin, want)
		}
	}
	// Extra items can be allowed; what should have been deleted can't.
	v.put(v.table, "pk", "x")
	if r := v.verify(1, "--allow-extra"); v.target(r, v.table).Extra != 1 || len(r.Differences) != 2 {
		t.Errorf("%+v", r)
	}
}

// Items of others in a table that is only deleted from are no difference.
func TestVerifyDeletes(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a"}
{"pk":"b"}
`, `
sink "batch_write" "t" {
  from      = source.jsonl.in
  table     = "TABLE"
  operation = "delete"
}
`)
	v.put(v.table, "pk", "a")
	v.put(v.table, "pk", "other")
	r := v.verify(1)
	if got := v.target(r, v.table); got.NotDeleted != 1 || got.Absent != 1 || got.Extra != 1 || got.ExtraAllowed == "" {
		t.Errorf("%+v", got)
	}
	v.run(0)
	v.verify(0)
}

// Tables that rows name are verified each.
func TestVerifyTablesOfRows(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), "", `
sink "batch_write" "t" {
  from   = source.jsonl.in
  table  = row.t
  tables = ["TABLE", "OTHER"]
}
`)
	v.write("rows.jsonl", `{"pk":"a","t":"`+v.table+`"}`+"\n"+`{"pk":"a","t":"`+v.other+`"}`+"\n")
	v.run(0)
	v.verify(0)
	v.put(v.other, "pk", "a", "t", "changed")
	r := v.verify(1)
	if a, b := v.target(r, v.table), v.target(r, v.other); a.Equal != 1 || b.Different != 1 {
		t.Errorf("%+v %+v", a, b)
	}
	// A table that no row names is read too: it may have what it should not.
	v.write("rows.jsonl", `{"pk":"a","t":"`+v.table+`"}`+"\n")
	if r := v.verify(1); v.target(r, v.other).Extra != 1 {
		t.Errorf("%+v", r)
	}
}

// Of transactions puts and deletes are verified, also of groups; what updates
// make of items is not known, and said to be.
func TestVerifyTransactions(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"id":"1","g":"x","n":1.50}
{"id":"2","g":"x","n":2}
{"id":"3","g":"y","n":3}
{"id":"4","g":"z","n":4}
{"id":"4","g":"z","n":5}
`, `
pipeline { max_rejects = 2 }
sink "transaction" "t" {
  from     = source.jsonl.in
  group_by = row.g
  put {
    table = "TABLE"
    item  = { pk = "item#${row.id}", n = row.n, none = row.nothing }
  }
  delete {
    table = "TABLE"
    key   = { pk = "old#${row.id}" }
  }
  update {
    table = "OTHER"
    key   = { pk = "count#${row.id}" }
    add   = { n = 1 }
  }
}
`)
	v.put(v.table, "pk", "old#1")
	v.run(3) // group z names an item twice
	r := v.verify(3)
	if got := v.target(r, v.table); got.Equal != 3 || got.Absent != 3 || got.Found != 3 {
		t.Errorf("%+v", got)
	}
	if len(r.NotVerified) != 1 || !strings.Contains(r.NotVerified[0].Why, "updates") || r.Rejected != 2 {
		t.Errorf("%+v", r)
	}
	if got := v.target(r, v.other); got.NotCompared != 3 {
		t.Errorf("%+v", got)
	}
	v.put(v.table, "pk", "old#3")
	v.put(v.table, "pk", "item#2", "n", "2")
	r = v.verify(1)
	if got := v.target(r, v.table); got.Different != 1 || got.NotDeleted != 1 || got.Equal != 2 {
		t.Errorf("%+v", got)
	}
	for _, d := range r.Differences {
		if d.Kind == verify.KindDifferent && (d.Origin != "rows.jsonl:2" || len(d.Attributes) != 1 ||
			compact(d.Attributes[0].Expected) != `{"N":"2"}` || compact(d.Attributes[0].Actual) != `{"S":"2"}`) {
			t.Errorf("%+v", d)
		}
	}
}

// An update of an item that another sink puts leaves it unknown, and not wrong.
func TestVerifyUpdates(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a"}
{"pk":"b","more":true}
`, `
transform "filter" "more" {
  from  = source.jsonl.in
  where = row.more == true
}
sink "batch_write" "t" {
  from  = source.jsonl.in
  table = "TABLE"
}
sink "update" "u" {
  from  = transform.filter.more
  table = "TABLE"
  add   = { n = 1 }
}
`)
	v.run(0)
	r := v.verify(0)
	if got := v.target(r, v.table); got.Equal != 1 || got.NotCompared != 1 || len(got.Sinks) != 2 {
		t.Errorf("%+v", got)
	}
	if len(r.NotVerified) != 1 || r.NotVerified[0].Sink != "sink.update.u" {
		t.Errorf("%+v", r.NotVerified)
	}
}

// With a condition that fails the run when it does not hold, a run that went
// well has written every row; with one that skips, nobody knows.
func TestVerifyConditions(t *testing.T) {
	pipeline := func(policy string) string {
		return `
sink "batch_write" "t" {
  from      = source.jsonl.in
  table     = "TABLE"
  condition = !exists(item.pk)
  ` + policy + `
}
`
	}
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a","n":1}`+"\n", pipeline(""))
	v.run(0)
	v.verify(0)
	v.put(v.table, "pk", "a", "n", "changed")
	v.verify(1)
	v.pipeline(pipeline(`on_condition_failure = "skip"`))
	cmd := exec.Command("dynapipe", "verify", "p.hcl")
	cmd.Dir, cmd.Env = v.dir, append(os.Environ(), v.server.Environ()...)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "Nothing to verify") || !strings.Contains(string(out), "p.hcl:3:1") {
		t.Errorf("exit %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
}

// What is different in every run is left out, or made again by the run's report.
func TestVerifyWhatVaries(t *testing.T) {
	pipeline := func(key string) string {
		return `
locals { now = timestamp() }
transform "map" "m" {
  from   = source.jsonl.in
  set    = { made = uuid(), at = local.now, odd = "x", n = 1 }
  rename = { odd = "even" }
}
transform "map" "again" {
  from = transform.map.m
  set  = { pk = ` + key + `, copy = "${row.made}!", at = "fixed" }
}
sink "batch_write" "t" {
  from  = transform.map.again
  table = "TABLE"
}
`
	}
	v := newVerifying(t, dynamotest.Start(t), `{"id":"a"}`+"\n"+`{"id":"b"}`+"\n", pipeline("row.id"))
	v.run(0, "--report", "run.json")
	r := v.verify(0)
	if got := v.target(r, v.table); strings.Join(got.Ignored, " ") != "copy made" || got.Equal != 2 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "transform.map.m: made is made with uuid()") {
		t.Errorf("%q", r.Warnings)
	}
	if got := v.target(v.verify(0, "--report", "run.json"), v.table); len(got.Ignored) != 0 || got.Equal != 2 {
		t.Errorf("%+v", got)
	}
	v.put(v.table, "pk", "a", "made", "x", "copy", "x!", "at", "fixed", "even", "x", "id", "a")
	if r := v.verify(1); len(r.Differences) != 1 || len(r.Differences[0].Attributes) != 1 || r.Differences[0].Attributes[0].Name != "n" {
		t.Errorf("%+v", r.Differences)
	}
	if r := v.verify(1, "--report", "run.json"); len(r.Differences) != 1 || len(r.Differences[0].Attributes) != 3 {
		t.Errorf("%+v", r.Differences)
	}
	// Items whose keys are made anew can't be told apart without the report.
	v.pipeline(pipeline("row.made"))
	v.server.CreateTable(t, dynamotest.S("pk"))
	if r := v.verify(1); r.Status != verify.Failed || !strings.Contains(r.Error, `"pk", the partition key`) || !strings.Contains(r.Error, "--report") {
		t.Errorf("%+v", r)
	}
}

// Rejected rows are expected nowhere, counted, and too many of them fail.
func TestVerifyRejects(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a"}
{"no":"key"}
broken
`, `
pipeline { max_rejects = 2 }
sink "batch_write" "t" {
  from  = source.jsonl.in
  table = "TABLE"
}
`)
	v.run(3)
	r := v.verify(3)
	if r.Status != verify.EqualWithRejects || r.Rejected != 2 || r.Read != 3 || !strings.Contains(r.FirstReject, "rows.jsonl:") {
		t.Errorf("%+v", r)
	}
	v.pipeline(`
sink "batch_write" "t" {
  from  = source.jsonl.in
  table = "TABLE"
}
`)
	if r := v.verify(1); r.Status != verify.Failed || !strings.Contains(r.Error, "max_rejects = 0") || v.target(r, v.table).Equal != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(filepath.Join(v.dir, "p.rejects.jsonl")); err != nil {
		t.Errorf("verify touched the dead letter of the run: %v", err)
	}
}

// Promise 8: a secret in an item is not shown.
func TestVerifyHidesSecrets(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a"}`+"\n", `
variable "token" {
  default   = "s3cret"
  sensitive = true
}
transform "map" "m" {
  from = source.jsonl.in
  set  = { token = var.token }
}
sink "batch_write" "t" {
  from  = transform.map.m
  table = "TABLE"
}
`)
	v.put(v.table, "pk", "a", "token", "old")
	r := v.verify(1)
	if text, _ := json.Marshal(r); strings.Contains(string(text), "s3cret") || len(r.Differences) != 1 || !strings.Contains(string(r.Differences[0].Attributes[0].Expected), "(sensitive)") {
		t.Errorf("%s", text)
	}
}

// Rows of different sources with one key have no order: either may be there.
func TestVerifyTakesEitherOfTwoSources(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a","n":"1"}`+"\n", `
source "csv" "two" { path = "two.csv" }
sink "batch_write" "t" {
  from  = [source.jsonl.in, source.csv.two]
  table = "TABLE"
}
`)
	v.write("two.csv", "pk,n\na,2\n")
	for n, code := range map[string]int{"1": 0, "2": 0, "3": 1} {
		v.put(v.table, "pk", "a", "n", n)
		r := v.verify(code)
		if code == 1 && (!strings.Contains(r.Differences[0].Origin, "rows.jsonl:1") || !strings.Contains(r.Differences[0].Origin, "two.csv:2")) {
			t.Errorf("%+v", r.Differences)
		}
	}
}

// Reads are consistent unless they are to take half.
func TestVerifyReads(t *testing.T) {
	v := newVerifying(t, dynamotest.Start(t), `{"pk":"a"}`+"\n", `
sink "batch_write" "t" {
  from  = source.jsonl.in
  table = "TABLE"
}
`)
	v.run(0)
	v.verify(0, "--read-capacity", "5")
	if r := v.verify(0); r.Capacity != 1 {
		t.Errorf("a consistent scan took %v units", r.Capacity)
	}
	if r := v.verify(0, "--consistent-read=false"); r.Capacity != 0.5 {
		t.Errorf("an eventually consistent scan took %v units", r.Capacity)
	}
}
