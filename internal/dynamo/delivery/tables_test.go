package delivery

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

func TestBudget(t *testing.T) {
	got := map[string]budget{}
	for _, text := range []string{"", "100", "0.5", "50%", " 12.5 % "} {
		b, problem := parseBudget(text)
		if problem != "" {
			t.Errorf("%q: %s", text, problem)
		}
		got[text] = b
	}
	want := map[string]budget{"": {}, "100": {value: 100}, "0.5": {value: 0.5}, "50%": {50, true}, " 12.5 % ": {12.5, true}}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A table's name and its ARN are one table; so no key of it is sent twice.
func TestNameAndARNAreOneTable(t *testing.T) {
	known := NewTables(nil, nil, nil)
	users := &dynamo.Table{ARN: usersARN, Keys: []dynamo.Key{{Name: "id", Kind: attr.String}}}
	byName, byARN := known.Adopt("users", users), known.Adopt(usersARN, users)
	other := known.Adopt("orders", &dynamo.Table{ARN: strings.Replace(usersARN, "users", "orders", 1), Keys: users.Keys})
	if byName != byARN || byName == other || known.known[usersARN].Name != "users" {
		t.Errorf("%v, %v, %v", byName, byARN, other)
	}
	nameless := known.Adopt("local", &dynamo.Table{Keys: users.Keys})
	if nameless == known.Adopt("local2", &dynamo.Table{Keys: users.Keys}) {
		t.Error("tables without an ARN were taken for one")
	}
	if fmt.Sprint(known.Keys("users")) != fmt.Sprint(byName.Keys) {
		t.Errorf("keys %v", known.Keys("users"))
	}
}

func TestNamesOfTables(t *testing.T) {
	const arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/"
	for name, want := range map[string]bool{
		"abc": true, "A-b_c.9": true, strings.Repeat("a", 255): true, arn + "abc": true, arn + strings.Repeat("a", 255): true,
		"": false, "ab": false, strings.Repeat("a", 256): false, "a b c": false, "tablé": false, arn + "ab": false, arn + strings.Repeat("a", 256): false,
		arn: false, "arn:aws:dynamodb:eu-west-1:1234:table/abc": false, arn + "abc/index/x": false, "abc\n": false,
	} {
		if got := ValidTable(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
