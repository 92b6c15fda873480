package diag

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
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
	for _, v := range s.longestFirst() {
		text = strings.ReplaceAll(text, v, Masked)
	}
	return text
}

// longestFirst is the secrets in an order in which no part of one stays behind.
func (s *Secrets) longestFirst() []string {
	if s == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(s.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
}

// Seal is JSON text with a mark in place of each secret, which Unseal takes back
// where it has the same secrets. It fails on a text that has such a mark already.
func (s *Secrets) Seal(text []byte) ([]byte, error) {
	var pairs []string
	for mark, value := range s.marks() {
		if bytes.Contains(text, []byte(mark)) {
			return nil, fmt.Errorf("it has %q in it, which stands for a secret", mark)
		}
		pairs = append(pairs, value, mark)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(text))), nil
}

// Unseal puts the secrets back into what Seal made.
func (s *Secrets) Unseal(text []byte) []byte {
	var pairs []string
	for mark, value := range s.marks() {
		pairs = append(pairs, mark, value)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(text)))
}

// marks is what stands for each secret, and the secret as it is inside of a JSON
// string, in an order in which no part of one stays behind.
func (s *Secrets) marks() iter.Seq2[string, string] {
	return func(yield func(mark, value string) bool) {
		for i, v := range s.longestFirst() {
			quoted, err := json.Marshal(v)
			if err != nil {
				return // a string always has a JSON form
			}
			if !yield(fmt.Sprintf("(sensitive %d)", i+1), string(quoted[1:len(quoted)-1])) {
				return
			}
		}
	}
}
