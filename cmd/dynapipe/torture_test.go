package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// DynamoDB's types by their descriptors.
type (
	S    = types.AttributeValueMemberS
	N    = types.AttributeValueMemberN
	B    = types.AttributeValueMemberB
	BOOL = types.AttributeValueMemberBOOL
	NULL = types.AttributeValueMemberNULL
	SS   = types.AttributeValueMemberSS
	NS   = types.AttributeValueMemberNS
	BS   = types.AttributeValueMemberBS
	L    = types.AttributeValueMemberL
	M    = types.AttributeValueMemberM
)

// deep is a value within lists and maps, 32 levels down with the attribute's
// own.
func deep() types.AttributeValue {
	var v types.AttributeValue = &S{Value: "deep"}
	for level := range 31 {
		if level%2 == 0 {
			v = &L{Value: []types.AttributeValue{v}}
		} else {
			v = &M{Value: map[string]types.AttributeValue{"k": v}}
		}
	}
	return v
}

// torture is a value for every type of DynamoDB's and every edge of it, by the
// key of the item that has it as v. plain says that a cell of CSV can hold it.
func torture() map[string]struct {
	v     types.AttributeValue
	plain bool
} {
	type edge = struct {
		v     types.AttributeValue
		plain bool
	}
	edges := map[string]edge{
		"absent":        {nil, true},
		"empty string":  {&S{Value: ""}, true},
		"text":          {&S{Value: "plain"}, true},
		"quotes":        {&S{Value: `a "quoted" \ text, with commas` + "\nand\r\nlines\t\v\x7f"}, true},
		"controls":      {&S{Value: "\x00\x01\x1f"}, true},
		"NFC":           {&S{Value: "\u00e9"}, true},
		"NFD":           {&S{Value: "e\u0301"}, true},
		"beyond BMP":    {&S{Value: "\U0001F600\u2028\u2029\uFFFD"}, true},
		"markup":        {&S{Value: "<&>'"}, true},
		"like a number": {&S{Value: "00123"}, true},
		"like null":     {&S{Value: "null"}, true},
		"long":          {&S{Value: strings.Repeat("ä", 150_000)}, true},
		"true":          {&BOOL{Value: true}, true},
		"false":         {&BOOL{Value: false}, true},
		"null":          {&NULL{Value: true}, false},
		"no bytes":      {&B{Value: []byte{}}, false},
		"bytes":         {&B{Value: []byte{0, 1, 2, 0xfe, 0xff}}, false},
		"string set":    {&SS{Value: []string{"b", "a", "é", ""}}, false},
		"number set":    {&NS{Value: []string{"1", "-2.5", "12345678901234567890123456789012345678"}}, false},
		"binary set":    {&BS{Value: [][]byte{{1}, {2, 3}}}, false},
		"empty list":    {&L{Value: []types.AttributeValue{}}, false},
		"empty map":     {&M{Value: map[string]types.AttributeValue{}}, false},
		"list": {&L{Value: []types.AttributeValue{
			&S{Value: "x"}, &N{Value: "1.50"}, &NULL{Value: true}, &BOOL{Value: false}, &B{Value: []byte("y")},
			&SS{Value: []string{"z"}}, &L{Value: []types.AttributeValue{}},
		}}, false},
		"map": {&M{Value: map[string]types.AttributeValue{
			"": &S{Value: "no name"}, "a.b": &N{Value: "1"}, "日本": &NULL{Value: true}, `"`: &NS{Value: []string{"0"}},
		}}, false},
		"deep": {deep(), false},
	}
	for _, number := range []string{
		"0", "1", "-1", "0.1", "100", "12345678901234567890123456789012345678", "-12345678901234567890123456789012345678",
		"9.9999999999999999999999999999999999999E+125", "1E-130", "-1E-130", "-9.9999999999999999999999999999999999999E+125", "9007199254740993",
	} {
		edges["number "+number] = edge{&N{Value: number}, true}
	}
	return edges
}

