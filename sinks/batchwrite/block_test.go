package batchwrite

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, sinktest.Idle()...) }

// decode decodes the body of a block, in which connection.dynamodb.main is c.
func decode(t testing.TB, c *dynamo.Connection, body string) (*Config, hcl.Diagnostics) {
	t.Helper()
	config, diags := sinktest.Decode(t, New, c, body)
	return config.(*Config), diags
}

// configure decodes the body of a block that is right, over a server.
func configure(t testing.TB, server *dynamotest.Server, endpoint, body string) *Config {
	t.Helper()
	return sinktest.Configure(t, New, server, endpoint, body).(*Config)
}

// write runs rows in DynamoDB JSON through the sink, in batches of some length.
func write(ctx context.Context, t testing.TB, config *Config, batch int, rows ...string) (*sinktest.Outcome, error) {
	t.Helper()
	return sinktest.Write(ctx, t, config, sinks.EndOfInput, batch, rows...)
}

// want checks how rows ended.
func want(t *testing.T, o *sinktest.Outcome, written, coalesced, rejected int64) {
	t.Helper()
	if w, c, r := o.Tally.Written.Load(), o.Tally.Coalesced.Load(), o.Tally.Rejected.Load(); w != written || c != coalesced || r != rejected {
		t.Errorf("written %d, coalesced %d, rejected %d; want %d, %d, %d: %+v", w, c, r, written, coalesced, rejected, o.Rejects)
	}
}

func TestEverythingIsDocumented(t *testing.T) {
	if missing := schema.Undocumented(New().Schema()); len(missing) > 0 {
		t.Errorf("without a sentence: %v", missing)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:                                    `"table"`,
		`table = "ab"`:                        `"ab" is no table`,
		`table = "a table"`:                   "is no table",
		`table = "arn:aws:s3:::bucket"`:       "is no table",
		`table = 12345`:                       "number",
		`table = true`:                        "bool",
		"table = \"abc\"\ntables = [\"abc\"]": `"tables" is for a "table" that uses row`,
		"table = row.t\ntables = [\"a b\"]":   `"a b" is no table`,
		"table = \"abc\"\noperation = \"upsert\"":                                                                      `not "upsert"`,
		"table = \"abc\"\nbatch_size = 26":                                                                             "from 1 to 25",
		"table = \"abc\"\nbatch_size = 0":                                                                              "from 1 to 25",
		"table = \"abc\"\nconcurrency = 0":                                                                             "at least 1",
		"table = \"abc\"\nwrite_capacity = 0":                                                                          "0 is out of range",
		"table = \"abc\"\nwrite_capacity = \"150%\"":                                                                   "out of range",
		"table = \"abc\"\nwrite_capacity = \"much\"":                                                                   `"much" is neither`,
		"table = row.t\nwrite_capacity = \"50%\"":                                                                      "row by row",
		"table = \"abc\"\nmax_deletes = -2":                                                                            "at least 0",
		"table = \"abc\"\nduplicates = \"first\"":                                                                      `"last", "error"`,
		"table = \"abc\"\ntabel = \"abc\"":                                                                             "tabel",
		"table = \"abc\"\nconnection = connection.dynamodb.other":                                                      "There is no connection.dynamodb.other",
		"table = \"abc\"\ncreate_table {}":                                                                             "partition_key",
		"table = \"abc\"\ncreate_table {\npartition_key = \"\"\n}":                                                     "1 to 255 characters",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nsort_key = \"a\"\n}":                                  "partition key already",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nsort_type = \"N\"\n}":                                 "sort_key",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\npartition_type = \"number\"\n}":                       `"S", "N", "B"`,
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nread_capacity = 5\n}":                                 "provisioned",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nbilling = \"provisioned\"\nmax_read_capacity = 5\n}":  "on_demand",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nlocal_index \"by_date\" {\nsort_key = \"date\"\n}\n}": "needs a sort_key too",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nsort_key = \"s\"\nlocal_index \"by_date\" {\n}\n}":    "No sort key",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"x\" {\npartition_key = \"b\"\n}\n}":    "3 to 255",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"by_b\" {\n}\n}":                        "partition_key",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"by_b\" {\npartition_key = \"b\"\n}\nglobal_index \"by_b\" {\npartition_key = \"c\"\n}\n}": "two indexes named",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"by_b\" {\npartition_key = \"b\"\nsort_key = \"a\"\nsort_type = \"N\"\n}\n}":               "of type S and of type N",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"by_b\" {\npartition_key = \"b\"\nprojection = \"INCLUDE\"\n}\n}":                          "needs attributes",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nglobal_index \"by_b\" {\npartition_key = \"b\"\nattributes = [\"c\"]\n}\n}":                              "is for projection",
		"table = \"abc\"\ncreate_table {\npartition_key = \"a\"\nstream = \"ALL\"\n}":                                                                                     "NEW_IMAGE",
		"table = \"abc\"\nretry {\nmax_attempts = 0\n}":     "at least 1",
		"table = \"abc\"\nretry {\nbackoff_factor = 0.5\n}": "at least 1",
		"table = \"abc\"\nretry {\ndeadline = \"0s\"\n}":    "no time for an attempt",
		"table = \"abc\"\nretry {\nattempts = 3\n}":         "attempts",
	} {
		_, diags := decode(t, dynamo.NewConnection(), body)
		if !diags.HasErrors() {
			t.Errorf("nothing is wrong with %s", body)
			continue
		}
		if got := text(diags); !strings.Contains(got, want) {
			t.Errorf("%s\ngives: %s\nwant: %s", body, got, want)
		}
	}
}

func text(diags hcl.Diagnostics) string { return sinktest.Text(diags) }

func TestRightBlocks(t *testing.T) {
	for _, body := range []string{
		`table = "users"`,
		`table = "arn:aws:dynamodb:eu-west-1:123456789012:table/users"`,
		`table = "users-${row.region}"`,
		"table = row.t\ntables = [\"abc\", \"def\"]\noperation = row.deleted ? \"delete\" : \"put\"",
		"table = \"abc\"\nwrite_capacity = 12.5\nconcurrency = 8\nmax_deletes = 0\nduplicates = \"error\"",
		"table = \"abc\"\nwrite_capacity = \"50%\"",
		"table = \"abc\"\nretry {\nmax_attempts = 3\nbase_delay = \"1ms\"\nmax_delay = \"1s\"\nbackoff_factor = 1.5\nretry_unprocessed = false\ndeadline = \"1m\"\n}",
		"table = \"abc\"\ncreate_table {\npartition_key = \"pk\"\nsort_key = \"sk\"\nsort_type = \"N\"\nbilling = \"provisioned\"\nread_capacity = 1\nwrite_capacity = 1\n}",
		"table = \"abc\"\ncreate_table {\npartition_key = \"pk\"\nsort_key = \"sk\"\nmax_write_capacity = 100\nwarm_write_capacity = 4000\ntable_class = \"STANDARD_INFREQUENT_ACCESS\"\nttl = \"expires\"\nstream = \"NEW_IMAGE\"\nkms_key = \"alias/k\"\ndeletion_protection = true\npoint_in_time_recovery = true\ntags = { a = \"b\" }\nglobal_index \"by_mail\" {\npartition_key = \"mail\"\nprojection = \"INCLUDE\"\nattributes = [\"name\"]\n}\nlocal_index \"by_date\" {\nsort_key = \"date\"\nprojection = \"KEYS_ONLY\"\n}\n}",
	} {
		if _, diags := decode(t, dynamo.NewConnection(), body); diags.HasErrors() {
			t.Errorf("%s: %s", body, text(diags))
		}
	}
}
