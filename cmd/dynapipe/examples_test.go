package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// row is a row or item whose values can be compared whatever they came from:
// numbers by value, as number.
type row = map[string]any

type number string

func numeric(t *testing.T, text string) number {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return number(r.RatString())
}

// repository is the root of the project.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// workspace is an empty folder but for the examples, as users run them.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(repository(t), "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a pipeline in a folder and demands that all is done. A server is
// needed by those that use DynamoDB.
func run(t *testing.T, dir string, server *dynamotest.Server, name string, vars ...string) {
	t.Helper()
	args := []string{"run", name}
	for _, v := range vars {
		args = append(args, "--var", v)
	}
	cmd := exec.Command("dynapipe", args...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	if server != nil {
		cmd.Env = append(cmd.Env, server.Environ()...)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dynapipe %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// airports is the rows of the real file as the examples' columns type them.
func airports(t *testing.T) map[string]row {
	t.Helper()
	f, err := os.Open(filepath.Join(repository(t), "examples/data/airports.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for _, cells := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			switch {
			case cells[i] == "": // absent
			case name == "latitude" || name == "longitude":
				r[name] = numeric(t, cells[i])
			default:
				r[name] = cells[i]
			}
		}
		rows[cells[0]] = r
	}
	if len(rows) != 3376 {
		t.Fatalf("airports.csv has %d rows", len(rows))
	}
	return rows
}

// value is an attribute value of DynamoDB's.
func value(t *testing.T, v types.AttributeValue) any {
	t.Helper()
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return numeric(t, v.Value)
	case *types.AttributeValueMemberBOOL:
		return v.Value
	case *types.AttributeValueMemberNULL:
		return nil
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, e := range v.Value {
			list = append(list, value(t, e))
		}
		return list
	case *types.AttributeValueMemberM:
		return item(t, v.Value)
	default:
		t.Fatalf("unexpected %T", v)
		return nil
	}
}

func item(t *testing.T, attributes dynamotest.Item) row {
	t.Helper()
	r := row{}
	for name, v := range attributes {
		r[name] = value(t, v)
	}
	return r
}

// decoded is a value of plain JSON, decoded with its numbers kept.
func decoded(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		return numeric(t, v.String())
	case []any:
		for i := range v {
			v[i] = decoded(t, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = decoded(t, v[k])
		}
	}
	return v
}

func table(t *testing.T, server *dynamotest.Server, name, key string) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for _, attributes := range server.Items(t, name) {
		r := item(t, attributes)
		rows[r[key].(string)] = r
	}
	return rows
}

func equal(t *testing.T, what string, got, want map[string]row) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, not %d", what, len(got), len(want))
	}
	for key, w := range want {
		if g := got[key]; !reflect.DeepEqual(g, w) {
			t.Fatalf("%s: %s is\n%v\nnot\n%v", what, key, g, w)
		}
	}
}

// TestTablesComeBackEqual runs the examples import, export and migrate on real
// data, and compares every value (promise 3).
func TestTablesComeBackEqual(t *testing.T) {
	server := dynamotest.Start(t)
	imported, migrated := server.TableName(t), server.TableName(t)
	want := airports(t)

	run(t, workspace(t), server, "examples/pipelines/import.hcl", "table="+imported)
	equal(t, "imported", table(t, server, imported, "iata"), want)

	folder := t.TempDir()
	run(t, workspace(t), server, "examples/pipelines/export.hcl", "table="+imported, "folder="+folder)
	equal(t, "exported", exported(t, filepath.Join(folder, imported+".jsonl.gz")), want)

	run(t, workspace(t), server, "examples/pipelines/migrate.hcl", "from="+imported, "to="+migrated)
	for _, r := range want {
		r["pk"], r["sk"] = "STATE#"+text(r["state"]), "AIRPORT#"+r["iata"].(string)
		r["position"] = row{"latitude": r["latitude"], "longitude": r["longitude"]}
		delete(r, "latitude")
		delete(r, "longitude")
	}
	equal(t, "migrated", table(t, server, migrated, "iata"), want)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// exported reads a compressed file of items in DynamoDB JSON, by their iata.
func exported(t *testing.T, path string) map[string]row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for d := json.NewDecoder(plain); ; {
		var line struct{ Item map[string]map[string]string }
		err := d.Decode(&line)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		r := row{}
		for name, typed := range line.Item {
			if n, ok := typed["N"]; ok {
				r[name] = numeric(t, n)
			} else {
				r[name] = typed["S"]
			}
		}
		rows[r["iata"].(string)] = r
	}
}

