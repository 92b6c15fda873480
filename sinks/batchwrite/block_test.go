package batchwrite

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

const node = "sink.batch_write.t"

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, idle()...)
}

// idle are connections that the SDK's or a test's transport is still closing.
func idle() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	}
}

func theRun() *expr.Run { return &expr.Run{ID: "run", Start: time.Unix(1700000000, 0).UTC()} }

// connection is how to reach a server at an endpoint.
func connection(server *dynamotest.Server, endpoint string) *dynamo.Connection {
	c := dynamo.NewConnection()
	c.Endpoint, c.Region = endpoint, server.Config.Region
	c.AccessKey, c.SecretKey, c.SessionToken = server.Credentials.AccessKeyID, server.Credentials.SecretAccessKey, server.Credentials.SessionToken
	return c
}

// decode decodes the body of a block, in which connection.dynamodb.main is c.
func decode(t testing.TB, c *dynamo.Connection, body string) (*Config, hcl.Diagnostics) {
	t.Helper()
	src := []byte("sink \"batch_write\" \"t\" {\n" + body + "\n}\n")
	file, diags := hclsyntax.ParseConfig(src, "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	static := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.EmptyObjectVal, "local": cty.EmptyObjectVal},
		Functions: expr.Functions(theRun(), false),
	}
	d := &schema.Decoder{
		Static: static,
		Scope:  &expr.Scope{Static: static, Run: theRun(), Sources: map[string][]byte{"test.hcl": src}},
		Blocks: map[string]any{"connection.dynamodb.main": c},
	}
	config := New().(*Config)
	_, diags = d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], config.Schema())
	return config, diags
}

// configure decodes the body of a block that is right, over a server.
func configure(t testing.TB, server *dynamotest.Server, endpoint, body string) *Config {
	t.Helper()
	config, diags := decode(t, connection(server, endpoint), body+"\nconnection = connection.dynamodb.main")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return config
}

// outcome is what became of rows.
type outcome struct {
	tally   record.Tally
	meter   *progress.Meter
	mu      sync.Mutex
	rejects []record.Rejection
	open    int
}

func (o *outcome) Reject(_ string, r record.Rejection) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rejects = append(o.rejects, r)
	return nil
}

func (o *outcome) want(t *testing.T, written, coalesced, rejected int64) {
	t.Helper()
	if w, c, r := o.tally.Written.Load(), o.tally.Coalesced.Load(), o.tally.Rejected.Load(); w != written || c != coalesced || r != rejected {
		t.Errorf("written %d, coalesced %d, rejected %d; want %d, %d, %d: %+v", w, c, r, written, coalesced, rejected, o.rejects)
	}
}

// write runs rows in DynamoDB JSON through the sink, in batches of some length.
func write(ctx context.Context, t testing.TB, config *Config, batch int, rows ...string) (*outcome, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	o := &outcome{meter: progress.NewMeter(node, nil)}
	sink, err := config.Open(ctx, sinks.Env{Node: node, Mem: mem, Run: theRun(), Meter: o.meter})
	if err != nil {
		return o, err
	}
	var receipts []*record.Receipt
	for from := 0; from < len(rows) && err == nil; from += batch {
		part := rows[from:min(from+batch, len(rows))]
		b := batchOf(t, mem, from, part)
		r := record.NewReceipt(node, &o.tally, b.Origins(), o, nil)
		receipts = append(receipts, r)
		err = sink.Write(ctx, b, r)
		b.Release()
	}
	if err == nil {
		err = sink.Flush(ctx, sinks.EndOfInput)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range receipts {
		o.open += r.Open()
	}
	return o, err
}

func batchOf(t testing.TB, mem memory.Allocator, first int, rows []string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(mem)
	defer b.Release()
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatalf("%v in %s", err, row)
		}
		b.EndRow(record.Pos{Line: int64(first + i + 1), Seq: int64(first + i)})
	}
	return b.Batch(&record.Place{Source: "source.test.rows", Files: []string{"rows.jsonl"}, Segment: -1})
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

func text(diags hcl.Diagnostics) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary+": "+d.Detail)
	}
	return strings.Join(all, "\n")
}

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
