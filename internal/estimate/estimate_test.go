package estimate

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func item(t *testing.T, text string) attr.Value {
	t.Helper()
	v, err := parseItem([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Secrets are masked wherever they stand in a value, also in what would no longer
// be a set then (promise 8); long texts are cut.
func TestShownValues(t *testing.T) {
	var secrets diag.Secrets
	secrets.Add("hunter2")
	secrets.Add("4711")
	p := newPassing(&secrets)
	for in, want := range map[string]string{
		`{"a":{"S":"hunter2"}}`:                                   `{"a":{"S":"(sensitive)"}}`,
		`{"hunter2":{"M":{"b":{"L":[{"S":"is hunter2"}]}}}}`:      `{"(sensitive)":{"M":{"b":{"L":[{"S":"is (sensitive)"}]}}}}`,
		`{"a":{"N":"4711"},"b":{"N":"47"}}`:                       `{"a":{"S":"(sensitive)"},"b":{"N":"47"}}`,
		`{"a":{"SS":["hunter2","x"]},"b":{"SS":["x","y"]}}`:       `{"a":{"L":[{"S":"(sensitive)"},{"S":"x"}]},"b":{"SS":["x","y"]}}`,
		`{"a":{"NULL":true},"b":{"BOOL":false},"c":{"B":"aHU="}}`: `{"a":{"NULL":true},"b":{"BOOL":false},"c":{"B":"aHU="}}`,
		`{"a":{"S":"` + strings.Repeat("é", 300) + `"}}`:          `{"a":{"S":"` + strings.Repeat("é", 250) + `... (600 bytes)"}}`,
	} {
		if got := string(appendFields(nil, p.shown(item(t, in)).Fields())); got != want {
			t.Errorf("%s is shown as %s, not %s", in, got, want)
		}
	}
}

// An index takes as much as it holds of an item, if it holds it.
func TestIndexUnits(t *testing.T) {
	s := func(name string) dynamo.Key { return dynamo.Key{Name: name, Kind: attr.String} }
	table := delivery.NewTable("orders", &dynamo.Table{
		Name: "orders", Keys: []dynamo.Key{s("pk")},
		Indexes: []dynamo.Index{
			{Name: "all", Keys: []dynamo.Key{s("by")}, Projection: "ALL"},
			{Name: "keys", Keys: []dynamo.Key{s("by")}, Projection: "KEYS_ONLY"},
			{Name: "some", Keys: []dynamo.Key{s("pk"), s("by")}, Projection: "INCLUDE", Included: []string{"note"}},
		},
	})
	u := use{times: 2}
	large := strings.Repeat("x", 2500)
	for _, text := range []string{
		`{"pk":{"S":"1"},"by":{"S":"b"},"x":{"S":"` + large + `"}}`,
		`{"pk":{"S":"2"},"by":{"S":"b"},"note":{"S":"` + large[:1500] + `"}}`,
		`{"pk":{"S":"3"}}`,
	} {
		var key delivery.Key
		key.Reset(table)
		if no := key.Add(item(t, text).Get("pk")); no.Refused() {
			t.Fatal(no.Message)
		}
		u.add(&delivery.Sending{Actions: []delivery.Action{{Verb: delivery.VerbPut, Key: &key, Item: []byte(text)}}})
	}
	got := []float64{u.tables[0].units, u.tables[0].indexes[0].units, u.tables[0].indexes[1].units, u.tables[0].indexes[2].units}
	for i, want := range []float64{2 * (3 + 2 + 1), 2 * (3 + 2), 2 * (1 + 1), 2 * (1 + 2)} {
		if got[i] != want {
			t.Errorf("the units of table and indexes are %v", got)
		}
	}
	if u.items != 3 || u.largest != int64(len("pk1byb")+1+2500) {
		t.Errorf("%d items, the largest of %d bytes", u.items, u.largest)
	}
}

// Of a pipeline whose services can't be reached the rest is told.
func TestUnreachable(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	run := &expr.Run{ID: "run"}
	p, _, diags := pipeline.LoadText("p.hcl", `
source "csv" "in" {
  path = "testdata/in.csv"
}
sink "batch_write" "table" {
  from  = source.csv.in
  table = "users"
}
sink "file" "copy" {
  from = source.csv.in
  path = "out/copy.csv"
}
transform "filter" "b" {
  from  = source.csv.in
  where = row.id == "b"
}
transform "lookup" "users" {
  from = transform.filter.b
  get "user" {
    table = "users"
    key   = { id = row.id }
  }
}
sink "file" "users" {
  from = transform.lookup.users
  path = "out/users.jsonl.gz"
}
`, builtin.Catalog(), pipeline.Options{Run: run})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v := plan.NewView(t.Context(), p)
	if warnings := Fill(t.Context(), p, &v, Options{Run: run}); len(warnings) > 0 {
		t.Errorf("%v", warnings)
	}
	nodes := map[string]*plan.NodeEstimate{}
	for _, n := range v.Nodes {
		nodes[n.Address] = n.Estimate
	}
	table, copied := nodes["sink.batch_write.table"], nodes["sink.file.copy"]
	if !strings.Contains(table.Fails, "127.0.0.1:1") || table.In.Value != 2 || table.Requests != nil || len(v.Sampling.Notes) != 2 {
		t.Errorf("the sink that can't be reached is planned as %+v, noted as %q", table, v.Sampling.Notes)
	}
	if !copied.Out.Exact || copied.Out.Value != 2 || copied.Fails != "" || copied.Bytes.Value != float64(len("id\na\nb\n")) {
		t.Errorf("the file is planned as %+v", copied)
	}
	looked, behind, before := nodes["transform.lookup.users"], nodes["sink.file.users"], nodes["transform.filter.b"]
	if !strings.Contains(looked.Fails, "127.0.0.1:1") || looked.In.Value != 1 || looked.Out.Known() || behind.In.Known() || before.Out.Value != 1 {
		t.Errorf("the lookup that can't be made is planned as %+v, what comes before as %+v, what behind as %+v", looked, before, behind)
	}
}

// A part of a secret is one, too: it is masked before it is cut (promise 8).
func TestSecretsAreMaskedBeforeTheyAreCut(t *testing.T) {
	secrets := &diag.Secrets{}
	token := strings.Repeat("7f", 50)
	secrets.Add(token)
	s := &sample{plan: &plan.Plan{Secrets: secrets}}
	for _, text := range []string{s.short(token), s.example("a " + token), s.example(token)} {
		if strings.Contains(text, "7f") {
			t.Errorf("shown: %s", text)
		}
	}
	e := plan.NodeEstimate{Requests: &plan.Figure{Unknown: "of " + token}, Capacity: []plan.Capacity{{Table: token, Index: token, Kind: "write"}}, SecondsBy: token}
	e.Mask(secrets.Mask)
	if text := fmt.Sprintf("%+v %+v", e, *e.Requests); strings.Contains(text, "7f") || e.Capacity[0].Kind != "write" {
		t.Errorf("shown: %s", text)
	}
}