// TestZipCodesComeBackAsWritten takes a CSV file through a table and compares the
// lines: leading zeros and the spelling of each cell are kept.
func TestZipCodesComeBackAsWritten(t *testing.T) {
	server := dynamotest.Start(t)
	dir := workspace(t)
	pipelines := map[string]string{
		"in.hcl": `
variable "table" {}
source "csv" "codes" {
  path = "examples/data/zipcodes.csv"
}
sink "batch_write" "codes" {
  from  = source.csv.codes
  table = var.table
  create_table {
    partition_key = "zip_code"
  }
}
`,
		"out.hcl": `
variable "table" {}
source "dynamodb" "codes" {
  table = var.table
}
sink "file" "codes" {
  from    = source.dynamodb.codes
  path    = "codes.csv"
  columns = ["zip_code", "latitude", "longitude", "city", "state", "county"]
}
`}
	table := server.TableName(t)
	for _, name := range []string{"in.hcl", "out.hcl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(pipelines[name]), 0o666); err != nil {
			t.Fatal(err)
		}
		run(t, dir, server, name, "table="+table)
	}
	if got, want := sortedLines(t, filepath.Join(dir, "codes.csv")), sortedLines(t, filepath.Join(dir, "examples/data/zipcodes.csv")); !slices.Equal(got, want) {
		t.Errorf("%d lines, not the %d of before", len(got), len(want))
	}
}

func sortedLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	slices.Sort(lines)
	return lines
}

// TestEarthquakes runs the example on the real document.
func TestEarthquakes(t *testing.T) {
	server := dynamotest.Start(t)
	name := server.TableName(t)
	run(t, workspace(t), server, "examples/pipelines/earthquakes.hcl", "table="+name)

	src, err := os.ReadFile(filepath.Join(repository(t), "examples/data/earthquakes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Features []struct {
			ID         string
			Properties map[string]any
			Geometry   struct{ Coordinates []any }
		}
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]row{}
	for _, f := range doc.Features {
		if f.Properties["type"] != "earthquake" {
			continue
		}
		millis, err := f.Properties["time"].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		r := row{
			"id": f.ID, "network": f.Properties["net"],
			"event":      f.Properties["time"].(json.Number).String() + "#" + f.ID,
			"at":         time.Unix(millis/1000, 0).UTC().Format(time.RFC3339),
			"longitude":  f.Geometry.Coordinates[0],
			"latitude":   f.Geometry.Coordinates[1],
			"depth":      f.Geometry.Coordinates[2],
			"magnitude":  f.Properties["mag"],
			"place":      f.Properties["place"],
			"properties": f.Properties,
		}
		want[f.ID] = decoded(t, r).(row)
	}
	if len(want) < 100 {
		t.Fatalf("%d earthquakes in the file", len(want))
	}
	equal(t, "earthquakes", table(t, server, name, "id"), want)
}

