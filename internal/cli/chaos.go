package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// chaosOptions are the flags of chaos.
type chaosOptions struct {
	backend, listen string
	endpoint        string // where it listens
	report          string
	partitionLimits bool
	seedGiven       func() bool
	config          faultproxy.Config
}

func (a *app) chaosCommand() *cobra.Command {
	o := &chaosOptions{}
	c := &cobra.Command{
		Use:   "chaos --backend URL",
		Short: "Put a DynamoDB server to the test: throttle, fail, cut connections",
		Long: `Chaos listens before a DynamoDB server and does what no local server does: it
gives items of a batch back unprocessed, throttles, fails, cuts connections
before and after a request takes effect, and meters capacity by table and
partition as DynamoDB does. So a pipeline can be rehearsed before it runs
against a table that matters.

The endpoint to point a pipeline at is the one line on standard output. What
befalls the nth request of an operation depends on the seed and n alone. Faults
befall operations on items; other operations pass, unless they are denied.

Clients are not asked who they are, and signatures pass as they are: the server
has to be one that does not verify them, as local ones don't. SIGINT or SIGTERM
ends it with a summary, and exit code 0.`,
		Example: `  dynapipe chaos --backend http://127.0.0.1:8000 --listen 127.0.0.1:8001 --unprocessed 20% --throttle 10%
  dynapipe chaos --backend http://127.0.0.1:8000 --table-wcu 500 --partition-limits --latency 5ms --report chaos.json
  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8001 dynapipe run pipeline.hcl`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return a.chaos(c.Context(), o) },
	}
	o.addFlags(c.Flags())
	a.addOutput(c, "the endpoint as one line, or at the end one JSON document with what happened; the endpoint is then on standard error")
	a.complete(c, "deny", faultproxy.Operations()...)
	a.complete(c, "throttle-limits", faultproxy.ThrottleLimits()...)
	return c
}

func (o *chaosOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.backend, "backend", "", "the server's `URL`, such as http://127.0.0.1:8000")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "the `address` to listen at; port 0 is any free one")
	f.Uint64Var(&o.config.Seed, "seed", 0, "the `number` that decides what goes wrong; when it is not given, a random one")
	o.seedGiven = func() bool { return f.Changed("seed") }

	faults := &o.config.Faults
	shareVar(f, &faults.Unprocessed, "unprocessed", "items of batches that are given back unprocessed")
	shareVar(f, &faults.Throttle, "throttle", "requests refused with a throttling exception")
	f.StringSliceVar(&faults.ThrottleLimits, "throttle-limits", nil, "the `limits` that throttling names; all when not given: "+strings.Join(faultproxy.ThrottleLimits(), ", "))
	shareVar(f, &faults.Error, "error", "requests answered 500 or 503, of which a third took effect")
	shareVar(f, &faults.CutBefore, "cut-before", "requests whose connection is cut before they reach the server")
	shareVar(f, &faults.CutAfter, "cut-after", "requests that take effect, and whose answer is lost")
	shareVar(f, &faults.Conflict, "conflict", "transactions and single writes refused for a transaction conflict")
	f.DurationVar(&o.config.Latency, "latency", 0, "added to every request")
	f.DurationVar(&o.config.Jitter, "jitter", 0, "added to every request at random, up to this much")

	limits := &o.config.Limits
	f.Float64Var(&limits.TableWrite, "table-wcu", 0, "write capacity `units` per second of each table, and of each of its indexes; 0 is no limit")
	f.Float64Var(&limits.TableRead, "table-rcu", 0, "read capacity `units` per second of each table, and of each of its indexes; 0 is no limit")
	f.BoolVar(&o.partitionLimits, "partition-limits", false, fmt.Sprintf("take at most %d write and %d read units per second of each partition, as in DynamoDB", faultproxy.PartitionWrite, faultproxy.PartitionRead))
	f.IntVar(&limits.Partitions, "partitions", faultproxy.DefaultPartitions, "the `number` of partitions of a table, for --partition-limits")
	f.DurationVar(&limits.Burst, "burst", 0, fmt.Sprintf("how long unused capacity is kept, as if none was used before the start: %.0fs in DynamoDB; one second's is always kept", faultproxy.MaxBurst.Seconds()))

	f.StringSliceVar(&o.config.Deny, "deny", nil, "`operations` that are refused with AccessDeniedException, such as BatchWriteItem,Scan")
	f.StringVar(&o.report, "report", "", "write what happened as JSON to this `file` at the end")
}

// share is a flag that takes a percentage.
type share struct{ value *float64 }

var _ pflag.Value = share{}

func shareVar(f *pflag.FlagSet, value *float64, name, doc string) {
	f.Var(share{value}, name, "share of "+doc)
}

func (s share) String() string {
	if s.value == nil || *s.value == 0 { // pflag asks the zero value, too
		return ""
	}
	return strconv.FormatFloat(*s.value*100, 'f', -1, 64) + "%"
}

