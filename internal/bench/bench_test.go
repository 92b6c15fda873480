package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// commands is the folder of the commands, built of this tree.
var commands string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if commands, err = os.MkdirTemp("", "bench"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(commands)
		build := exec.Command("go", "build", "-o", commands, "./cmd/dynapipe", "./internal/bench/cmd/bench", "./internal/bench/cmd/profile")
		build.Dir = "../.."
		if text, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, text)
			return 1
		}
		return m.Run()
	}())
}

// options are for a small comparison.
func options(t *testing.T) (Options, *bytes.Buffer) {
	t.Helper()
	suffix := ""
	if os.PathSeparator == '\\' {
		suffix = ".exe"
	}
	var out bytes.Buffer
	return Options{
		Rows: 300, CheckRows: 200, Repeat: 2, Out: &out,
		Dynapipe: filepath.Join(commands, "dynapipe"+suffix), Self: filepath.Join(commands, "bench"+suffix),
		Dir: t.TempDir(),
	}, &out
}

// Every case that needs nothing from outside runs, and both sides make the same.
func TestCasesRun(t *testing.T) {
	o, out := options(t)
	o.Memory, o.Base = true, o.Dynapipe
	if err := Run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range cases() {
		if !strings.Contains(out.String(), c.title) {
			t.Errorf("nothing of %q in\n%s", c.title, out)
		}
	}
}

func TestProfilesAreWritten(t *testing.T) {
	o, out := options(t)
	o.Only, o.Repeat, o.Profiles = "dynamodb-jsonl", 1, filepath.Join(o.Dir, "profiles")
	o.Profiled = filepath.Join(commands, "profile"+filepath.Ext(o.Dynapipe))
	if err := Run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"dynamodb-jsonl.pprof", "dynamodb-jsonl.txt"} {
		if info, err := os.Stat(filepath.Join(o.Profiles, name)); err != nil || info.Size() == 0 {
			t.Errorf("profile %s: %v", name, err)
		}
	}
}

// caseNamed is one of the cases.
func caseNamed(t *testing.T, id string) *benchCase {
	t.Helper()
	list := cases()
	i := slices.IndexFunc(list, func(c benchCase) bool { return c.id() == id })
	if i < 0 {
		t.Fatalf("no case %s", id)
	}
	return &list[i]
}

// Nothing is timed that does not do what it should.
func TestWrongWorkIsNoticed(t *testing.T) {
	o, _ := options(t)
	r, err := newRig(o)
	if err != nil {
		t.Fatal(err)
	}
	r.DuckDB = ""
	dir, err := r.folder(o.CheckRows)
	if err != nil {
		t.Fatal(err)
	}
	check := func(c *benchCase, want string) {
		t.Helper()
		r.without(t.Context(), c)
		if err := r.check(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	c := caseNamed(t, "csv-batchwrite")
	c.kept = func(int) int { return o.CheckRows + 1 }
	check(c, "wrote 200 rows, and should have written 201")

	pipeline := filepath.Join(dir, "csv-jsonl.hcl")
	text, err := os.ReadFile(pipeline)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pipeline, bytes.Replace(text, []byte("1.19"), []byte("2.19"), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	check(caseNamed(t, "csv-jsonl"), "naive Go made something else")

	if err := os.WriteFile(pipeline, []byte("nonsense"), 0o666); err != nil {
		t.Fatal(err)
	}
	check(caseNamed(t, "csv-jsonl"), "exit status 2")
}

func TestCasesWithoutWhatTheyNeed(t *testing.T) {
	o, _ := options(t)
	r, err := newRig(o)
	if err != nil {
		t.Fatal(err)
	}
	if why := r.without(t.Context(), caseNamed(t, "csv-parquet")); !strings.Contains(why, "no DuckDB") {
		t.Errorf("Parquet: %q", why)
	}
	c := caseNamed(t, "csv-batchwrite")
	c.needs = [2]string{"sink", "nonsense"}
	if why := r.without(t.Context(), c); !strings.Contains(why, `no sink "nonsense"`) {
		t.Errorf("a sink that there is not: %q", why)
	}
}

func TestRatioIsOfMediansAndOfRounds(t *testing.T) {
	mid, least, most := ratio([]time.Duration{40, 90, 60}, []time.Duration{10, 30, 20})
	if mid != 3 || least != 3 || most != 4 {
		t.Errorf("got %v, %v to %v", mid, least, most)
	}
	if m := median([]time.Duration{4, 1, 3, 2}); m != 2 {
		t.Errorf("median %d", m)
	}
}

func TestBenchmarkTimes(t *testing.T) {
	got, err := benchmarkTimes(`goos: linux
BenchmarkThreeExpressions/compiled-2         	  684963	      1836 ns/op	     596 B/op	      15 allocs/op
BenchmarkThreeExpressions/go-cty-2           	   86342	     12369 ns/op
BenchmarkThreeExpressions/compiled           	  684963	      97.5 ns/op
BenchmarkOther/compiled-2                    	  684963	      1 ns/op
PASS
`)
	if err != nil || !slices.Equal(got[compiledWay], []time.Duration{1836, 97}) || !slices.Equal(got[ctyWay], []time.Duration{12369}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTargetsAreSaid(t *testing.T) {
	res := result{
		benchCase: benchCase{title: "case", peers: []peer{naivePeer(2), duckDBPeer(0.5)}},
		rows:      1000,
		own:       []usage{{cpu: 2 * time.Millisecond, peak: 5 << 20}},
		theirs:    [][]usage{{{cpu: 6 * time.Millisecond}}, {{cpu: 8 * time.Millisecond}}},
	}
	for i, want := range []string{
		"| case | naive Go | 6.00 | 2.00 | 500,000 | 3.00x | 3.00x to 3.00x | ≥ 2x | 0, 5 |",
		"| case | DuckDB, 1 thread | 8.00 | 2.00 | 500,000 | 0.25 of its time | 0.25 of its time to 0.25 of its time | ≤ 0.5 of its time | 0, 5 |",
	} {
		if got := res.line(i, true); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
