// Package diag carries what is wrong with a pipeline from where it is found to
// the person who wrote it: it makes diagnostics, finds the name that was meant,
// puts diagnostics in order without duplicates, and renders them as text with
// the source lines or as one JSON document. It also names the exit codes, and
// explains each kind of diagnostic by its code (problems.go).
//
// A diagnostic is an hcl.Diagnostic: a terse summary, a detail that says what
// to do, and the tightest range there is. Problems found before a run are
// diagnostics; what goes wrong during one is an error.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// The exit codes of a command.
const (
	ExitDone        = 0 // everything was done
	ExitFailed      = 1 // the run failed
	ExitWrong       = 2 // the pipeline or the command line is wrong; nothing ran
	ExitRejects     = 3 // done, with rejected rows within max_rejects
	ExitInterrupted = 4 // stopped by a signal, state saved
	ExitChanges     = 5 // plan --detailed-exitcode: a run would write
)

// Error is an error about a place in a file. format and args make the detail.
func Error(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &at,
	}
}

// Warning is a warning about a place in a file.
func Warning(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := Error(at, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// NoSource is the Extra of a diagnostic that points to a secret: its source
// line is not shown (promise 8).
type NoSource struct{}

// Plain is an error that has no place in a file: a path, a flag.
func Plain(summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// Nearest is the candidate that name is most likely a slip of; empty when none
// is close enough to be sure, or two are equally close.
func Nearest(name string, candidates []string) string {
	// A short name has few letters to be recognised by: one slip in up to four
	// letters, two in up to nine, three from there on.
	limit := 1 + min((len(name)+1)/6, 2)
	best, distance, tie := "", limit+1, false
	for _, c := range candidates {
		d := levenshtein.Distance(name, c, nil)
		if swapped(name, c) {
			d = 1 // one slip of the fingers, which counts as two edits
		}
		if d >= len(name) {
			continue // not a letter in common
		}
		switch {
		case d < distance:
			best, distance, tie = c, d, false
		case d == distance && c != best:
			tie = true
		}
	}
	if tie {
		return ""
	}
	if best == "" {
		return containing(name, candidates)
	}
	return best
}

// containing is the only candidate that has name among its words: max_attempts
// for attempts.
func containing(name string, candidates []string) string {
	found := ""
	for _, c := range candidates {
		if !strings.Contains("_"+c+"_", "_"+name+"_") || c == found {
			continue
		}
		if found != "" {
			return ""
		}
		found = c
	}
	return found
}

// swapped reports that two neighbouring letters are the only difference.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// DidYouMean is ` Did you mean "x"?` with the nearest candidate, or nothing.
func DidYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return fmt.Sprintf(" Did you mean %q?", n)
	}
	return ""
}

// Sort orders diagnostics by file and place, errors before warnings at the same
// place and those without a place first, and removes duplicates.
func Sort(diags hcl.Diagnostics) hcl.Diagnostics {
	out := slices.Clone(diags)
	slices.SortStableFunc(out, compare)
	return slices.CompactFunc(out, func(a, b *hcl.Diagnostic) bool {
		return compare(a, b) == 0 && a.Detail == b.Detail
	})
}

func compare(a, b *hcl.Diagnostic) int {
	p, q := place(a), place(b)
	return cmp.Or(
		cmp.Compare(p.Filename, q.Filename),
		cmp.Compare(p.Start.Byte, q.Start.Byte),
		cmp.Compare(p.End.Byte, q.End.Byte),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
	)
}

func place(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}