// TestReshape runs the README's first example, which needs no service.
func TestReshape(t *testing.T) {
	dir := workspace(t)
	run(t, dir, nil, "examples/pipelines/reshape.hcl", "state=AK")

	want := map[string]row{}
	for code, r := range airports(t) {
		if r["state"] != "AK" {
			continue
		}
		arctic, _ := new(big.Rat).SetString(string(r["latitude"].(number)))
		want[code] = row{
			"code": code, "latitude": r["latitude"], "longitude": r["longitude"],
			"label":  code + ": " + r["name"].(string) + ", " + r["city"].(string),
			"arctic": arctic.Cmp(big.NewRat(665, 10)) > 0,
		}
	}
	lines, err := os.ReadFile(filepath.Join(dir, "out/airports.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]row{}
	d := json.NewDecoder(bytes.NewReader(lines))
	d.UseNumber()
	for d.More() {
		var r row
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		got[r["code"].(string)] = decoded(t, r).(row)
	}
	equal(t, "lines", got, want)

	f, err := file.OpenParquetFile(filepath.Join(dir, "out/airports.parquet"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if int(f.NumRows()) != len(want) {
		t.Errorf("%d rows in the Parquet file, not %d", f.NumRows(), len(want))
	}
}

// lines is the rows of a file of plain JSON lines, in order.
func lines(t *testing.T, path string) (rows []row) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for d.More() {
		var r row
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, decoded(t, r).(row))
	}
	return rows
}

// cells is the lines of one of the real CSV files, the header first.
func cells(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRegions parts the real airports and compares the files, line by line.
func TestRegions(t *testing.T) {
	dir := workspace(t)
	run(t, dir, nil, "examples/pipelines/regions.hcl")
	islands := []string{"HI", "PR", "VI", "GU", "AS"}
	want := map[string][]row{}
	byCode := airports(t)
	for _, cells := range cells(t, filepath.Join(repository(t), "examples/data/airports.csv"))[1:] {
		r := byCode[cells[0]]
		latitude, _ := new(big.Rat).SetString(string(r["latitude"].(number)))
		switch {
		case latitude.Cmp(big.NewRat(60, 1)) > 0:
			want["north"] = append(want["north"], r)
			want["far"] = append(want["far"], r)
		case slices.Contains(islands, text(r["state"])):
			r["ferry"] = true
			want["far"] = append(want["far"], r)
		default:
			want["mainland"] = append(want["mainland"], r)
		}
	}
	for name, rows := range want {
		if got := lines(t, filepath.Join(dir, "out", name+".jsonl")); len(rows) < 50 || !reflect.DeepEqual(got, rows) {
			t.Errorf("%s: %d rows that are not the %d of before, or their order differs", name, len(got), len(rows))
		}
	}
}

// TestEnrich looks both airports of the real routes up in a table, and compares
// with a join of the two files.
func TestEnrich(t *testing.T) {
	server := dynamotest.Start(t)
	dir, table := workspace(t), server.TableName(t)
	run(t, dir, server, "examples/pipelines/import.hcl", "table="+table)
	run(t, dir, server, "examples/pipelines/enrich.hcl", "table="+table)

	byCode := airports(t)
	end := func(code string) row {
		r := row{}
		for _, name := range []string{"name", "city", "state"} {
			if v, ok := byCode[code][name]; ok {
				r[name] = v
			}
		}
		return r
	}
	var want []row
	for _, c := range cells(t, filepath.Join(repository(t), "examples/data/flights.csv"))[1:] {
		if n, err := strconv.Atoi(c[2]); err != nil || n < 100 {
			continue
		}
		from, to := end(c[0]), end(c[1])
		want = append(want, row{
			"origin": c[0], "destination": c[1], "count": numeric(t, c[2]), "from": from, "to": to,
			"route": text(from["city"]) + " - " + text(to["city"]), "within_state": from["state"] == to["state"],
		})
	}
	if got := lines(t, filepath.Join(dir, "out/routes.jsonl")); len(want) < 3000 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d routes that are not the %d of the files, or their order differs", len(got), len(want))
	}
}

// features is the real earthquakes.
func features(t *testing.T) []struct {
	ID         string
	Properties map[string]any
} {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(repository(t), "examples/data/earthquakes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Features []struct {
			ID         string
			Properties map[string]any
		}
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc.Features
}

// TestProducts explodes the real earthquakes.
func TestProducts(t *testing.T) {
	dir := workspace(t)
	run(t, dir, nil, "examples/pipelines/products.hcl")
	want := [][]string{{"id", "network", "product"}}
	for _, f := range features(t) {
		for product := range strings.SplitSeq(f.Properties["types"].(string), ",") {
			if product != "" {
				want = append(want, []string{f.ID, f.Properties["net"].(string), product})
			}
		}
	}
	if got := cells(t, filepath.Join(dir, "out/products.csv")); len(want) < 500 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d lines that are not the %d of before, or their order differs", len(got), len(want))
	}
}

// TestCities keeps the last of the real ZIP codes of each city.
func TestCities(t *testing.T) {
	dir := workspace(t)
	run(t, dir, nil, "examples/pipelines/cities.hcl")
	all := cells(t, filepath.Join(repository(t), "examples/data/zipcodes.csv"))
	want := all[:1:1]
	for i, line := range all[1:] {
		after := all[i+2 : min(len(all), i+2+1000)]
		if !slices.ContainsFunc(after, func(o []string) bool { return o[3] == line[3] && o[4] == line[4] }) {
			want = append(want, line)
		}
	}
	got := cells(t, filepath.Join(dir, "out/cities.csv"))
	if len(want) > len(all)-100 || len(want) < 1000 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d lines that are not the %d of %d, or their order differs", len(got), len(want), len(all))
	}
}

