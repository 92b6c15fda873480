package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/pipeline"
)

const csvSource = `
source "csv" "in" {
  path    = "in.csv"
  columns = { n = number, l = list(string), m = map(string), b = bool, s = string_set }
}
`

const fileSink = `
sink "file" "out" {
  from = source.csv.in
  path = "out.jsonl"
}
`

// where is a pipeline with a condition over rows.
func where(e string) string {
	return csvSource + "transform \"filter\" \"f\" {\n  from  = source.csv.in\n  where = " + e + "\n}\nsink \"file\" \"out\" {\n  from = transform.filter.f\n  path = \"out.jsonl\"\n}\n"
}

// set is a pipeline with an expression over rows.
func set(e string) string {
	return csvSource + "transform \"map\" \"f\" {\n  from = source.csv.in\n  set  = { x = " + e + " }\n}\nsink \"file\" \"out\" {\n  from = transform.map.f\n  path = \"out.jsonl\"\n}\n"
}

// scan is a pipeline that reads a table, with arguments.
func scan(args string) string {
	return "source \"dynamodb\" \"in\" {\n  table = \"table\"\n  " + args + "\n}\nsink \"file\" \"out\" {\n  from = source.dynamodb.in\n  path = \"out.jsonl\"\n}\n"
}

// write is a pipeline with a sink of a type.
func write(typ, args string) string {
	return csvSource + "sink \"" + typ + "\" \"out\" {\n  from = source.csv.in\n  " + args + "\n}\n"
}

// create is a pipeline that creates a table.
func create(args string) string {
	return write("batch_write", "table = \"table\"\ncreate_table {\n"+args+"\n}")
}

// lookup is a pipeline with a lookup in two tables.
func lookup(args, key string) string {
	return csvSource + "transform \"lookup\" \"f\" {\n  from = source.csv.in\n" + args + "\n  get \"a\" {\n    table = \"table\"\n    key = { id = " + key +
		" }\n  }\n  get \"b\" {\n    table = \"table\"\n    connection = connection.dynamodb.c\n    key = { id = row.n }\n  }\n}\n" +
		strings.ReplaceAll(fileSink, "source.csv.in", "transform.lookup.f")
}

