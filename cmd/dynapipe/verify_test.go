package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/verify"
)

// verifyAs runs verify in a folder and gives its document and exit code. It
// leaves no temporary file.
func verifyAs(t testing.TB, dir string, server *dynamotest.Server, args ...string) (r verify.Report, code int) {
	t.Helper()
	temp := t.TempDir()
	cmd := exec.Command("dynapipe", append([]string{"verify", "--output", "json", "--no-progress"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+temp)
	if server != nil {
		cmd.Env = append(cmd.Env, server.Environ()...)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("verify %v: %v\n%s\n%s", args, err, &stdout, &stderr)
	}
	documented(t, stdout.Bytes(), "verify", code)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("verify left %v behind (%v)", left, err)
	}
	return r, code
}

// migration is a folder with many rows and the pipeline that puts them into a
// table, which has them.
func migration(t testing.TB, server *dynamotest.Server, rows int) (dir, table string) {
	t.Helper()
	dir, table = t.TempDir(), server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
	var csv strings.Builder
	csv.WriteString("pk,sk,n,tags,text\n")
	for i := range rows {
		fmt.Fprintf(&csv, "user-%d,%d.0,12345678901234567890.%018d,b|a|c,some text of row %d\n", i/10, i%10, i, i)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("rows.csv", csv.String())
	write("p.hcl", fmt.Sprintf(`
source "csv" "rows" {
  path       = "rows.csv"
  columns    = { sk = number, n = number, tags = string_set }
  separators = { tags = "|" }
}
sink "batch_write" "table" {
  from  = source.csv.rows
  table = %q
}
`, table))
	cmd := exec.Command("dynapipe", "run", "p.hcl", "--no-progress")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
	return dir, table
}

// TestVerifyFindsOneInManyThousands damages a table in each of the ways that
// verify is there to find.
func TestVerifyFindsOneInManyThousands(t *testing.T) {
	const rows = 200_000
	server := dynamotest.Start(t)
	dir, table := migration(t, server, rows)

	r, code := verifyAs(t, dir, server, "p.hcl")
	if code != 0 || r.Status != verify.Equal || r.Read != rows || len(r.Targets) != 1 || r.Targets[0].Equal != rows || r.Targets[0].Found != rows {
		t.Fatalf("the table as it was written: exit %d, %+v", code, r)
	}

	key := func(pk, sk string) dynamotest.Item {
		return dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberN{Value: sk}}
	}
	// Row 123,456 is missing.
	if _, err := server.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: key("user-12345", "6")}); err != nil {
		t.Fatal(err)
	}
	// One is extra.
	server.Put(t, table, key("user-7", "77"))
	// Row 199,998 has a number changed in its 38th digit.
	changed := "n"
	if _, err := server.Client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: key("user-19999", "8"), UpdateExpression: ptr("SET #n = :n"),
		ExpressionAttributeNames:  map[string]string{"#n": changed},
		ExpressionAttributeValues: dynamotest.Item{":n": &types.AttributeValueMemberN{Value: "12345678901234567890.000000000000199999"}},
	}); err != nil {
		t.Fatal(err)
	}
	// Row 5 is spelled otherwise, and equal.
	item := key("user-0", "5.00")
	item["n"] = &types.AttributeValueMemberN{Value: "012345678901234567890.000000000000000005"}
	item["tags"] = &types.AttributeValueMemberSS{Value: []string{"c", "b", "a"}}
	item["text"] = &types.AttributeValueMemberS{Value: "some text of row 5"}
	server.Put(t, table, item)

	r, code = verifyAs(t, dir, server, "p.hcl")
	if got := r.Targets[0]; code != 1 || r.Status != verify.Different ||
		got.Missing != 1 || got.Extra != 1 || got.Different != 1 || got.Equal != rows-2 || got.Expected != rows || got.Found != rows {
		t.Fatalf("exit %d, %+v", code, r)
	}
	byKind := map[string]verify.Difference{}
	for _, d := range r.Differences {
		byKind[d.Kind] = d
	}
	if d := byKind[verify.KindMissing]; compact(d.Key) != `{"pk":{"S":"user-12345"},"sk":{"N":"6.0"}}` || d.Origin != "rows.csv:123458" {
		t.Errorf("missing: %s at %s", d.Key, d.Origin)
	}
	if d := byKind[verify.KindExtra]; compact(d.Key) != `{"pk":{"S":"user-7"},"sk":{"N":"77"}}` || d.Origin != "" {
		t.Errorf("extra: %s at %s", d.Key, d.Origin)
	}
	d := byKind[verify.KindDifferent]
	if d.Origin != "rows.csv:200000" || len(d.Attributes) != 1 || d.Attributes[0].Name != "n" ||
		compact(d.Attributes[0].Expected) != `{"N":"12345678901234567890.000000000000199998"}` ||
		compact(d.Attributes[0].Actual) != `{"N":"12345678901234567890.000000000000199999"}` {
		t.Errorf("different: %+v", d)
	}
}

func ptr[T any](v T) *T { return &v }

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // what is no JSON is empty, and fails the test
	return b.String()
}
