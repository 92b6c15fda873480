package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/inspect"
)

// inspected is the document that inspect writes, as far as tests look at it.
type inspected struct {
	inspect.Report
	Source struct {
		Keys []string
	}
	Total struct {
		Rows     int64
		Estimate bool
	}
	Rejected struct {
		Rows  int64
		First []string
	}
	Block  string
	Import *inspect.Cost
}

// inspectAs runs inspect in a folder, both ways, and gives document and text.
func inspectAs(t *testing.T, dir string, server *dynamotest.Server, args ...string) (doc inspected, text string) {
	t.Helper()
	once := func(more ...string) []byte {
		cmd := exec.Command("dynapipe", append(append([]string{"inspect"}, args...), more...)...)
		cmd.Dir, cmd.Env = dir, os.Environ()
		if server != nil {
			cmd.Env = append(cmd.Env, server.Environ()...)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("dynapipe inspect %v: %v\n%s", args, err, &stderr)
		}
		return out
	}
	out := once("--output", "json")
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	documented(t, out, "inspect", 0)
	return doc, string(once())
}

// columns is the types that the block gives to columns.
func (d inspected) columns() map[string]string {
	out := map[string]string{}
	for _, a := range d.Attributes {
		if a.Column != "" {
			out[a.Name] = a.Column
		}
	}
	return out
}

// TestInspectedBlockRuns takes the block that inspect ends with, adds a sink,
// and has a run read every row with it.
func TestInspectedBlockRuns(t *testing.T) {
	for _, c := range []struct {
		args    []string
		address string
		rows    int64
		key     string
		numbers int // columns that become numbers
	}{
		{[]string{"examples/data/zipcodes.csv"}, "source.csv.zipcodes", 2000, "zip_code", 2},
		{[]string{"examples/data/airports.csv"}, "source.csv.airports", 3376, "iata", 2},
		{[]string{"examples/data/earthquakes.json", "--pointer", "/features"}, "source.json.earthquakes", 207, "id", 0},
	} {
		dir := workspace(t)
		doc, text := inspectAs(t, dir, nil, c.args...)
		if doc.Rows != c.rows || doc.Total.Rows != c.rows || doc.Total.Estimate || doc.Rejected.Rows != 0 {
			t.Errorf("%v: %d rows of %v, %d rejected", c.args, doc.Rows, doc.Total, doc.Rejected.Rows)
		}
		if len(doc.Keys) != 1 || doc.Keys[0].Name != c.key || doc.Keys[0].Type != "S" || doc.Keys[0].Rows != c.rows {
			t.Errorf("%v: keys %v, not %s", c.args, doc.Keys, c.key)
		}
		if got := doc.columns(); len(got) != c.numbers || c.numbers > 0 && (got["latitude"] != "number" || got["longitude"] != "number") {
			t.Errorf("%v: columns %v", c.args, got)
		}
		if !strings.HasSuffix(text, "\n"+doc.Block) {
			t.Errorf("%v: the text does not end with the block:\n%s", c.args, text)
		}
		block := text[strings.LastIndex(text, "\nsource "):]
		file := filepath.Join(dir, "p.hcl")
		if err := os.WriteFile(file, []byte(block+"sink \"file\" \"out\" {\n  from = "+c.address+"\n  path = \"out.jsonl\"\n}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("dynapipe", "validate", file).CombinedOutput(); err != nil {
			t.Fatalf("validate: %v\n%s\n%s", err, out, block)
		}
		run(t, dir, nil, "p.hcl")
		out, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(bytes.Count(out, []byte("\n"))); n != c.rows {
			t.Errorf("%v: a run with the block wrote %d rows", c.args, n)
		}
	}
}

func TestInspectTable(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.S("pk"), dynamotest.N("sk")},
		Indexes: []dynamotest.Index{{Name: "by_mail", Keys: []dynamotest.Key{dynamotest.S("mail")}}},
	})
	items := []dynamotest.Item{
		{"pk": &types.AttributeValueMemberS{Value: "a"}, "sk": &types.AttributeValueMemberN{Value: "1"}, "mail": &types.AttributeValueMemberS{Value: "m"}},
		{"pk": &types.AttributeValueMemberS{Value: "a"}, "sk": &types.AttributeValueMemberN{Value: "2"}, "tags": &types.AttributeValueMemberSS{Value: []string{"x", "y"}}},
		{"pk": &types.AttributeValueMemberS{Value: "b"}, "sk": &types.AttributeValueMemberN{Value: "1"}, "tags": &types.AttributeValueMemberNULL{Value: true}},
	}
	server.Put(t, table, items...)

	doc, text := inspectAs(t, t.TempDir(), server, "dynamodb:"+table)
	if doc.Rows != 3 || doc.Total.Rows != 3 || doc.Total.Estimate || len(doc.Source.Keys) != 2 || doc.Source.Keys[0] != "pk (S)" {
		t.Errorf("%d rows of %v, keys %v", doc.Rows, doc.Total, doc.Source.Keys)
	}
	if len(doc.Keys) != 0 || len(doc.Pairs) != 1 || doc.Pairs[0].Partition.Name != "pk" && doc.Pairs[0].Partition.Name != "sk" {
		t.Errorf("keys %v, pairs %v", doc.Keys, doc.Pairs)
	}
	seen := map[string]inspect.Attribute{}
	for _, a := range doc.Attributes {
		seen[a.Name] = a
	}
	if a := seen["tags"]; len(a.Types) != 1 || a.Types[0].Type != "SS" || a.Present != 2 || a.Null != 1 || a.Absent != 1 {
		t.Errorf("tags: %+v", a)
	}
	if a := seen["mail"]; a.Present != 1 || a.Absent != 2 || a.Example != "m" {
		t.Errorf("mail: %+v", a)
	}
	if !strings.Contains(doc.Block, `table = "`+table+`"`) || strings.Contains(doc.Block, "limit") {
		t.Errorf("block:\n%s", doc.Block)
	}
	if !strings.HasPrefix(text, "table "+table+", key pk (S), sk (N)\n3 rows, all looked at\n") {
		t.Errorf("text:\n%s", text)
	}

	doc, _ = inspectAs(t, t.TempDir(), server, "--type", "dynamodb", table, "--rows", "2")
	if doc.Rows != 2 || doc.Total.Rows != 0 && (!doc.Total.Estimate || doc.Total.Rows != 3) {
		t.Errorf("with --rows 2: %d rows of %+v", doc.Rows, doc.Total)
	}
	doc, _ = inspectAs(t, t.TempDir(), server, "dynamodb:"+table, "--index", "by_mail")
	if doc.Rows != 1 || doc.Source.Keys[0] != "mail (S)" || !strings.Contains(doc.Block, `index = "by_mail"`) {
		t.Errorf("the index: %d rows, keys %v\n%s", doc.Rows, doc.Source.Keys, doc.Block)
	}
}