// TestCodesOfPipelines provokes diagnostics by their codes.
func TestCodesOfPipelines(t *testing.T) {
	for code, text := range map[string]string{
		"ambiguous-key":                    set(`{ row.n = 1 }`),
		"expression-always-fails":          set(`1 / 0`),
		"invalid-argument":                 set(`upper(row.l)`),
		"invalid-attribute-name":           where(`row[0] == 1`),
		"invalid-index":                    set(`row.l[0.5]`),
		"missing-attribute":                set(`meta`),
		"missing-name":                     set(`var`),
		"name-with-a-dash":                 set(`row.n-m`),
		"no-list-of-arguments-here":        set(`try(row.l...)`),
		"no-reference-to-a-block-here":     set(`source.csv.in`),
		"not-a-number":                     set(`row.b + 1`),
		"not-text":                         set(`"a${row.l}"`),
		"nothing-to-loop-over":             set(`[for x in row.n : x]`),
		"unknown-attribute-of-meta":        set(`meta.fill`),
		"value-without-elements":           set(`row.n[0]`),
		"wrong-number-of-arguments":        set(`upper()`),
		"not-a-function-here":              csvSource + "transform \"aggregate\" \"f\" {\n  from = source.csv.in\n  set  = { x = 1 + 2 }\n}\n" + strings.ReplaceAll(fileSink, "source.csv.in", "transform.aggregate.f"),
		"function-not-for-rows":            set(`env("A")`),
		"no-stored-item-here":              where(`item.a == 1`),
		"attributes-of-another-projection": create("partition_key = \"id\"\nglobal_index \"byn\" {\n  partition_key = \"n\"\n  attributes = [\"a\"]\n}"),
		"capacity-of-an-on-demand-table":   create("partition_key = \"id\"\nread_capacity = 5"),
		"index-named-twice":                create("partition_key = \"id\"\nglobal_index \"byn\" {\n  partition_key = \"n\"\n}\nglobal_index \"byn\" {\n  partition_key = \"m\"\n}"),
		"key-of-two-types":                 create("partition_key = \"id\"\nglobal_index \"byn\" {\n  partition_key = \"id\"\n  partition_type = \"N\"\n}"),
		"key-without-a-name":               create("partition_key = \"\""),
		"local-index-without-a-sort-key":   create("partition_key = \"id\"\nlocal_index \"byn\" {\n  sort_key = \"n\"\n}"),
		"maximum-of-a-provisioned-table":   create("partition_key = \"id\"\nbilling = \"provisioned\"\nmax_read_capacity = 5"),
		"no-attributes":                    create("partition_key = \"id\"\nglobal_index \"byn\" {\n  partition_key = \"n\"\n  projection = \"INCLUDE\"\n}"),
		"no-sort-key":                      create("partition_key = \"id\"\nsort_key = \"s\"\nlocal_index \"byn\" {\n}"),
		"not-an-index-name":                create("partition_key = \"id\"\nglobal_index \"a b\" {\n  partition_key = \"n\"\n}"),
		"one-attribute-as-both-keys":       create("partition_key = \"id\"\nsort_key = \"id\""),
		"type-without-a-key":               create("partition_key = \"id\"\nsort_type = \"N\""),
		"too-many-indexes":                 create("partition_key = \"id\"\nsort_key = \"s\"\n" + strings.Repeat("local_index \"byn\" {\n  sort_key = \"n\"\n}\n", 6)),
		"bounds-out-of-order":              scan(`filter = between(item.n, 5, 1)`),
		"comparison-with-null":             scan(`filter = item.n == null`),
		"dynamodb-cant-evaluate-this":      scan(`filter = item.n * 2 == 4`),
		"expression-without-item":          scan(`filter = 1 == 2`),
		"no-condition":                     scan(`filter = item.n`),
		"no-key-condition":                 scan(`key_condition = item.n > 4`),
		"no-row-here":                      scan(`filter = item.n == row.n`),
		"not-an-attribute":                 scan(`filter = begins_with("a", item.s)`),
		"path-too-deep":                    scan(`filter = exists(item` + strings.Repeat(".a", 40) + `)`),
		"too-many-values":                  scan(`filter = contains([` + strings.Repeat("1, ", 101) + `2], item.n)`),
		"wrong-type":                       scan(`filter = begins_with(item.n, 5)`),
		"unsupported-step":                 scan(`filter = exists(item.a["x"][0.5])`),
		"expression-too-large":             scan(`filter = item.s == "` + strings.Repeat("a", 10) + `"` + strings.Repeat(` || item.n == 1`, 400)),
		"query-has-no-segments":            scan("key_condition = item.n == 4\nsegments = 4"),
		"scan-has-no-order":                scan(`descending = true`),
		"missing-table":                    strings.Replace(scan(``), `"table"`, `""`, 1),
		"no-condition-to-fail":             write("batch_write", "table = \"table\"\non_condition_failure = \"skip\""),
		"not-with-a-condition":             write("batch_write", "table = \"table\"\nbatch_size = 5\ncondition = exists(item.n)"),
		"not-a-budget":                     write("batch_write", "table = \"table\"\nwrite_capacity = \"half\""),
		"percentage-of-what":               write("batch_write", "table = \"table${row.n}\"\nwrite_capacity = \"50%\""),
		"table-named-twice":                write("batch_write", "table = \"table\"\ntables = [\"table\"]"),
		"no-time-to-try":                   write("batch_write", "table = \"table\"\nretry {\n  deadline = \"0s\"\n}"),
		"condition-without-item":           write("batch_write", "table = \"table\"\ncondition = row.n == 1"),
		"update-too-large":                 write("update", "table = \"table\"\nset = {\n"+assignments(400)+"}"),
		"nothing-to-do":                    write("transaction", ""),
		"nothing-to-check":                 write("transaction", "condition_check {\n  table = \"table\"\n  key = { id = row.n }\n  condition = true\n}"),
		"too-many-actions":                 write("transaction", strings.Repeat("put {\n  table = \"table\"\n}\n", 101)),
		"incomplete-credentials":           csvSource + fileSink + "connection \"dynamodb\" \"c\" {\n  access_key = \"x\"\n}\n",
		"invalid-endpoint":                 csvSource + fileSink + "connection \"dynamodb\" \"c\" {\n  endpoint = \"localhost\"\n}\n",
		"no-role":                          csvSource + fileSink + "connection \"dynamodb\" \"c\" {\n  external_id = \"x\"\n}\n",
		"standard-input-read-twice":        "source \"csv\" \"a\" {\n  path = \"-\"\n}\nsource \"csv\" \"b\" {\n  path = \"-\"\n}\nsink \"file\" \"out\" {\n  from = [source.csv.a, source.csv.b]\n  path = \"o.csv\"\n}\n",
		"wrong-type-of-message":            csvSource + fileSink + "variable \"v\" {\n  default = 1\n  validation {\n    condition = var.v > 1\n    error_message = [1]\n  }\n}\n",
		"no-such-attribute":                set(`row.n.m`),
		"value-cant-be-used-for-rows":      set(`local.large`) + "locals {\n  large = 1e200\n}\n",
		"missing-block":                    csvSource + "transform \"lookup\" \"f\" {\n  from = source.csv.in\n}\n" + strings.ReplaceAll(fileSink, "source.csv.in", "transform.lookup.f"),
		"a-marker-of-what":                 write("update", "table = \"table\"\nmarker_table = \"markers\""),
		"how-long-what-is-kept":            write("update", "table = \"table\"\nexactly_once = true\nmarker_ttl = \"48h\""),
		"not-without-exactly-once":         write("update", "table = \"table\"\nidempotency_key = row.n"),
		"invalid-value":                    set(`1e200`),
		"invalid-attribute-path":           scan(`projection = ["a..b"]`),
		"empty-key":                        lookup("", `""`),
		"transaction-over-two-connections": lookup("mode = \"transaction\"", "row.n") + "connection \"dynamodb\" \"c\" {\n}\n",
		"too-many-projected-attributes":    create("partition_key = \"id\"\nglobal_index \"byn\" {\n  partition_key = \"n\"\n  projection = \"INCLUDE\"\n  attributes = [" + strings.Repeat(`"a", `, 101) + "]\n}"),
	} {
		_, _, diags := pipeline.LoadText("p.hcl", text, builtin.Catalog(), pipeline.Options{Run: &expr.Run{}})
		if !slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return diag.Code(d) == code }) {
			var said bytes.Buffer
			_ = (diag.Text{}).Write(&said, diags, nil)
			t.Errorf("%s is not among:\n%s", code, &said)
		}
	}
}

