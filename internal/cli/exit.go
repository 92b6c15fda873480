package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// wrong is how a command ends when the pipeline or the command line is wrong:
// nothing ran.
type wrong struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File // to show the places
	shown bool                 // all has been said already
}

func (w *wrong) Error() string { return w.diags.Error() }

// refuse is a wrong of one diagnostic without a place.
func refuse(summary, format string, args ...any) *wrong {
	return &wrong{diags: hcl.Diagnostics{diag.Plain(summary, format, args...)}}
}

// ended is how a run ended, when not with everything done. All has been said.
type ended struct{ status engine.Status }

func (e *ended) Error() string { return string(e.status) }

// errInterrupted is how a command other than run ends after a signal.
var errInterrupted = errors.New("interrupted")

// end shows what a command ended with, if it has not been shown, writes the
// document of --output json, and gives the exit code.
func (a *app) end(err error) int {
	code := a.tell(err)
	if !a.asksJSON() {
		return code
	}
	if err = a.writeDocument(code, err); err != nil {
		failed := a.tell(err)
		if code == diag.ExitDone || code == diag.ExitRejects || code == diag.ExitChanges {
			return failed
		}
	}
	return code
}

// tell shows people what a command ended with, if it has not been shown, and gives
// the exit code.
func (a *app) tell(err error) int {
	var w *wrong
	var e *ended
	var c coming
	switch {
	case err == nil:
		return diag.ExitDone
	case errors.As(err, &w):
		a.show(w)
		return diag.ExitWrong
	case errors.As(err, &e):
		return exitCode(e.status)
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, errInterrupted):
		a.say(slog.LevelWarn, "", "interrupted")
		return diag.ExitInterrupted
	case errors.Is(err, syscall.EPIPE):
		return diag.ExitFailed // whoever read standard output has seen enough
	default:
		a.say(slog.LevelError, "Error: ", err.Error())
		return diag.ExitFailed
	}
}

// exitCode is the exit code of a run.
func exitCode(s engine.Status) int {
	switch s {
	case engine.Done:
		return diag.ExitDone
	case engine.DoneWithRejects:
		return diag.ExitRejects
	case engine.Interrupted:
		return diag.ExitInterrupted
	default:
		return diag.ExitFailed
	}
}

// show shows diagnostics as text on standard error, unless they go into a document.
// It can't do more when that fails.
func (a *app) show(w *wrong) {
	if w.shown || a.asksJSON() {
		return
	}
	if a.records != nil {
		logDiagnostics(a.records, w.diags)
		return
	}
	_ = a.text().Write(a.console, w.diags, w.files)
	if codes := diag.Codes(w.diags); len(codes) > 0 {
		fmt.Fprintf(a.console, "\nMore on each: dynapipe docs CODE, with %s\n", strings.Join(codes, ", "))
	}
}

// writeJSON writes v as one indented JSON document.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
