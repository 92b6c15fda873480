package cli

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/liveview"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEverythingIsDocumented fails for a block, an argument or a function
// without a sentence that says what it means.
func TestEverythingIsDocumented(t *testing.T) {
	for _, topic := range newReference(builtin.Catalog()).topics {
		if topic.problem != nil {
			continue // internal/diag looks at them
		}
		if topic.block == nil {
			if topic.Description == "" || topic.Example == "" || !strings.Contains(topic.Signature, topic.name+"(") {
				t.Errorf("function %s: %q, example %q, %q", topic.name, topic.Description, topic.Example, topic.Signature)
			}
			continue
		}
		for _, name := range schema.Undocumented(topic.block.Block) {
			t.Errorf("%s: %s has no sentence of documentation", topic.block.Header, name)
		}
	}
	for _, c := range newApp(Process{Stderr: &bytes.Buffer{}}).root().Commands() {
		if c.Short == "" {
			t.Errorf("command %s has no description", c.Name())
		}
	}
}

func TestReferenceIsTheSameEachTime(t *testing.T) {
	first, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for i, again := range second {
		if again != first[i] {
			t.Errorf("%s differs from one time to the next", again.Name)
		}
		if names[again.Name] {
			t.Errorf("%s is written twice", again.Name)
		}
		names[again.Name] = true
		if strings.Contains(again.Text, "(no value)") || strings.TrimSpace(again.Text) == "" {
			t.Errorf("%s has holes:\n%s", again.Name, again.Text)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&ended{engine.Failed}, 1},
		{errors.New("disk full"), 1},
		{syscall.EPIPE, 1},
		{refuse("Wrong", "wrong"), 2},
		{&ended{engine.DoneWithRejects}, 3},
		{&ended{engine.Interrupted}, 4},
		{errInterrupted, 4},
	} {
		a := newApp(Process{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
		if got := a.end(c.err); got != c.want {
			t.Errorf("%v ends with %d, not %d", c.err, got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	r := &engine.Report{
		Pipeline: "nightly", Status: engine.Failed, Seconds: 83.4,
		Error:   "sink.batch_write.users: AccessDeniedException: not allowed",
		Rejects: 1, FirstReject: "users.csv:7: transform.map.items: a is null", DeadLetter: "nightly.rejects.jsonl", Unsettled: 1500,
		Nodes: []engine.NodeReport{
			{Node: "source.csv.users", Kind: "source", Read: 1234567, Out: 1234567},
			{Node: "transform.map.items", Kind: "transform", In: 1234567, Out: 1234566, Rejected: 1},
			{
				Node: "sink.batch_write.users", Kind: "sink", In: 1234566, Written: 1233066, Unsettled: 1500,
				Requests: 49383, Retries: 12, Throttles: 1, Unprocessed: 1, Splits: 3,
				ThrottleReasons: []progress.Throttle{{
					Reason: "IndexWriteProvisionedThroughputExceeded", Count: 1,
					Resource: "arn:aws:dynamodb:eu-west-1:123456789012:table/users/index/by_mail",
				}},
				Capacity: []progress.Consumed{{Table: "users", Units: 1233066.5}, {Table: "users", Index: "by_mail", Units: 12}},
				Warnings: []progress.Warning{{Key: "slow", Message: "nothing has moved for a minute", Count: 2}},
			},
		},
	}
	p := &plan.Plan{Settings: plan.Settings{MaxRejects: plan.Limit{Percent: 5, IsPercent: true}}}
	const want = `nightly: FAILED in 1m23s, 1,234,567 rows read, 1,233,066 rows written

  rows                           in        out  rejected  unsettled
  source.csv.users        1,234,567  1,234,567         -          -
  transform.map.items     1,234,567  1,234,566         1          -
  sink.batch_write.users  1,234,566  1,233,066         -      1,500

  sink.batch_write.users: 49,383 requests, 12 of them retries, 1 throttled (1 IndexWriteProvisionedThroughputExceeded of table/users/index/by_mail), 1 item given back and sent again, 3 divided to find a row that spoils them; 1,233,066.5 capacity units of users; 12 capacity units of users, index by_mail

  Warning: sink.batch_write.users: nothing has moved for a minute (2 times)

  Rejected: 1 row of at most 5% allowed (max_rejects), kept in nightly.rejects.jsonl. The first: users.csv:7: transform.map.items: a is null

  Error: sink.batch_write.users: AccessDeniedException: not allowed

  1,500 rows were not settled: read, and neither written nor rejected when the run ended. A new run starts from the beginning.
`
	var out bytes.Buffer
	a := newApp(Process{Stderr: &out})
	o := newRunOptions()
	a.summarise(t.Context(), r, p, errors.New("denied"), o, nil)
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}

	// The error of too many rejects says itself where they are.
	out.Reset()
	a.summarise(t.Context(), r, p, &engine.TooManyRejects{}, o, nil)
	if strings.Contains(out.String(), "Rejected:") {
		t.Errorf("said twice:\n%s", out.String())
	}

	out.Reset()
	r.Unsettled = 1
	a.summarise(t.Context(), r, p, errors.New("denied"), o, nil)
	if !strings.Contains(out.String(), "\n  1 row was not settled") {
		t.Errorf("one unsettled row:\n%s", out.String())
	}
}

func TestPlainProgressIsSeldom(t *testing.T) {
	var out bytes.Buffer
	a := newApp(Process{Stderr: &out})
	w := &watch{app: a, engine: emptyEngine(), show: true, warned: map[string]bool{}, view: liveview.New("p", "written")}
	for second := 1; second <= 35; second++ {
		w.look(time.Duration(second) * time.Second)
	}
	if got := strings.Count(out.String(), "\n"); got != 3 {
		t.Errorf("%d lines in 35 seconds:\n%s", got, out.String())
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("control sequences: %q", out.String())
	}

	out.Reset()
	w = &watch{app: a, engine: emptyEngine(), warned: map[string]bool{}} // --no-progress
	w.look(time.Minute)
	if out.Len() > 0 {
		t.Errorf("shown: %s", out.String())
	}
}

func emptyEngine() *engine.Engine {
	return engine.New(&plan.Plan{Name: "p"}, engine.Options{Run: &expr.Run{}})
}

func TestJSONIsAskedFor(t *testing.T) {
	for args, want := range map[string]bool{
		"run x --output json": true, "run --output=json x": true, "run x": false,
		"run x --output": false, "run x --output text": false, "run -- --output json": false,
	} {
		if got := asksFor(strings.Fields(args), "--output", formatJSON); got != want {
			t.Errorf("%s: %v", args, got)
		}
	}
}
