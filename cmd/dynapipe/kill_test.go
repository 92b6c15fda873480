//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
)

// kills is how many runs each of the pipelines below is killed in. The nightly
// target raises it.
func kills(t *testing.T) int {
	text := os.Getenv("DYNAPIPE_TEST_KILLS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// victim is a pipeline that is killed, again and again.
type victim struct {
	name     string
	pipeline string   // %[1]s to %[4]s are tables
	files    []string // that it writes
	parquet  []string // of them, those compared by rows
	any      bool     // rows come in any order
	tables   int      // that it writes; they are made with the key pk
	// full is a table with items, %[4]s, that it reads.
	full bool
	rows int // that it reads
}

// How many rows take long enough for a run to be killed.
const (
	fileRows  = 60000
	tableRows = 4000
)

const often = `
pipeline {
  max_rejects = 100000
  batch_rows  = 64
}
state {
  every = "10ms"
}
`

// short is in sinks so that tests are.
const short = `
  retry {
    base_delay = "1ms"
    max_delay  = "10ms"
  }
`

var victims = []victim{
	{name: "csv to files", rows: fileRows, files: []string{"out.jsonl.gz", "out.csv.zst", "out.json"}, pipeline: often + `
source "csv" "in" {
  path = "in-*.csv.gz"
}
transform "map" "m" {
  from = source.csv.in
  set  = { half = tonumber(row.n) / (tonumber(row.n) % 97 == 3 ? 0 : 2), line = meta.line, at = timestamp() != "" }
}
transform "filter" "f" {
  from  = transform.map.m
  where = tonumber(row.n) % 5 != 0
}
sink "file" "a" {
  from = transform.filter.f
  path = "out.jsonl.gz"
}
sink "file" "b" {
  from    = [transform.filter.f]
  path    = "out.csv.zst"
  columns = ["n", "name", "half", "line"]
}
sink "file" "c" {
  from = transform.map.m
  path = "out.json"
}
`},
	{name: "jsonl to parquet and files by value", rows: fileRows, files: []string{"by/0.jsonl", "by/1.jsonl", "by/2.jsonl", "turn-*.csv"}, parquet: []string{"out.parquet"}, pipeline: often + `
source "jsonl" "in" {
  path = "in.jsonl.zst"
}
sink "file" "p" {
  from = source.jsonl.in
  path = "out.parquet"
}
sink "file" "by" {
  from = source.jsonl.in
  path = "by/${row.n % 3}.jsonl"
}
sink "file" "turn" {
  from     = source.jsonl.in
  path     = "turn.csv"
  columns  = ["n", "name"]
  max_rows = 1000
}
`},
	{name: "json, remembered", rows: fileRows, files: []string{"groups.jsonl", "first.jsonl", "all.jsonl"}, pipeline: often + `
source "json" "in" {
  path    = "in.json"
  pointer = "/rows"
}
transform "dedupe" "d" {
  from   = source.json.in
  key    = row.n % 500
  window = 100
}
transform "aggregate" "g" {
  from = transform.dedupe.d
  by   = { third = row.n % 3 }
  set  = { rows = count(), sum = sum(row.n) }
}
sink "file" "groups" {
  from = transform.aggregate.g
  path = "groups.jsonl"
}
sink "file" "first" {
  from = transform.dedupe.d
  path = "first.jsonl"
}
sink "file" "all" {
  from = source.json.in
  path = "all.jsonl"
}
`},
	{name: "csv to a table and a file", rows: tableRows, files: []string{"out.jsonl"}, tables: 1, pipeline: often + `
source "csv" "in" {
  path = "in-*.csv.gz"
}
transform "map" "m" {
  from = source.csv.in
  set  = { pk = "u${row.n}", half = tonumber(row.n) / (tonumber(row.n) % 97 == 3 ? 0 : 2) }
}
transform "limit" "some" {
  from = transform.map.m
  rows = 2500
}
sink "batch_write" "t" {
  from  = transform.map.m
  table = "%[1]s"
` + short + `
}
sink "file" "a" {
  from = transform.limit.some
  path = "out.jsonl"
}
`},
	{name: "scan to a table and a file", rows: tableRows, files: []string{"out.jsonl"}, any: true, tables: 1, full: true, pipeline: often + `
source "dynamodb" "in" {
  table     = "%[4]s"
  segments  = 3
  page_size = 50
}
sink "batch_write" "t" {
  from  = source.dynamodb.in
  table = "%[1]s"
` + short + `
}
sink "file" "a" {
  from = source.dynamodb.in
  path = "out.jsonl"
}
`},
	{name: "counters", rows: tableRows, tables: 2, pipeline: often + `
source "csv" "in" {
  path = "in-*.csv.gz"
}
sink "update" "count" {
  from         = source.csv.in
  table        = "%[1]s"
  key          = { pk = "c${tonumber(row.n) % 7}" }
  add          = { rows = 1, sum = tonumber(row.n) }
  exactly_once = true
  marker_table = "%[3]s"
` + short + `
}
sink "transaction" "groups" {
  from         = source.csv.in
  group_by     = floor(tonumber(row.n) / 9)
  exactly_once = true
  marker_table = "%[3]s"
  update {
    table = "%[2]s"
    key   = { pk = "g${tonumber(row.n) % 11}-${tonumber(row.n) % 9}" }
    add   = { rows = 1, sum = tonumber(row.n) }
  }
` + short + `
}
`},
}

// input writes the files that victims read.
func input(t *testing.T, dir string, rows int) {
	t.Helper()
	compressed := func(name, text string) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var w io.WriteCloser
		if strings.HasSuffix(name, ".gz") {
			w = gzip.NewWriter(f)
		} else if w, err = zstd.NewWriter(f, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var csv [2]strings.Builder
	var lines, array strings.Builder
	for i := range csv {
		csv[i].WriteString("n,name\n")
	}
	for i := range rows {
		fmt.Fprintf(&csv[i*2/rows], "%d,\"row\n%d, ä\"\n", i, i)
		line := fmt.Sprintf(`{"n":%d,"name":"row %d \"ä\"","deep":{"list":[1,%d.50,null]}}`, i, i, i)
		lines.WriteString(line + "\n")
		array.WriteString(strings.Repeat(",", min(i, 1)) + "\n" + line)
	}
	compressed("in-1.csv.gz", csv[0].String())
	compressed("in-2.csv.gz", csv[1].String())
	compressed("in.jsonl.zst", lines.String())
	put(t, dir, "in.json", `{"before": [1, 2], "rows": [`+array.String()+`], "after": {}}`)
}

// TestKilledRunsGoOn kills runs at random moments, with requests failing in every
// way, goes on until the run is done, and compares with a run left in peace:
// files, tables, counters, dead letter and ledger (promises 1, 2, 4 and 5).
func TestKilledRunsGoOn(t *testing.T) {
	server := dynamotest.Start(t)
	backend, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.New(faultproxy.Config{Backend: backend, Seed: 7, Faults: faultproxy.Faults{
		CutBefore: 0.01, CutAfter: 0.02, Error: 0.02, Throttle: 0.02, Unprocessed: 0.05, Conflict: 0.02,
	}})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	defer proxy.Close()
	var full string
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			if v.full && full == "" {
				full = fullTable(t, server)
			}
			peace := v.start(t, server, full)
			want := peace.run(t, server, server.Environ())
			environ := append(server.Environ(), "AWS_ENDPOINT_URL_DYNAMODB="+front.URL, "AWS_ENDPOINT_URL="+front.URL)
			killed, runs := 0, 0
			for killed < kills(t) && !t.Failed() {
				if runs++; runs > 10*kills(t) {
					t.Fatalf("only %d runs could be killed: they end too soon", killed)
				}
				s := v.start(t, server, full)
				got := s.until(t, server, environ, kills(t)-killed)
				killed += s.killed
				for name := range want {
					if got[name] != want[name] {
						t.Errorf("after %d kills (seed %d) %s differs from that of a run left in peace: %s",
							s.killed, s.seed, name, firstDifference(got[name], want[name]))
					}
				}
			}
			t.Logf("%d kills in %d runs", killed, runs)
		})
	}
}

