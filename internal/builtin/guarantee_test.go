package builtin_test

import (
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/internal/sinktest"
)

// Every sink says what a repetition means: how often in the first words, then why.
func TestGuaranteesOfSinks(t *testing.T) {
	const put, marked = "put {\ntable = row.t\n}\n", "exactly_once = true\nmarker_table = \"markers\"\n"
	cases := map[string]map[string]schema.Delivery{
		"batch_write": {"table = row.t": schema.AtLeastOnce, "table = row.t\ncondition = exists(item.a)": schema.AtLeastOnce},
		"update": {
			"table = row.t": schema.AtLeastOnce, "table = row.t\nadd = { n = 1 }": schema.AtLeastOnce,
			"table = row.t\nexactly_once = true": schema.AtLeastOnce, "table = row.t\n" + marked: schema.ExactlyOnce,
		},
		"transaction": {put: schema.AtLeastOnce, put + "exactly_once = true": schema.AtLeastOnce, put + marked: schema.ExactlyOnce},
		"file":        {`path = "a.csv"`: schema.ExactlyOnce, "path = \"-\"\nformat = \"jsonl\"": schema.AtLeastOnce},
	}
	for _, kind := range builtin.Catalog().Sinks {
		if cases[kind.Type] == nil {
			t.Errorf("no case for %s", kind.Type)
		}
		for body, want := range cases[kind.Type] {
			connection := dynamo.NewConnection()
			connection.Endpoint, connection.Region, connection.AccessKey, connection.SecretKey = "http://127.0.0.1:1", "eu-west-1", "x", "x"
			if kind.Type != "file" {
				body += "\nconnection = connection.dynamodb.main"
			}
			config, diags := sinktest.Decode(t, kind.New, connection, body)
			if diags.HasErrors() {
				t.Fatalf("%s: %s", body, sinktest.Text(diags))
			}
			f, err := config.Facts(t.Context())
			if err != nil || f.Delivery != want {
				t.Errorf("%s, %s: %s, want %s (%v)", kind.Type, body, f.Delivery, want, err)
			}
			if text := f.Guarantee; !strings.HasPrefix(text, string(want)) && !strings.HasPrefix(text, "exactly once within 10 minutes") || !strings.Contains(text, ":") {
				t.Errorf("%s, %s: %q", kind.Type, body, text)
			}
		}
	}
}
