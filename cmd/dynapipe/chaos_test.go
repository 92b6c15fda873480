//go:build unix

package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
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
	documented(t, text, "chaos", diag.ExitDone)
	return s
}

// imports runs an import of every zip code through a proxy, in a folder of its
// own that gets the report.
func (r *rehearsal) imports(t *testing.T, server *dynamotest.Server, pipeline, name string) (dir string, code int, said string) {
	t.Helper()
	dir = workspace(t)
	if err := os.WriteFile(filepath.Join(dir, "import.hcl"), []byte(pipeline), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dynapipe", "run", "import.hcl", "--var", "table="+name, "--report", "report.json")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), server.Environ()...), "AWS_ENDPOINT_URL_DYNAMODB="+r.endpoint)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return dir, cmd.ProcessState.ExitCode(), string(out)
}

// zipcodes is the rows of the real file as throughChaos types them.
func zipcodes(t *testing.T) map[string]row {
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
	return rows
}

// TestImportThroughChaos has every row of a real file arrive, each value of it,
// through a server that does everything wrong (promises 1 to 3).
func TestImportThroughChaos(t *testing.T) {
	server := dynamotest.Start(t)
	name := server.TableName(t)
	proxy := startChaos(t, server, "--seed", "42", "--unprocessed", "20%", "--throttle", "10%", "--error", "5%", "--cut-before", "2%", "--cut-after", "2%", "--jitter", "1ms")
	dir, code, said := proxy.imports(t, server, throughChaos, name)
	stats := proxy.stop(t)
	if code != diag.ExitDone {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	want := zipcodes(t)
	equal(t, "imported", table(t, server, name, "zip_code"), want)
	// A ledger that does not balance would have failed the run (promise 1).
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
	if batches.Items < int64(len(want)) || stats.Tables[name].Write.Units < float64(len(want)) {
		t.Errorf("counted %+v", stats)
	}
	for _, part := range []string{"seed 42", "unprocessed items: ", "table " + name + ": "} {
		if !strings.Contains(proxy.stderr.String(), part) {
			t.Errorf("%q is not in the summary\n%s", part, proxy.stderr)
		}
	}
	t.Logf("%d rows in %d requests (%d at best); faults %v", len(want), batches.Requests, (len(want)+24)/25, stats.Faults)
}

// TestDeniedThroughChaos fails, and says what was denied.
func TestDeniedThroughChaos(t *testing.T) {
	server := dynamotest.Start(t)
	proxy := startChaos(t, server, "--deny", "BatchWriteItem")
	_, code, said := proxy.imports(t, server, throughChaos, server.TableName(t))
	if code != diag.ExitFailed || !strings.Contains(said, "AccessDeniedException") {
		t.Errorf("exit code %d\n%s", code, said)
	}
	if s := proxy.stop(t); s.Faults[faultproxy.Denied] == 0 {
		t.Errorf("counted %v", s.Faults)
	}
}

// TestBudgetSeenFromTheServer has the other end count: a request counts against
// write_capacity from its sending until a second after its answer (promise 7),
// so no second that the server sees has more, wherever it begins.
func TestBudgetSeenFromTheServer(t *testing.T) {
	const budget = 1000
	server := dynamotest.Start(t)
	name := server.TableName(t)
	proxy := startChaos(t, server, "--seed", "1", "--unprocessed", "5%", "--jitter", "10ms")
	pipeline := strings.Replace(throughChaos, "  table = var.table", fmt.Sprintf("  table = var.table\n  write_capacity = %d", budget), 1)
	_, code, said := proxy.imports(t, server, pipeline, name)
	w := proxy.stop(t).Tables[name].Write
	if code != diag.ExitDone {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	if w.Peak > budget || w.Units != float64(len(zipcodes(t))) {
		t.Errorf("%v units, at most %v in one second: %v", w.Units, w.Peak, w.Seconds)
	}
	t.Logf("%v units, at most %v in one second: %v", w.Units, w.Peak, w.Seconds)
}