// scene is a folder in which a victim runs, and its tables.
type scene struct {
	victim
	dir    string
	tables []string
	seed   uint64
	killed int
	// early says that a run was killed before it had saved a state: nobody knows
	// of its unfinished files.
	early bool
}

func (v victim) start(t *testing.T, server *dynamotest.Server, full string) *scene {
	t.Helper()
	s := &scene{victim: v, dir: t.TempDir(), seed: uint64(time.Now().UnixNano())}
	input(t, s.dir, v.rows)
	names := []any{"", "", "", full}
	for i := range v.tables {
		s.tables = append(s.tables, server.CreateTable(t, dynamotest.S("pk")))
		names[i] = s.tables[i]
	}
	if strings.Contains(v.pipeline, "%[3]s") {
		names[2] = server.CreateTable(t, dynamotest.S("pk"))
	}
	text := v.pipeline
	for i, name := range names {
		text = strings.ReplaceAll(text, fmt.Sprintf("%%[%d]s", i+1), name.(string))
	}
	put(t, s.dir, "p.hcl", text)
	return s
}

func fullTable(t *testing.T, server *dynamotest.Server) string {
	t.Helper()
	dir, table := t.TempDir(), ""
	input(t, dir, tableRows)
	table = server.CreateTable(t, dynamotest.S("pk"))
	put(t, dir, "fill.hcl", fmt.Sprintf(`
source "jsonl" "in" {
  path = "in.jsonl.zst"
}
transform "map" "m" {
  from = source.jsonl.in
  set  = { pk = "i${row.n}" }
}
sink "batch_write" "t" {
  from  = transform.map.m
  table = %q
}
`, table))
	if code, said := in(t, dir, server, "run", "fill.hcl", "--no-progress"); code != 0 {
		t.Fatal(said)
	}
	return table
}