// tortured is the items of the torture table: one for each edge, one with more
// attributes than a batch has columns, and one with names of every kind.
func tortured() map[string]dynamotest.Item {
	items := map[string]dynamotest.Item{}
	for key, edge := range torture() {
		items[key] = dynamotest.Item{"pk": &S{Value: key}}
		if edge.v != nil {
			items[key]["v"] = edge.v
		}
	}
	wide := dynamotest.Item{"pk": &S{Value: "wide"}}
	for i := range 700 {
		wide[fmt.Sprintf("attribute %d", i)] = &N{Value: fmt.Sprint(i)}
	}
	names := dynamotest.Item{"pk": &S{Value: "names"}}
	for i, name := range []string{"odd name", "a.b", "a[0]", "日本", `"`, `\`, "\n", "name", "select", strings.Repeat("n", 255)} {
		names[name] = &L{Value: []types.AttributeValue{&N{Value: fmt.Sprint(i)}}}
	}
	items["wide"], items["names"] = wide, names
	return items
}

const tortureByJSON = `
variable "from" {}
source "dynamodb" "from" {
  table = var.from
}
sink "file" "items" {
  from     = source.dynamodb.from
  path     = "items.jsonl.gz"
  encoding = "dynamodb"
}
`

const tortureBack = `
variable "to" {}
source "jsonl" "items" {
  path   = "items.jsonl.gz"
  format = "dynamodb"
}
sink "batch_write" "to" {
  from  = source.jsonl.items
  table = var.to
  create_table {
    partition_key = "pk"
  }
}
sink "file" "again" {
  from     = source.jsonl.items
  path     = "again.jsonl"
  encoding = "dynamodb"
}
`

const tortureDirect = `
variable "from" {}
variable "to" {}
source "dynamodb" "from" {
  table = var.from
}
sink "batch_write" "to" {
  from  = source.dynamodb.from
  table = var.to
  create_table {
    partition_key = "pk"
  }
}
`

// TestTortureTable takes every type and every edge of it from DynamoDB to
// DynamoDB JSON to DynamoDB, and straight from table to table: nothing is lost
// on either way (promise 3).
func TestTortureTable(t *testing.T) {
	server := dynamotest.Start(t)
	from := server.CreateTable(t, dynamotest.S("pk"))
	items := tortured()
	for _, item := range items {
		server.Put(t, from, item)
	}
	want := server.ItemsBy(t, from, "pk")
	if len(want) != len(items) {
		t.Fatalf("%d items of %d", len(want), len(items))
	}
	byJSON, direct := server.TableName(t), server.TableName(t)
	dir := workspace(t)
	for name, text := range map[string]string{"out.hcl": tortureByJSON, "back.hcl": tortureBack, "direct.hcl": tortureDirect} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, server, "out.hcl", "from="+from)
	run(t, dir, server, "back.hcl", "to="+byJSON)
	run(t, dir, server, "direct.hcl", "from="+from, "to="+direct)
	for way, table := range map[string]string{"DynamoDB JSON": byJSON, "table to table": direct} {
		got := server.ItemsBy(t, table, "pk")
		if len(got) != len(want) {
			t.Errorf("%s: %d items of %d", way, len(got), len(want))
		}
		for key := range want {
			if !reflect.DeepEqual(ordered(got[key]), ordered(want[key])) {
				t.Errorf("%s: %s is %s, was %s", way, key, brief(got[key]), brief(want[key]))
			}
		}
	}
	// What is read from DynamoDB JSON and written again is the same to the byte.
	if !bytes.Equal(unzipped(t, filepath.Join(dir, "items.jsonl.gz")), content(t, filepath.Join(dir, "again.jsonl"))) {
		t.Error("DynamoDB JSON, read and written again, differs")
	}
}

// ordered is an item whose sets are sorted: their order means nothing.
func ordered(item dynamotest.Item) dynamotest.Item {
	for _, v := range item {
		switch v := v.(type) {
		case *SS:
			slices.Sort(v.Value)
		case *NS:
			slices.Sort(v.Value)
		case *BS:
			slices.SortFunc(v.Value, bytes.Compare)
		case *M:
			ordered(v.Value)
		}
	}
	return item
}

func brief(item dynamotest.Item) string {
	text, err := json.Marshal(item)
	if err != nil {
		return err.Error()
	}
	return string(text[:min(len(text), 300)])
}

const tortureByCSV = `
variable "from" {}
pipeline {
  max_rejects = "100%"
  dead_letter = "rejects.jsonl"
}
source "dynamodb" "from" {
  table = var.from
}
sink "file" "csv" {
  from    = source.dynamodb.from
  path    = "items.csv"
  columns = ["pk", "v"]
  strict  = true
}
`

const tortureFromCSV = `
variable "to" {}
source "csv" "items" {
  path = "items.csv"
}
sink "batch_write" "to" {
  from  = source.csv.items
  table = var.to
  create_table {
    partition_key = "pk"
  }
}
`

// TestTortureByCSV takes as much of it through a CSV file as its columns can
// hold, which comes back equal. Every other row is rejected, and says why
// (promises 2 and 3).
func TestTortureByCSV(t *testing.T) {
	server := dynamotest.Start(t)
	from, to := server.CreateTable(t, dynamotest.S("pk")), server.TableName(t)
	want := map[string]dynamotest.Item{}
	rejected := map[string]bool{}
	for key, edge := range torture() {
		item := dynamotest.Item{"pk": &S{Value: key}}
		if edge.v != nil {
			item["v"] = edge.v
		}
		server.Put(t, from, item)
		if edge.plain {
			want[key] = item
		} else {
			rejected[key] = true
		}
	}
	dir := workspace(t)
	for name, text := range map[string]string{"out.hcl": tortureByCSV, "back.hcl": tortureFromCSV} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("dynapipe", "run", "out.hcl", "--var", "from="+from)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != diag.ExitRejects {
		t.Fatalf("%v\n%s", err, out)
	}
	for key, why := range deadLetters(t, filepath.Join(dir, "rejects.jsonl")) {
		if !rejected[key] {
			t.Errorf("%s is rejected: %s", key, why)
		}
		if !strings.Contains(why, `"v"`) {
			t.Errorf("%s is rejected, and the reason names no attribute: %s", key, why)
		}
		delete(rejected, key)
	}
	if len(rejected) > 0 {
		t.Errorf("not rejected: %v", rejected)
	}
	run(t, dir, server, "back.hcl", "to="+to)
	got := server.ItemsBy(t, to, "pk")
	for key := range want {
		if !sameText(t, got[key]["v"], want[key]["v"]) {
			t.Errorf("%s is %s, was %s", key, brief(got[key]), brief(want[key]))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d items came back of %d", len(got), len(want))
	}
}

// sameText reports that a text is the one that a value was written as: numbers
// by what they are worth, down to the last digit.
func sameText(t *testing.T, got, want types.AttributeValue) bool {
	t.Helper()
	text, isText := got.(*S)
	switch want := want.(type) {
	case *N:
		return isText && numeric(t, text.Value) == numeric(t, want.Value)
	case *BOOL:
		return isText && text.Value == fmt.Sprint(want.Value)
	}
	return reflect.DeepEqual(got, want)
}

// deadLetters is why rows were rejected, by their key.
func deadLetters(t *testing.T, path string) map[string]string {
	t.Helper()
	why := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(content(t, path)))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var line struct {
			Item struct {
				PK struct{ S string } `json:"pk"`
			}
			Message string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		why[line.Item.PK.S] = line.Message
	}
	return why
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
