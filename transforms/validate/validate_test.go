package validate_test

import (
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/validate"
)

const rules = `
  rule "has id" {
    condition = row.id != null
    message   = "no id"
  }
  rule "positive" {
    condition = row.n > 0
    message   = "n is ${row.n}"
  }
  rule "unexplained" {
    condition = row.n < 100
  }`

func TestContract(t *testing.T) { transformtest.Contract(t, validate.New, rules) }

func TestValidate(t *testing.T) {
	r := transformtest.Apply(t, validate.New(), rules,
		`{"id":{"S":"a"},"n":{"N":"1"}}`,
		`{"n":{"N":"1"}}`,
		`{"id":{"S":"b"},"n":{"N":"-2.0"}}`,
		`{"id":{"S":"c"},"n":{"N":"100"}}`,
		`{"id":{"S":"d"},"n":{"S":"?"}}`,
	)
	if len(r.Rows) != 1 || len(r.Rejects) != 4 {
		t.Fatalf("%+v", r)
	}
	for i, want := range []struct{ operation, code, message string }{
		{`rule "has id"`, transforms.CodeRule, "no id"},
		{`rule "positive"`, transforms.CodeRule, "n is -2"},
		{`rule "unexplained"`, transforms.CodeRule, `breaks the rule "unexplained"`},
		{`rule "positive"`, transforms.CodeExpression, "?"},
	} {
		got := r.Rejects[i]
		if got.Operation != want.operation || got.Code != want.code || !strings.Contains(got.Message, want.message) {
			t.Errorf("reject %d: %+v", i, got)
		}
	}
}

// A message that can't be made of the row still leaves the row rejected.
func TestMessageThatFails(t *testing.T) {
	r := transformtest.Apply(t, validate.New(), `
  rule "r" {
    condition = false
    message   = "n is ${row.n}"
  }`, `{"id":{"S":"a"}}`)
	if len(r.Rejects) != 1 || !strings.Contains(r.Rejects[0].Message, `rule "r"`) {
		t.Fatalf("%+v", r)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:                "No rule",
		"rule \"r\" {\n}": "condition",
		"rule \"r\" {\n condition = true\n}\nrule \"r\" {\n condition = true\n}": "Name used twice",
		"rule {\n condition = true\n}":                                           "name",
		"rule \"r\" {\n condition = \"yes\"\n}":                                  "Not a condition",
	} {
		diags := transformtest.Diagnose(t, validate.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

// BenchmarkApply holds a full batch to two rules.
func BenchmarkApply(b *testing.B) {
	transformtest.Benchmark(b, validate.New(), `
		rule "adult" {
			condition = row.age >= 18
		}
		rule "email" {
			condition = can(regex("^[^@]+@[^@]+$", row.email))
			message   = "${row.email} is no address"
		}`)
}
