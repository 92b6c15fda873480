//go:build unix

package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
)

// throughChaos imports a file, and asks for short waits between attempts only
// so that the test is short.
const throughChaos = `
variable "table" {
  type = string
}
source "csv" "zipcodes" {
  path    = "examples/data/zipcodes.csv"
  columns = { latitude = number, longitude = number }
}
sink "batch_write" "zipcodes" {
  from  = source.csv.zipcodes
  table = var.table
  create_table {
    partition_key = "zip_code"
  }
  retry {
    base_delay = "1ms"
    max_delay  = "20ms"
  }
}
`

// rehearsal is a chaos process before a server.
type rehearsal struct {
	*exec.Cmd
	endpoint, report string
	stderr           *transcript
}

func startChaos(t *testing.T, server *dynamotest.Server, flags ...string) *rehearsal {
	t.Helper()
	r := &rehearsal{report: filepath.Join(t.TempDir(), "chaos.json"), stderr: newTranscript()}
	r.Cmd = exec.Command("dynapipe", append([]string{"chaos", "--backend", server.Endpoint, "--report", r.report}, flags...)...)
	r.Stderr = r.stderr
	out, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() }) // no more than an error when it has ended
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v; standard error has\n%s", err, r.stderr)
	}
	r.endpoint = strings.TrimSpace(line)
	return r
}

// stop ends it as Ctrl-C does, and gives its report.
func (r *rehearsal) stop(t *testing.T) faultproxy.Stats {
	t.Helper()
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatalf("%v; standard error has\n%s", err, r.stderr)
	}
	text, err := os.ReadFile(r.report)
	if err != nil {
		t.Fatal(err)
	}
	var s faultproxy.Stats
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestImportThroughChaos has every row of a real file arrive through a server
// that does everything wrong.
func TestImportThroughChaos(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.TableName(t)
	proxy := startChaos(t, server, "--seed", "42", "--unprocessed", "20%", "--throttle", "10%", "--error", "5%", "--cut-before", "2%", "--cut-after", "2%", "--jitter", "1ms")

	dir := workspace(t)
	if err := os.WriteFile(filepath.Join(dir, "import.hcl"), []byte(throughChaos), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", "run", "import.hcl", "--var", "table="+table, "--report", "report.json")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+proxy.endpoint)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stats := proxy.stop(t)

	want := zipcodes(t)
	got := server.ItemsBy(t, table, "zip_code")
	for _, code := range want {
		if got[code] == nil {
			t.Errorf("no item for %s", code)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d items, want %d", len(got), len(want))
	}
	report := readReport(t, dir)
	if report.Status != engine.Done || report.Rejects != 0 || report.Unsettled != 0 {
		t.Errorf("report: %s, %d rejects, %d unsettled", report.Status, report.Rejects, report.Unsettled)
	}
	for _, kind := range []faultproxy.Kind{faultproxy.Unprocessed, faultproxy.Throttled} {
		if stats.Faults[kind] == 0 {
			t.Errorf("it never did this: %s", kind)
		}
	}
	batches := stats.Operations["BatchWriteItem"]
	if batches.Items < int64(len(want)) || stats.Tables[table].Write.Units < float64(len(want)) {
		t.Errorf("counted %+v", stats)
	}
	if !strings.Contains(proxy.stderr.String(), "unprocessed items: ") || !strings.Contains(proxy.stderr.String(), "table "+table+": ") {
		t.Errorf("the summary is\n%s", proxy.stderr)
	}
	t.Logf("%d rows in %d requests (%d at best); faults %v", len(want), batches.Requests, (len(want)+24)/25, stats.Faults)
}

// zipcodes are the keys of the real file.
func zipcodes(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(repository(t), "examples/data/zipcodes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, cells := range lines[1:] {
		codes = append(codes, cells[0])
	}
	return codes
}

// TestDeniedThroughChaos fails within a moment and says what was denied.
func TestDeniedThroughChaos(t *testing.T) {
	server := dynamotest.Start(t)
	proxy := startChaos(t, server, "--deny", "BatchWriteItem")
	dir := workspace(t)
	if err := os.WriteFile(filepath.Join(dir, "import.hcl"), []byte(throughChaos), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", "run", "import.hcl", "--var", "table="+server.TableName(t))
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+proxy.endpoint)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "AccessDeniedException") {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	if s := proxy.stop(t); s.Faults[faultproxy.Denied] == 0 {
		t.Errorf("counted %v", s.Faults)
	}
}