func (s *scene) command(environ []string, resume bool) *exec.Cmd {
	args := []string{"run", "p.hcl", "--no-progress", "--report", "report.json"}
	if resume {
		args = append(args, "--resume")
	}
	cmd := exec.Command("dynapipe", args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), environ...)
	return cmd
}

// run runs it once, in peace.
func (s *scene) run(t *testing.T, server *dynamotest.Server, environ []string) map[string]string {
	t.Helper()
	out, err := s.command(environ, false).CombinedOutput()
	if code := exitCode(t, err); code != 0 && code != 3 {
		t.Fatalf("%s", out)
	}
	return s.result(t, server)
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

// until kills it so many times at most, and then lets it come to its end, which
// it may do before.
func (s *scene) until(t *testing.T, server *dynamotest.Server, environ []string, times int) map[string]string {
	t.Helper()
	random := rand.New(rand.NewPCG(s.seed, 1))
	for s.killed < times {
		if !s.kill(t, environ, random) {
			return s.result(t, server)
		}
	}
	out, err := s.command(environ, true).CombinedOutput()
	if code := exitCode(t, err); code != 0 && code != 3 {
		t.Fatalf("exit code %d after %d kills:\n%s", code, s.killed, out)
	}
	return s.result(t, server)
}

// kill runs it and kills it, or stops it as a signal does. It is false when the run was done before that.
func (s *scene) kill(t *testing.T, environ []string, random *rand.Rand) bool {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cmd := s.command(environ, true)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	how := os.Kill
	if random.IntN(4) == 0 {
		how = syscall.SIGTERM
	}
	go func() {
		s.await(ctx, random.Int64N(3))
		time.Sleep(time.Duration(random.IntN(15)) * time.Millisecond)
		_ = cmd.Process.Signal(how) // it may have ended
	}()
	err := cmd.Wait()
	stop()
	if cmd.ProcessState.Exited() {
		code := exitCode(t, err)
		if code == 0 || code == 3 {
			return false
		}
		if code != 4 || how != syscall.SIGTERM {
			t.Fatalf("exit code %d after %d kills:\n%s", code, s.killed, &out)
		}
	}
	s.killed++
	s.early = s.early || s.number() == 0
	return true
}

// await waits until the state has moved on so many times.
func (s *scene) await(ctx context.Context, times int64) {
	first := s.number()
	for ctx.Err() == nil && s.number() < first+times {
		time.Sleep(time.Millisecond)
	}
}

// number is that of the saved state; 0 when there is none.
func (s *scene) number() int64 {
	text, err := os.ReadFile(filepath.Join(s.dir, ".dynapipe", "p.state.json"))
	if err != nil {
		return 0
	}
	var state struct{ Number int64 }
	_ = json.Unmarshal(text, &state) // it is replaced as a whole
	return state.Number
}

// result is what a run left: files, tables, rejects and ledger.
func (s *scene) result(t *testing.T, server *dynamotest.Server) map[string]string {
	t.Helper()
	r := map[string]string{}
	for _, pattern := range s.files {
		names, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s is not there (%v)", pattern, err)
		}
		for _, name := range names {
			text := decompressed(t, name)
			if s.any {
				text = sortedRows(t, text)
			}
			r[filepath.Base(name)] = text
		}
	}
	for _, name := range s.parquet {
		r[name] = parquetRows(t, filepath.Join(s.dir, name))
	}
	for i, table := range s.tables {
		var items []string
		for _, item := range server.Items(t, table) {
			text, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			items = append(items, string(text))
		}
		slices.Sort(items)
		r[fmt.Sprintf("table %d", i)] = strings.Join(items, "\n")
	}
	r["dead letter"] = s.rejects(t)
	r["ledger"] = s.ledger(t)
	left, err := filepath.Glob(filepath.Join(s.dir, ".*"))
	if s.early {
		left = slices.DeleteFunc(left, func(name string) bool { return strings.HasSuffix(name, ".partial") })
	}
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return r
}