// TestInspectReckonsWhatAnImportConsumes compares the write units with those
// that the server says an import of the same file took.
func TestInspectReckonsWhatAnImportConsumes(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.TableName(t)
	number := types.ScalarAttributeTypeN
	text := types.ScalarAttributeTypeS
	if _, err := server.Client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: text},
			{AttributeName: aws.String("mail"), AttributeType: text},
			{AttributeName: aws.String("age"), AttributeType: number},
		},
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(10)},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			{IndexName: aws.String("by_mail"), KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("mail"), KeyType: types.KeyTypeHash}},
				Projection:            &types.Projection{ProjectionType: types.ProjectionTypeAll},
				ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(2)}},
			{IndexName: aws.String("by_age"), KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("age"), KeyType: types.KeyTypeHash}},
				Projection:            &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
				ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(10)}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rows := "id,mail,age,note\n" +
		"a,m1,30," + strings.Repeat("x", 1500) + "\n" + // 2 units, 2 in by_mail, 1 in by_age
		"b,,40,\n" + // 1, and 1 in by_age
		"c,m3,,y\n" + // 1, and 1 in by_mail
		",m4,50,z\n" // no key
	pipeline := `
pipeline {
  max_rejects = 1
}
source "csv" "in" {
  path    = "in.csv"
  columns = { age = number }
}
sink "batch_write" "out" {
  from  = source.csv.in
  table = "` + table + `"
}
`
	for name, content := range map[string]string{"in.csv": rows, "p.hcl": pipeline} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	doc, shown := inspectAs(t, dir, server, "in.csv", "--table", table)
	c := doc.Import
	if c == nil || c.Refused != 1 || len(c.Refusals) != 1 || c.Refusals[0].Code != "MissingKey" || !strings.HasPrefix(c.Refusals[0].First, "in.csv:5: ") {
		t.Fatalf("import %+v", c)
	}
	if c.Seconds != 1.5 || c.Slowest != "index by_mail" || c.Provisioned != 10 {
		t.Errorf("%v s by %s at %d", c.Seconds, c.Slowest, c.Provisioned)
	}
	for _, want := range []string{"into table " + table + ", key id (S):", "1 row would be rejected (MissingKey); the first: in.csv:5", "at least 2s at the provisioned capacity of index by_mail"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}

	cmd := exec.Command("dynapipe", "run", "p.hcl", "--output", "json")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	out, _ := cmd.Output() // it ends with exit code 3
	var report struct {
		Nodes []struct {
			Capacity []struct {
				Index string
				Units float64
			}
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	documented(t, out, "run", cmd.ProcessState.ExitCode())
	consumed := map[string]float64{}
	for _, n := range report.Nodes {
		for _, x := range n.Capacity {
			consumed[x.Index] += x.Units
		}
	}
	reckoned := map[string]float64{"": c.Units}
	for _, x := range c.Indexes {
		reckoned[x.Name] = x.Units
	}
	for index, units := range consumed {
		if reckoned[index] != units {
			t.Errorf("of %q inspect reckons %v units, and %v were consumed", index, reckoned[index], units)
		}
	}
	if len(consumed) != 3 || c.Total != 9 {
		t.Errorf("consumed %v, reckoned %v", consumed, c.Total)
	}
}
