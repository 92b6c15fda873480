package diag

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Masked stands for a value that must not be shown.
const Masked = "(sensitive)"

// Secrets are the values of a pipeline that must not be shown: sensitive
// variables, what they became in arguments, and arguments that are secret by
// declaration (promise 8). Whoever declares a secret masks it; this is the net
// below, for texts put together elsewhere, like the answer of a service. A nil
// Secrets has none.
type Secrets struct {
	values map[string]bool
}

// Add adds a value. It is not to be called once the run has begun.
func (s *Secrets) Add(value string) {
	if s == nil || value == "" {
		return
	}
	if s.values == nil {
		s.values = map[string]bool{}
	}
	s.values[value] = true
}

// Mask is text with each secret in it replaced. It may be called from several
// goroutines at once.
func (s *Secrets) Mask(text string) string {
	if s == nil || len(s.values) == 0 || text == "" {
		return text
	}
	// Longest first, so that no part of a secret stays behind.
	longest := slices.SortedFunc(maps.Keys(s.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	for _, v := range longest {
		text = strings.ReplaceAll(text, v, Masked)
	}
	return text
}