// assignments is lines that set attributes to others.
func assignments(n int) string {
	var b strings.Builder
	for i := range n {
		name := strings.Repeat("a", 20) + strings.Repeat("b", i%20) + strings.Repeat("c", i/20)
		b.WriteString(name + " = item." + name + "x\n")
	}
	return b.String()
}

// TestCodesOfCommandLines provokes diagnostics of the command line.
func TestCodesOfCommandLines(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"p.hcl": csvSource + fileSink, "stdin.hcl": strings.Replace(csvSource, "in.csv", "-", 1) + fileSink, "a.csv": "id\n1\n", "b.jsonl": "{\"l\":[1]}\n", "in.csv": "n\n1\n", "x.xls": "x",
		"large.hcl": strings.Repeat("#\n", 3<<20),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for code, args := range map[string]string{
		"file-exists":                    "init --from a.csv --to-file o.csv --output-file p.hcl",
		"file-cant-be-written":           "init --from a.csv --to-file o.csv --output-file a.csv/p.hcl",
		"file-cant-be-read":              "validate p.hcl/x",
		"file-too-large":                 "validate large.hcl",
		"files-of-several-kinds":         "inspect [ab].*",
		"flag-of-another-sink":           "init --from a.csv --to-file o.csv --key id",
		"flag-of-another-source":         "inspect a.csv --pointer /a",
		"flag-without-a-value":           "run p.hcl --report",
		"missing-flag":                   "init",
		"not-a-key":                      "init --from b.jsonl --to-table tab --key l",
		"not-a-table":                    "init --from a.csv --to-table a",
		"not-before-aws":                 "chaos --backend https://dynamodb.eu-west-1.amazonaws.com",
		"not-a-report":                   "verify p.hcl --report b.jsonl",
		"report-cant-be-read":            "verify p.hcl --report nosuch.json",
		"report-cant-be-written":         "run p.hcl --report p.hcl/report.json",
		"source-overwritten":             "run p.hcl --report in.csv",
		"source-cant-be-read":            "inspect [",
		"standard-input-cant-be-resumed": "run stdin.hcl --resume",
		"too-many-arguments":             "validate a b",
		"two-flags-for-one-thing":        "init --from a.csv --from-table tab --to-file o.csv",
		"two-formats":                    "graph p.hcl --format dot --output json",
		"unknown-attribute":              "init --from a.csv --to-table tab --key nosuch",
		"unknown-command":                "fly",
		"what-is-it":                     "inspect x.xls",
		"which-pipeline":                 "run",
		"which-server":                   "chaos",
		"which-source":                   "inspect",
		"wrong-value-of-a-flag":          "inspect a.csv --rows -1",
		"wrong-command-line":             "run --=x",
	} {
		var out bytes.Buffer
		words := strings.Fields(args)
		a := newApp(Process{Args: words, Stdin: &bytes.Buffer{}, Stdout: &out, Stderr: &bytes.Buffer{}})
		a.output.value = formatJSON
		root := a.root()
		root.SetArgs(words)
		exit := a.end(root.Execute())
		var doc diag.Document
		err := json.Unmarshal(out.Bytes(), &doc)
		if exit != diag.ExitWrong || err != nil || !slices.ContainsFunc(doc.Diagnostics, func(i diag.Item) bool { return i.Code == code }) {
			t.Errorf("%s: exit code %d, %v:\n%s", code, exit, err, &out)
		}
	}
}
