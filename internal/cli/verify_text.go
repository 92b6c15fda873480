package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/figures"
	"github.com/dynapipe/dynapipe/internal/verify"
)

var verdicts = map[verify.Status]string{
	verify.Equal:            "equal",
	verify.EqualWithRejects: "equal, with rejected rows",
	verify.Different:        "DIFFERENT",
	verify.Failed:           "FAILED",
}

// writeVerified writes what was found for people.
func writeVerified(w io.Writer, r *verify.Report) {
	var s summary
	fmt.Fprintf(&s, "%s: %s, %s read in %s", r.Pipeline, verdicts[r.Status], rows(r.Read), figures.Seconds(r.Seconds))
	if r.Rejected > 0 {
		fmt.Fprintf(&s, ", %s rejected", figures.Count(r.Rejected))
	}
	if r.Sample != "" {
		fmt.Fprintf(&s, "; a sample of %s of the keys", r.Sample)
	}
	s.WriteByte('\n')
	s.targets(r.Targets)
	s.differences(r)
	for _, t := range r.Targets {
		if t.ExtraAllowed != "" && t.Extra > 0 {
			s.paragraph("", fmt.Sprintf("%s: the extra items are no difference (%s)", t.Target, t.ExtraAllowed))
		}
		if len(t.Ignored) > 0 {
			s.paragraph("", fmt.Sprintf("%s: not compared, because it is different in every run: %s", t.Target, strings.Join(t.Ignored, ", ")))
		}
	}
	for _, n := range r.NotVerified {
		s.paragraph("Not verified: ", n.Sink+": "+n.Why)
	}
	s.paragraph("Warning: ", r.Warnings...)
	if r.Rejected > 0 && r.Error == "" {
		s.paragraph("Rejected: ", fmt.Sprintf("%s, expected nowhere. The first: %s", rows(r.Rejected), r.FirstReject))
	}
	_, _ = io.WriteString(w, s.String()) // a buffer takes everything
}

// count is a count of each target.
type count struct {
	name string
	of   func(verify.TargetReport) int64
}

// The first five are always there.
var counts = [...]count{
	{"expected", func(t verify.TargetReport) int64 { return t.Expected }},
	{"equal", func(t verify.TargetReport) int64 { return t.Equal }},
	{"missing", func(t verify.TargetReport) int64 { return t.Missing }},
	{"extra", func(t verify.TargetReport) int64 { return t.Extra }},
	{"different", func(t verify.TargetReport) int64 { return t.Different }},
	{"deleted", func(t verify.TargetReport) int64 { return t.Absent }},
	{"not deleted", func(t verify.TargetReport) int64 { return t.NotDeleted }},
	{"not compared", func(t verify.TargetReport) int64 { return t.NotCompared }},
}

func (s *summary) targets(targets []verify.TargetReport) {
	table := [][]string{{""}}
	for _, t := range targets {
		table = append(table, []string{t.Target})
	}
	for i, c := range counts {
		if i > 4 && !slices.ContainsFunc(targets, func(t verify.TargetReport) bool { return c.of(t) > 0 }) {
			continue
		}
		table[0] = append(table[0], c.name)
		for j, t := range targets {
			table[j+1] = append(table[j+1], figures.Count(c.of(t)))
		}
	}
	s.WriteByte('\n')
	s.table(table)
}

func (s *summary) differences(r *verify.Report) {
	var all int64
	for _, t := range r.Targets {
		all += t.Missing + t.Different + t.NotDeleted
		if t.ExtraAllowed == "" {
			all += t.Extra
		}
	}
	for i, d := range r.Differences {
		if i == 0 {
			s.WriteByte('\n')
		}
		fmt.Fprintf(s, "  %s: %s %s", d.Target, strings.ReplaceAll(d.Kind, "_", " "), keyForPeople(d.Key))
		if d.Origin != "" {
			fmt.Fprintf(s, ", the row at %s", d.Origin)
		}
		s.WriteByte('\n')
		for _, x := range d.Attributes {
			expected, actual := valuesForPeople(x.Expected, x.Actual)
			fmt.Fprintf(s, "      %s: expected %s, found %s\n", x.Name, expected, actual)
		}
		if d.Note != "" {
			fmt.Fprintf(s, "      %s\n", d.Note)
		}
	}
	if rest := all - int64(len(r.Differences)); rest > 0 {
		fmt.Fprintf(s, "  and %s more (--max-differences)\n", figures.Count(rest))
	}
}

// keyForPeople is a key: pk = "a", sk = 1.
func keyForPeople(key json.RawMessage) string {
	v, err := attr.ParseDynamoJSON(slices.Concat([]byte(`{"M":`), key, []byte("}")))
	if err != nil {
		return string(key) // masked
	}
	var parts []string
	for _, f := range v.Fields() {
		parts = append(parts, f.Name+" = "+plainText(f.Value))
	}
	return strings.Join(parts, ", ")
}

func plainText(v attr.Value) string {
	text, _ := attr.AppendJSON(nil, v)
	return string(text)
}

// maxShown is how much of a value is shown; the JSON document has all of it.
const maxShown = 120

// valuesForPeople is two values that differ, cut to where they do.
func valuesForPeople(expected, actual json.RawMessage) (string, string) {
	var texts, kinds [2]string
	for i, raw := range [2]json.RawMessage{expected, actual} {
		if bytes.Equal(raw, []byte("null")) {
			texts[i], kinds[i] = "nothing", "nothing"
			continue
		}
		v, err := attr.ParseDynamoJSON(raw)
		if err != nil { // masked
			texts[i] = string(raw)
			continue
		}
		texts[i], kinds[i] = plainText(v), v.Kind().Descriptor()
	}
	same := 0
	for same < min(len(texts[0]), len(texts[1])) && texts[0][same] == texts[1][same] {
		same++
	}
	for i := range texts {
		texts[i] = excerpt(texts[i], same)
		if kinds[0] != kinds[1] && kinds[i] != "nothing" && kinds[i] != "" {
			texts[i] += " (" + kinds[i] + ")"
		}
	}
	return texts[0], texts[1]
}

// excerpt is the part of a long text around a place.
func excerpt(text string, at int) string {
	if len(text) <= maxShown {
		return text
	}
	from := min(max(at-maxShown/3, 0), len(text))
	for from > 0 && !utf8.RuneStart(text[min(from, len(text)-1)]) {
		from--
	}
	to := min(from+maxShown, len(text))
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	out := text[from:to]
	if from > 0 {
		out = "..." + out
	}
	if to < len(text) {
		out += "..."
	}
	return out
}