// sortedRows is JSON lines in an order of their own, and each with its attributes
// in one: a server gives them in any.
func sortedRows(t *testing.T, text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		in, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(in)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (s *scene) rejects(t *testing.T) string {
	var lines []string
	for line, err := range engine.DeadLetterLines(filepath.Join(s.dir, "p.rejects.jsonl")) {
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s:%d %s %s", line.Node, line.Origin.File, line.Origin.Line, line.Code, line.Item))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (s *scene) ledger(t *testing.T) string {
	text, err := os.ReadFile(filepath.Join(s.dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r engine.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	documented(t, text, "run", exitCodes[r.Status])
	var lines []string
	for _, n := range r.Nodes {
		if came, went := n.In+n.Read+n.Made, n.Out+n.Written+n.Filtered+n.Coalesced+n.Rejected+n.Unsettled; came != went || n.Unsettled != 0 {
			t.Errorf("the ledger of %s does not balance: %+v", n.Node, n)
		}
		lines = append(lines, fmt.Sprintf("%s in %d read %d made %d out %d written %d filtered %d coalesced %d rejected %d",
			n.Node, n.In, n.Read, n.Made, n.Out, n.Written, n.Filtered, n.Coalesced, n.Rejected))
	}
	return strings.Join(lines, "\n")
}

func decompressed(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var from io.Reader = f
	switch filepath.Ext(name) {
	case ".gz":
		if from, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	case ".zst":
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		from = z
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

// parquetRows is the rows of a Parquet file as JSON lines.
func parquetRows(t *testing.T, name string) string {
	t.Helper()
	var text strings.Builder
	eachRecord(t, name, func(r arrow.Record) {
		if err := array.RecordToJSON(r, &text); err != nil {
			t.Fatal(err)
		}
	})
	return text.String()
}

// eachRecord gives the rows of a Parquet file, some at a time; a record is valid
// until see returns.
func eachRecord(t *testing.T, path string, see func(arrow.Record)) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := array.NewTableReader(table, 1000)
	defer rows.Release()
	for rows.Next() {
		see(rows.Record())
	}
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n%s\nnot\n%s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(a), len(b))
}
