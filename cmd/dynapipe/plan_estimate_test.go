package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// planned is one pipeline with what is planned of it and what a run of it does.
type planned struct {
	dir    string
	server *dynamotest.Server
}

func newPlanned(t *testing.T, server *dynamotest.Server, pipeline string) *planned {
	t.Helper()
	p := &planned{dir: workspace(t), server: server}
	p.write(t, "p.hcl", pipeline)
	return p
}

func (p *planned) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// command is what a command says on standard output. It ends with exit code 0.
func (p *planned) command(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("dynapipe", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.server.Environ()...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dynapipe %s: %v\n%s%s", strings.Join(args, " "), err, out, errors.String())
	}
	return out
}

// plan is `dynapipe plan --output json`.
func (p *planned) plan(t *testing.T, args ...string) plan.View {
	t.Helper()
	var v plan.View
	if err := json.Unmarshal(p.command(t, append([]string{"plan", "p.hcl", "--output", "json"}, args...)...), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (p *planned) run(t *testing.T, args ...string) *engine.Report {
	t.Helper()
	var r engine.Report
	if err := json.Unmarshal(p.command(t, append([]string{"run", "p.hcl", "--output", "json"}, args...)...), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// near demands that a figure is no further off than a share.
func near(t *testing.T, what string, f *plan.Figure, actual, share float64) {
	t.Helper()
	switch {
	case f == nil:
		t.Errorf("%s is not planned, and was %v", what, actual)
	case !f.Known():
		t.Errorf("%s is not known (%s), and was %v", what, f.Unknown, actual)
	case f.Exact && f.Value != actual:
		t.Errorf("%s is planned as exactly %v, and was %v", what, f.Value, actual)
	case math.Abs(f.Value-actual) > share*actual:
		t.Errorf("%s is planned as %v, and was %v: off by %.1f %%", what, f.Value, actual, 100*(f.Value-actual)/actual)
	}
}

// compare holds a plan against the report of a run.
func compare(t *testing.T, v plan.View, r *engine.Report, share float64) {
	t.Helper()
	for i, n := range v.Nodes {
		e, was := n.Estimate, r.Nodes[i]
		near(t, n.Address+": rows in", &e.In, float64(was.Read+was.In), share)
		near(t, n.Address+": rows out", &e.Out, float64(was.Out+was.Written), share)
		if was.Requests > 0 {
			near(t, n.Address+": requests", e.Requests, float64(was.Requests), share)
		}
		if was.BytesTotal > 0 {
			near(t, n.Address+": bytes", e.Bytes, float64(was.BytesRead), share)
		}
		if len(e.Capacity) != len(was.Capacity) {
			t.Errorf("%s: capacity is planned of %v, and was taken of %v", n.Address, e.Capacity, was.Capacity)
			continue
		}
		for _, c := range e.Capacity {
			at := slices.IndexFunc(was.Capacity, func(w progress.Consumed) bool { return w.Table == c.Table && w.Index == c.Index })
			if at < 0 {
				t.Errorf("%s: nothing was taken of table %s, index %q", n.Address, c.Table, c.Index)
				continue
			}
			units := c.Units
			units.Exact = false // how large DynamoDB takes a number for is only about known
			near(t, fmt.Sprintf("%s: units of %s %s", n.Address, c.Table, c.Index), &units, was.Capacity[at].Units, share)
		}
	}
}

// said demands that the report itself says of all figures how far the plan was off,
// and that this is not far.
func said(t *testing.T, r *engine.Report) {
	t.Helper()
	var whats []string
	for _, f := range r.Plan.Figures {
		if !slices.Contains(whats, f.What) {
			whats = append(whats, f.What)
		}
		if f.Off == nil || math.Abs(*f.Off) > 5 {
			t.Errorf("the report says of a figure: %+v", f)
		}
	}
	if want := []string{"rows_in", "rows_out", "bytes_read", "requests", "write_units"}; !slices.Equal(whats, want) {
		t.Errorf("the report compares %q", whats)
	}
}

// stored is the number of items of a table, and their bytes by DynamoDB's rule.
func stored(t *testing.T, server *dynamotest.Server, table string) (items, bytes float64) {
	t.Helper()
	for _, item := range server.Items(t, table) {
		items++
		for name, v := range item {
			bytes += float64(len(name) + sizeOf(t, v))
		}
	}
	return items, bytes
}

func sizeOf(t *testing.T, v types.AttributeValue) int {
	t.Helper()
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return attr.StringValue(v.Value).Size()
	case *types.AttributeValueMemberN:
		parsed, err := attr.ParseDynamoJSON([]byte(`{"N":"` + v.Value + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Size()
	case *types.AttributeValueMemberBOOL:
		return attr.BoolValue(v.Value).Size()
	}
	t.Fatalf("unexpected %T", v)
	return 0
}

// orders is a file of rows whose sizes differ, some above a KB.
func orders(rows int) string {
	var b strings.Builder
	b.WriteString("customer,id,total,note\n")
	for i := range rows {
		fmt.Fprintf(&b, "c%d,%06d,%d.50,%s\n", i*7919%977, i, i%300, strings.Repeat("x", i*31%1500))
	}
	return b.String()
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const ordersSource = `
source "csv" "in" {
  path    = "in.csv"
  columns = { total = number }
}
`

// TestPlanAgainstRun: a plan is within 5 % of what a run into an empty table does,
// and right to the last row where it has seen all of them.
func TestPlanAgainstRun(t *testing.T) {
	server := dynamotest.Start(t)
	key := []dynamotest.Key{dynamotest.S("customer"), dynamotest.S("id")}
	t.Run("CSV with a filter", func(t *testing.T) {
		for _, args := range [][]string{nil, {"--sample", "2000"}} {
			table := server.CreateTable(t, key...)
			p := newPlanned(t, server, ordersSource+`
transform "filter" "some" {
  from  = source.csv.in
  where = row.total >= 100
}
sink "batch_write" "out" {
  from  = transform.filter.some
  table = "`+table+`"
}
`)
			p.write(t, "in.csv", orders(12000))
			p.write(t, "plan.json", string(p.command(t, append([]string{"plan", "p.hcl", "--output", "json"}, args...)...)))
			v := p.plan(t, args...)
			if exact := args == nil; v.Nodes[2].Estimate.Out.Exact != exact {
				t.Errorf("%q: %+v", args, v.Nodes[2].Estimate.Out)
			}
			r := p.run(t, "--plan", "plan.json")
			compare(t, v, r, 0.05)
			said(t, r)
			items, bytes := stored(t, server, table)
			near(t, "items", &v.Nodes[2].Estimate.Out, items, 0.05)
			near(t, "bytes of items", v.Nodes[2].Estimate.Bytes, bytes, 0.05)
		}
	})
	t.Run("an index", func(t *testing.T) {
		table := server.Create(t, dynamotest.Table{Keys: key, Indexes: []dynamotest.Index{{Name: "by_note", Keys: []dynamotest.Key{dynamotest.S("note")}}}})
		p := newPlanned(t, server, ordersSource+`
sink "batch_write" "out" {
  from  = source.csv.in
  table = "`+table+`"
}
`)
		p.write(t, "in.csv", orders(2000))
		v := p.plan(t)
		compare(t, v, p.run(t), 0.05)
		if units := v.Nodes[1].Estimate.Capacity; len(units) != 2 || units[1].Index != "by_note" || units[1].Units.Value >= units[0].Units.Value {
			t.Errorf("the index, which not every item is in, is planned as %+v", units)
		}
	})
	t.Run("keys that come again", func(t *testing.T) {
		table := server.CreateTable(t, key...)
		p := newPlanned(t, server, strings.Replace(ordersSource, "in.csv", "twice.csv", 1)+`
sink "batch_write" "out" {
  from  = source.csv.in
  table = "`+table+`"
}
`)
		rows := orders(300)
		p.write(t, "twice.csv", rows+strings.SplitAfterN(rows, "\n", 2)[1])
		v := p.plan(t)
		r := p.run(t)
		e, was := v.Nodes[1].Estimate, r.Nodes[1]
		if !e.Out.AtMost || e.Out.Value != 600 || float64(was.Written) > e.Out.Value || !e.Capacity[0].Units.AtMost || was.Capacity[0].Units > e.Capacity[0].Units.Value {
			t.Errorf("planned as %+v; %d rows were written, with %+v", e, was.Written, was.Capacity)
		}
		if len(v.Sampling.Notes) != 1 || !strings.Contains(v.Sampling.Notes[0], "300 rows looked at with a key that came before") {
			t.Errorf("the notes are %q", v.Sampling.Notes)
		}
	})
	t.Run("JSON lines in transactions", func(t *testing.T) {
		table := server.CreateTable(t, key...)
		p := newPlanned(t, server, `
source "jsonl" "in" {
  path = "in.jsonl.gz"
}
sink "transaction" "out" {
  from     = source.jsonl.in
  group_by = row.customer

  put {
    table = "`+table+`"
  }
}
`)
		var b strings.Builder
		for i := range 900 {
			fmt.Fprintf(&b, `{"customer":"c%d","id":"%d","note":"%s"}`+"\n", i/3, i, strings.Repeat("y", i*31%1500))
		}
		p.write(t, "in.jsonl.gz", gzipped(t, b.String()))
		v := p.plan(t)
		compare(t, v, p.run(t), 0.05)
		if e := v.Nodes[1].Estimate; e.Requests.Value != 300 || !e.Requests.Exact {
			t.Errorf("%+v requests of 300 groups", e.Requests)
		}
	})
	t.Run("a table into a table", func(t *testing.T) {
		from, to := server.CreateTable(t, key...), server.TableName(t)
		p := newPlanned(t, server, ordersSource+`
sink "batch_write" "out" {
  from  = source.csv.in
  table = "`+from+`"
}
`)
		p.write(t, "in.csv", orders(3000))
		p.run(t)
		p.write(t, "p.hcl", `
source "dynamodb" "in" {
  table = "`+from+`"
}
transform "map" "keys" {
  from = source.dynamodb.in
  set  = { pk = "ORDER#${row.id}" }
}
sink "batch_write" "out" {
  from           = transform.map.keys
  table          = "`+to+`"
  write_capacity = 50000

  create_table {
    partition_key = "pk"
  }
}
`)
		v := p.plan(t)
		if took := v.Sampling.Took; len(took) != 1 || took[0].Table != from || took[0].Units > 20 {
			t.Errorf("the sample took %+v", took)
		}
		compare(t, v, p.run(t), 0.05)
		if e := v.Nodes[2].Estimate; e.Seconds == nil || math.Abs(e.Seconds.Value-e.Capacity[0].Units.Value/50000) > 1e-4 {
			t.Errorf("%+v seconds", e.Seconds)
		}
	})
}

// TestPlanTellsTheSizeOfFiles: to the byte where all rows were looked at, within 5 %
// of a part, and of a compressed file what it is before.
func TestPlanTellsTheSizeOfFiles(t *testing.T) {
	names := []string{"out.csv", "out.jsonl", "out.parquet", "out.jsonl.gz"}
	pipeline := ordersSource
	for i, name := range names {
		pipeline += fmt.Sprintf("sink \"file\" \"f%d\" {\n  from = source.csv.in\n  path = %q\n}\n", i, name)
	}
	p := newPlanned(t, &dynamotest.Server{}, pipeline)
	p.write(t, "in.csv", orders(12000))
	all, part := p.plan(t), p.plan(t, "--sample", "4096")
	p.run(t)
	for i, name := range names {
		info, err := os.Stat(filepath.Join(p.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		size := float64(info.Size())
		if name == "out.jsonl.gz" {
			if e := all.Nodes[i+1].Estimate; !e.Bytes.AtMost || e.Bytes.Value != all.Nodes[2].Estimate.Bytes.Value || size >= e.Bytes.Value {
				t.Errorf("%s of %v bytes is planned as %+v", name, size, e.Bytes)
			}
			continue
		}
		near(t, name, all.Nodes[i+1].Estimate.Bytes, size, 0)
		near(t, "a part of "+name, part.Nodes[i+1].Estimate.Bytes, size, 0.05)
	}
}

// TestPlanWarns: what is wrong with writes that would go well.
func TestPlanWarns(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.S("sk"))
	expiring := server.CreateTable(t, dynamotest.S("pk"))
	_, err := server.Client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &expiring, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	server.Put(t, expiring, dynamotest.Item{"pk": text("1"), "kept": text("x"), "note": text("y")})
	for name, c := range map[string]struct {
		table, rows, sink string
		code, says        string
	}{
		"one key for most": {table, keyed(3000, func(i int) (string, string) {
			if i%3 > 0 {
				return "busy", fmt.Sprint(i)
			}
			return fmt.Sprint(i), "0"
		}), "", "hot-partition", `67 % go to one partition key ("busy")`},
		"one key after the other": {table, keyed(6000, func(i int) (string, string) { return fmt.Sprint(i / 600), fmt.Sprint(i) }),
			"", "hot-partition", "600 of them typically"},
		"spread":                      {table, keyed(6000, func(i int) (string, string) { return fmt.Sprint(i % 900), fmt.Sprint(i) }), "", "", ""},
		"large":                       {table, "{\"pk\":\"1\",\"sk\":\"1\",\"x\":\"" + strings.Repeat("x", 380<<10) + "\"}\n", "", "large-items", "389,"},
		"milliseconds":                {expiring, `{"pk":"7","expires":1795000000000}` + "\n", "", "time-to-live-in-milliseconds", "floor(row.expires / 1000)"},
		"seconds":                     {expiring, `{"pk":"7","expires":1795000000}` + "\n", "", "", ""},
		"text":                        {expiring, `{"pk":"7","expires":"2026-11-27T00:00:00Z"}` + "\n", "", "time-to-live-is-no-number", `as "2026-11-27T00:00:00Z"`},
		"less than there is":          {expiring, `{"pk":"1","note":"z"}` + "\n", "", "put-drops-attributes", "would lose it: kept. "},
		"as much as there is":         {expiring, `{"pk":"1","note":"z","kept":1}` + "\n", "", "", ""},
		"transactions":                {table, keyed(10, func(i int) (string, string) { return fmt.Sprint(i), "0" }), "transaction", "transactions-cost-twice", "20 WCU in place of 10"},
		"time to live of a new table": {"new", `{"pk":"7","expires":1795000000000}` + "\n", "create", "time-to-live-in-milliseconds", "expires"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := `
sink "batch_write" "out" {
  from  = source.jsonl.in
  table = "` + c.table + `"
}
`
			switch c.sink {
			case "transaction":
				sink = strings.NewReplacer("batch_write", "transaction", "  table = ", "  put {\n table = ", "\"\n}", "\"\n}\n}").Replace(sink)
			case "create":
				sink = strings.Replace(sink, "\"\n}", "\"\n  create_table {\n    partition_key = \"pk\"\n    ttl = \"expires\"\n  }\n}", 1)
			}
			p := newPlanned(t, server, "source \"jsonl\" \"in\" {\n  path = \"in.jsonl\"\n}\n"+sink)
			p.write(t, "in.jsonl", c.rows)
			v := p.plan(t)
			switch {
			case c.code == "" && len(v.Warnings) > 0:
				t.Errorf("%+v", v.Warnings)
			case c.code == "":
			case len(v.Warnings) != 1 || v.Warnings[0].Code != c.code || !strings.Contains(v.Warnings[0].Detail, c.says) || v.Warnings[0].Place.Start.Line != 5:
				t.Errorf("the warnings are %+v", v.Warnings)
			}
		})
	}
	if items := server.Items(t, table); len(items) > 0 {
		t.Errorf("plans have written %d items", len(items))
	}
}

// keyed is JSON lines with keys.
func keyed(n int, key func(i int) (pk, sk string)) string {
	var b strings.Builder
	for i := range n {
		pk, sk := key(i)
		fmt.Fprintf(&b, "{\"pk\":%q,\"sk\":%q}\n", pk, sk)
	}
	return b.String()
}
