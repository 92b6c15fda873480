package cli

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/metrics"
)

// listenMetrics takes the address of --metrics; nil when nobody asked for it.
func (a *app) listenMetrics(o *runOptions, log *slog.Logger) (*metrics.Server, error) {
	if o.metrics == "" {
		return nil, nil
	}
	server, err := metrics.Listen(o.metrics)
	if err != nil {
		return nil, refuse("Metrics can't be served", "--metrics %s: %v. It takes an address that is free, such as :9090 or 127.0.0.1:9090.", o.metrics, err)
	}
	url := "http://" + server.Address() + "/metrics"
	if o.records() {
		log.Info("metrics are served", "url", url)
	} else {
		fmt.Fprintf(a.console, "Metrics: %s\n", url)
	}
	return server, nil
}

// serveMetrics answers with what the engine is at.
func (a *app) serveMetrics(s *saving, e *engine.Engine, o *runOptions) {
	if s.metrics == nil {
		return
	}
	report := func() *engine.Report {
		r := e.Report()
		if o.dryRun {
			rehearsed(r, nil)
		}
		return r
	}
	s.metrics.Serve(report, a.Version, s.plan.Secrets.Mask)
}

// metricsPage is what run --metrics tells.
func metricsPage() string {
	var b strings.Builder
	b.WriteString(generated + "# Metrics\n\n`dynapipe run pipeline.hcl --metrics :9090` serves these at `/metrics`, in the text format of Prometheus, while the run goes\n" +
		"on. They begin at 0 with each run and end with it: the report of `--report` has the last ones. A node is its address, as\n" +
		"`sink.batch_write.users`. The metrics of one answer are from slightly different moments.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range metrics.Metrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind(), strings.Join(m.Labels, ", "), m.Help)
	}
	return b.String()
}
