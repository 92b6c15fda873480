package diag

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Problem explains a kind of diagnostic.
type Problem struct {
	Code    string // stays the same when the summary is worded anew
	Summary string // of the diagnostic; * stands for a word that differs
	Cause   string
	Cure    string
}

// CodeHCL is the code of what HCL itself reports.
const CodeHCL = "hcl"

// Problems is every kind of diagnostic there is.
func Problems() []Problem {
	hcl := Problem{CodeHCL, "HCL's own message",
		"The file breaks HCL's syntax, or an expression without rows in it fails.",
		"The message is HCL's; it points to where reading stopped, which may be behind the mistake."}
	return slices.Concat([]Problem{hcl}, ofLanguage(), ofComponents(), ofTests())
}

// Code is the code of a diagnostic, by its summary.
func Code(d *hcl.Diagnostic) string {
	problems := Problems()
	i := slices.IndexFunc(problems, func(p Problem) bool { return p.Summary == d.Summary })
	if i < 0 {
		i = slices.IndexFunc(problems, func(p Problem) bool { return p.is(d.Summary) })
	}
	if i < 0 {
		return CodeHCL
	}
	return problems[i].Code
}

// is compares a summary with a pattern.
func (p Problem) is(summary string) bool {
	before, after, open := strings.Cut(p.Summary, "*")
	return open && len(summary) > len(before)+len(after) && strings.HasPrefix(summary, before) && strings.HasSuffix(summary, after)
}

// Codes is the codes of errors that have a place in a file, each once.
func Codes(diags hcl.Diagnostics) (codes []string) {
	for _, d := range diags {
		if c := Code(d); d.Subject != nil && d.Severity == hcl.DiagError && !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	return codes
}
