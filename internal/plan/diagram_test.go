package plan

import "testing"

// TestDiagramTexts: what stands in quotes is what was written, by the rules of each
// language.
func TestDiagramTexts(t *testing.T) {
	for text, want := range map[string][2]string{
		`plain`:       {`"plain"`, `"plain"`},
		`a "b" \G #1`: {`"a \"b\" \\G #1"`, `"a #quot;b#quot; \G #35;1"`},
		`ends \`:      {`"ends \\"`, `"ends \"`},
		"<b>\nzwei é": {`"<b>\nzwei é"`, `"#lt;b#gt; zwei é"`},
	} {
		if got := [2]string{dotText(text), mermaidText(text)}; got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}