// TestNetworks sums the real earthquakes up, as fractions.
func TestNetworks(t *testing.T) {
	dir := workspace(t)
	run(t, dir, nil, "examples/pipelines/networks.hcl")
	type network struct {
		row
		events, magnitudes int64
		total, most, felt  *big.Rat
	}
	byName := map[string]*network{}
	var want []*network
	for _, f := range features(t) {
		name := f.Properties["net"].(string)
		n := byName[name]
		if n == nil {
			n = &network{row: row{"network": name}, total: new(big.Rat)}
			byName[name], want = n, append(want, n)
		}
		n.events++
		if place := f.Properties["place"]; n.row["latest"] == nil && place != nil {
			n.row["latest"] = place
		}
		if m, ok := f.Properties["mag"].(json.Number); ok {
			mag, _ := new(big.Rat).SetString(m.String())
			n.magnitudes++
			n.total.Add(n.total, mag)
			if n.most == nil || mag.Cmp(n.most) > 0 {
				n.most = mag
			}
		}
		if m, ok := f.Properties["felt"].(json.Number); ok {
			felt, _ := new(big.Rat).SetString(m.String())
			if n.felt == nil {
				n.felt = new(big.Rat)
			}
			n.felt.Add(n.felt, felt)
		}
	}
	got := lines(t, filepath.Join(dir, "out/networks.jsonl"))
	if len(got) != len(want) || len(want) < 5 {
		t.Fatalf("%d networks, not %d", len(got), len(want))
	}
	for i, n := range want {
		mean, _ := new(big.Rat).SetString(string(got[i]["mean"].(number)))
		exact := new(big.Rat).Quo(n.total, big.NewRat(n.magnitudes, 1))
		delete(got[i], "mean")
		n.row["events"] = number(strconv.FormatInt(n.events, 10))
		n.row["total"], n.row["strongest"] = number(n.total.RatString()), number(n.most.RatString())
		if n.felt != nil {
			n.row["felt"] = number(n.felt.RatString())
		}
		off := new(big.Rat).Sub(mean, exact)
		if !reflect.DeepEqual(got[i], n.row) || off.Abs(off).Cmp(big.NewRat(1, 1e18)) > 0 {
			t.Errorf("%v, and a mean of %s, is not\n%v with one of %s", got[i], mean, n.row, exact)
		}
	}
}

// TestEveryExampleIsTested fails when there is an example that no test runs.
func TestEveryExampleIsTested(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository(t), "examples/pipelines/*"))
	if err != nil {
		t.Fatal(err)
	}
	var tests string
	for _, name := range []string{"examples_test.go", "examples_tables_test.go", "examples_tests_test.go", "examples_write_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(text)
	}
	for _, f := range files {
		if !strings.Contains(tests, "examples/pipelines/"+filepath.Base(f)) {
			t.Errorf("no test runs %s", f)
		}
	}
	if len(files) == 0 {
		t.Error("no examples found")
	}
}

// TestREADMEIsTrue checks the pipelines that the README shows: what one of them
// leaves to the reader's imagination is added.
func TestREADMEIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fileSink := func(from string) string {
		return "sink \"file\" \"out\" {\n  from = " + from + "\n  path = \"out.jsonl\"\n}\n"
	}
	csvSource := "source \"csv\" \"in\" {\n  path = \"in.csv\"\n}\n"
	rest := map[string]string{
		"airports":    "",
		"orders":      fileSink("transform.map.items"),
		"open_orders": fileSink("source.dynamodb.open_orders"),
		"apply":       "source \"jsonl\" \"changes\" {\n  path = \"changes.jsonl\"\n}\n",
		"nightly":     csvSource + fileSink("source.csv.in"),
		"counters":    "source \"csv\" \"visits\" {\n  path = \"visits.csv\"\n}\n",
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	dir := t.TempDir()
	blocks = slices.DeleteFunc(blocks, func(b []string) bool { return strings.HasPrefix(b[1], "test ") }) // TestREADMETestPasses
	for _, b := range blocks {
		for name, more := range rest {
			if !strings.Contains(b[1], strconv.Quote(name)) {
				continue
			}
			delete(rest, name)
			path := filepath.Join(dir, name+".hcl")
			if err := os.WriteFile(path, []byte(b[1]+more), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("dynapipe", "validate", path).CombinedOutput(); err != nil || bytes.Contains(out, []byte("Warning")) {
				t.Errorf("%v\n%s", err, out)
			}
			break
		}
	}
	if len(rest) > 0 {
		t.Errorf("the README does not show %v any more", rest)
	}
	if len(blocks) != 6 {
		t.Errorf("the README has %d pipelines, and 6 are known here", len(blocks))
	}
}
