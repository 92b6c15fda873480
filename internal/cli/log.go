package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// watching are the flags of commands that move rows: what is told meanwhile.
type watching struct {
	noProgress          bool
	logLevel, logFormat choice
}

func newWatching() watching {
	return watching{logLevel: choice{value: "warn", words: []string{"debug", "info", "warn", "error"}}, logFormat: formatFlag()}
}

func (w *watching) add(a *app, c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&w.noProgress, "no-progress", false, "show no progress")
	f.Var(&w.logLevel, "log-level", "the least level of log records; debug shows each request")
	f.Var(&w.logFormat, "log-format", "log records as text or JSON lines")
	a.complete(c, "log-level", w.logLevel.words...)
	a.complete(c, "log-format", w.logFormat.words...)
}

// records is whether all of standard error is log records.
func (w *watching) records() bool { return w.logFormat.value == formatJSON }

func (w *watching) progress() bool { return !w.noProgress && !w.records() }

// logger is the log of a command that moves rows.
func (a *app) logger(w *watching, secrets *diag.Secrets) *slog.Logger {
	log := newLogger(a.console, w.logLevel.value, w.logFormat.value, secrets)
	a.records = nil
	if w.records() {
		a.records = log
	}
	return log
}

// say tells people something, on a line behind a word, or as a record where all of
// standard error is records. Secrets are masked either way (promise 8).
func (a *app) say(level slog.Level, word, text string) {
	text = a.secrets.Mask(text)
	if a.records != nil {
		a.records.Log(context.Background(), level, text) // of no request: handlers of ours don't use it
		return
	}
	fmt.Fprintln(a.console, word+text)
}

// logDiagnostics writes diagnostics as records.
func logDiagnostics(log *slog.Logger, diags hcl.Diagnostics) {
	for _, d := range diags {
		level := slog.LevelError
		if d.Severity == hcl.DiagWarning {
			level = slog.LevelWarn
		}
		attrs := []any{slog.String("code", diag.Code(d)), slog.String("detail", d.Detail)}
		if d.Subject != nil {
			attrs = append(attrs, slog.String("place", d.Subject.String()))
		}
		log.Log(context.Background(), level, d.Summary, attrs...)
	}
}

// newLogger writes log records of a level, and above, as text or JSON lines,
// with the secrets masked (promise 8).
func newLogger(w io.Writer, level, format string, secrets *diag.Secrets) *slog.Logger {
	var least slog.Level
	// The flag takes nothing that this does not know.
	if err := least.UnmarshalText([]byte(level)); err != nil {
		panic(err)
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(secrets.Mask(a.Value.String()))
		}
		return a
	}}
	if format == formatJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// requests logs each request to a service at level debug; nil when that is not
// logged, so that nothing is spent on it.
func requests(log *slog.Logger) func(progress.Request) {
	ctx := context.Background() // of no request: handlers of ours don't use it
	if !log.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	return func(r progress.Request) {
		attrs := []slog.Attr{
			slog.String("node", r.Node), slog.Int64("request", r.Number), slog.String("operation", r.Operation),
			slog.Int("attempt", r.Attempt), slog.Int("items", r.Items), slog.Int("bytes", r.Bytes),
			slog.Duration("duration", r.Duration),
		}
		if r.Units > 0 {
			attrs = append(attrs, slog.Float64("units", r.Units))
		}
		if r.Unprocessed > 0 {
			attrs = append(attrs, slog.Int("unprocessed", r.Unprocessed))
		}
		if r.Throttled {
			attrs = append(attrs, slog.Bool("throttled", true))
		}
		if r.Err != "" {
			attrs = append(attrs, slog.String("error", r.Err))
		}
		log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
	}
}
