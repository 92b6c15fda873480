package diag_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// What is sealed has no secret in it, and is the same again when unsealed: also
// secrets within secrets, with quotes, or like the marks themselves.
func TestSeal(t *testing.T) {
	var s diag.Secrets
	for _, v := range []string{"hunter2", "hunter", `say "so" <now>`, "sensitive", "7"} {
		s.Add(v)
	}
	text, err := json.Marshal(map[string]any{"hunter": `data-hunter2/say "so" <now>.csv`, "sensitive": "(sensitive)", "n": 77})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"hunter", "so", "77"} {
		if strings.Contains(string(sealed), v) {
			t.Errorf("%s has %s", sealed, v)
		}
	}
	if got := s.Unseal(sealed); string(got) != string(text) {
		t.Errorf("unsealed %s, not %s", got, text)
	}
	if _, err := s.Seal(sealed); err == nil {
		t.Error("a text with marks is sealed")
	}
	var none *diag.Secrets
	if sealed, err := none.Seal(text); err != nil || string(sealed) != string(text) || string(none.Unseal(text)) != string(text) {
		t.Errorf("no secrets: %s, %v", sealed, err)
	}
}
