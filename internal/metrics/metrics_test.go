package metrics

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func report() *engine.Report {
	return &engine.Report{
		Pipeline: `a "b" \`, Run: "r-1", Started: time.UnixMilli(1500), Rejects: 2, Checkpoint: &engine.CheckpointReport{Number: 4},
		Nodes: []engine.NodeReport{
			{Node: "source.csv.a", Read: 10, Out: 9, Rejected: 1, BytesRead: 77},
			{
				Node: "sink.batch_write.b", In: 9, Written: 5, Coalesced: 1, Rejected: 1, Requests: 3, Retries: 2, Throttles: 1, Unprocessed: 6,
				Capacity:        []progress.Consumed{{Table: "secret", Index: "x", Units: 2.5}},
				ThrottleReasons: []progress.Throttle{{Reason: "R", Resource: "arn", Count: 1}},
				RequestSeconds:  &progress.Histogram{Count: 3, Sum: 2.5, Buckets: []progress.Bucket{{Bound: 0.25, Count: 1}, {Bound: 1, Count: 2}}},
			},
		},
		Edges: []engine.EdgeReport{{From: "source.csv.a", To: "sink.batch_write.b", Sent: 9, Received: 8}},
	}
}

// sample is a line of the format with a value.
var sample = regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [0-9.e+]+$`)

func TestWrite(t *testing.T) {
	var out strings.Builder
	mask := func(s string) string { return strings.ReplaceAll(s, "secret", "***") }
	if err := Write(&out, report(), "v1", mask); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# TYPE dynapipe_rows_read_total counter\n",
		"# TYPE dynapipe_rows_in_flight gauge\n",
		`dynapipe_run_info{pipeline="a \"b\" \\",run="r-1",version="v1"} 1` + "\n",
		"dynapipe_run_start_time_seconds 1.5\n",
		"dynapipe_run_checkpoints_total 4\n",
		`dynapipe_rows_read_total{node="source.csv.a"} 10` + "\n",
		`dynapipe_rows_in_flight{node="sink.batch_write.b"} 2` + "\n",
		`dynapipe_rows_queued{from="source.csv.a",to="sink.batch_write.b"} 1` + "\n",
		`dynapipe_capacity_units_total{node="sink.batch_write.b",table="***",index="x"} 2.5` + "\n",
		`dynapipe_throttles_by_reason_total{node="sink.batch_write.b",reason="R",resource="arn"} 1` + "\n",
		`dynapipe_unprocessed_total{node="sink.batch_write.b"} 6` + "\n",
		"# TYPE dynapipe_request_seconds histogram\n" +
			`dynapipe_request_seconds_bucket{node="sink.batch_write.b",le="0.25"} 1` + "\n" +
			`dynapipe_request_seconds_bucket{node="sink.batch_write.b",le="1"} 2` + "\n" +
			`dynapipe_request_seconds_bucket{node="sink.batch_write.b",le="+Inf"} 3` + "\n" +
			`dynapipe_request_seconds_sum{node="sink.batch_write.b"} 2.5` + "\n" +
			`dynapipe_request_seconds_count{node="sink.batch_write.b"} 3` + "\n# HELP",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	// Every line is one of the format, and its name was declared just before.
	name := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if help, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, _, _ = strings.Cut(help, " ")
			continue
		}
		if strings.HasPrefix(line, "# TYPE "+name+" ") {
			continue
		}
		if m := sample.FindStringSubmatch(line); m == nil || m[1] != name && !slices.Contains([]string{name + "_bucket", name + "_sum", name + "_count"}, m[1]) {
			t.Errorf("below %s: %q", name, line)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// TestNames: they are what dashboards are made of.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Metrics() {
		if seen[m.Name] || m.Help == "" {
			t.Errorf("%s is there twice, or without a help", m.Name)
		}
		seen[m.Name] = true
		if total := strings.HasSuffix(m.Name, "_total"); total != (m.Kind() == "counter") {
			t.Errorf("%s is a %s", m.Name, m.Kind())
		}
	}
}

func TestServer(t *testing.T) {
	s, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(s.Address()); err == nil {
		t.Error("an address was taken twice")
	}
	s.Serve(report, "v1", func(s string) string { return s })
	get := func(path string) (int, string) {
		t.Helper()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Get("http://" + s.Address() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header.Get("Content-Type") + "\n" + string(text)
	}
	if code, text := get("/metrics"); code != 200 || !strings.HasPrefix(text, "text/plain; version=0.0.4") || !strings.Contains(text, "dynapipe_rows_read_total") {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := get("/"); code != 404 {
		t.Errorf("/ is %d", code)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + s.Address() + "/metrics"); err == nil {
		t.Error("it answers after its end")
	}

	unused, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
}