// Type is what the help shows as the flag's value.
func (share) Type() string { return "percent" }

// Set takes a percentage.
func (s share) Set(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent >= 0 && percent <= 100) {
		return errors.New("it takes a percentage from 0% to 100%, such as 20% or 0.5%")
	}
	*s.value = percent / 100
	return nil
}

// settle completes the configuration, or says what is wrong with the flags.
func (o *chaosOptions) settle() error {
	u, err := url.Parse(o.backend)
	switch {
	case o.backend == "":
		return refuse("Which server?", "dynapipe chaos needs the server to stand before, as in `dynapipe chaos --backend http://127.0.0.1:8000`.")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return refuse("Wrong value of a flag", "--backend is %q, which is no URL such as http://127.0.0.1:8000.", o.backend)
	case strings.Contains(u.Host, ".amazonaws.com"):
		return refuse("Not before AWS", "DynamoDB verifies signatures, which are made for the endpoint that a client talks to, and chaos is at another. Rehearse with a local server.")
	}
	o.config.Backend = u
	if o.partitionLimits {
		o.config.Limits.PartitionWrite, o.config.Limits.PartitionRead = faultproxy.PartitionWrite, faultproxy.PartitionRead
	}
	if !o.seedGiven() {
		o.config.Seed = uint64(rand.Uint32()) // short enough to type again
	}
	if err := o.config.Validate(); err != nil {
		return refuse("Wrong value of a flag", "%s.", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

func (a *app) chaos(ctx context.Context, o *chaosOptions) error {
	if err := o.settle(); err != nil {
		return err
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	report, err := openReport(o.report, run.ID)
	if err != nil {
		return err
	}
	proxy, err := faultproxy.New(o.config)
	if err != nil {
		return err
	}
	defer proxy.Close()
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	err = a.serve(ctx, proxy, o)
	stats := proxy.Stats()
	if err == nil {
		_, _ = a.console.Write([]byte(chaosSummary(stats)))
	}
	a.answer(chaosDocument{o.endpoint, stats})
	if report != nil {
		code := diag.ExitDone
		if err != nil {
			code = diag.ExitFailed
		}
		err = errors.Join(err, publish(report, func(w io.Writer) error { return a.reportJSON(w, code, a.rest) }))
	}
	return err
}

// chaosDocument is what chaos tells programs at the end.
type chaosDocument struct {
	Endpoint string `json:"endpoint,omitempty" doc:"Where it listened."`
	faultproxy.Stats
}

// lastAnswers is how long requests under way may take when it ends.
const lastAnswers = 5 * time.Second

// serve serves until ctx ends.
func (a *app) serve(ctx context.Context, proxy *faultproxy.Proxy, o *chaosOptions) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen at %s (--listen): %w", o.listen, err)
	}
	server := &http.Server{Handler: proxy, ErrorLog: log.New(a.console, "", 0)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	o.endpoint = "http://" + listener.Addr().String()
	fmt.Fprintf(a.console, "chaos before %s, seed %d; end it with Ctrl-C. Point a pipeline at it by AWS_ENDPOINT_URL_DYNAMODB or the connection's endpoint:\n", o.config.Backend, o.config.Seed)
	var told io.Writer = a.Stdout
	if a.asksJSON() {
		told = a.console // standard output gets a document at the end
	}
	if _, err := fmt.Fprintln(told, o.endpoint); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve at %s: %w", o.endpoint, err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close() // what still waits has waited long enough
	}
	<-failed
	return nil
}

// chaosSummary is what happened, for people.
func chaosSummary(s faultproxy.Stats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "chaos: %s, seed %d\n", figures.Seconds(s.Seconds), s.Seed)
	for _, name := range slices.Sorted(maps.Keys(s.Operations)) {
		o := s.Operations[name]
		fmt.Fprintf(&b, "  %s: %s, %s answered, %s refused by the server, %s\n", cmp.Or(name, "no operation"),
			counted(o.Requests, "request"), figures.Count(o.Answered), figures.Count(o.Refused), counted(o.Items, "item"))
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Faults)) {
		fmt.Fprintf(&b, "  %s: %s\n", strings.ReplaceAll(string(kind), "_", " "), figures.Count(s.Faults[kind]))
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Reasons)) {
		fmt.Fprintf(&b, "  %s: %s\n", reason, figures.Count(s.Reasons[reason]))
	}
	for _, table := range slices.Sorted(maps.Keys(s.Tables)) {
		t := s.Tables[table]
		b.WriteString(tableUsage(table, "write", t.Write) + tableUsage(table, "read", t.Read))
	}
	return b.String()
}

func tableUsage(table, what string, u faultproxy.Usage) string {
	if u.Units == 0 {
		return ""
	}
	round := func(f float64) string { return figures.Count(int64(math.Round(f))) }
	return fmt.Sprintf("  table %s: %s %s units, at most %s in one second, %s per second on average\n",
		table, round(u.Units), what, round(u.Peak), round(u.Average))
}
