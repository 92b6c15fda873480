package lookup

import (
	"errors"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// asked are rows of the core for keys of two tables: users by pk (S), orders by
// number (N).
func asked(u, o int) []*deliver.Row {
	users := &target{number: 0, names: []string{"pk"}, without: []string{"pk"}, settings: []byte(`,"ConsistentRead":true`),
		table: delivery.NewTable("users", &dynamo.Table{Keys: []dynamo.Key{{Name: "pk", Kind: attr.String}}})}
	orders := &target{number: 1, names: []string{"no"},
		table: delivery.NewTable("arn:aws:dynamodb:eu-west-1:123456789012:table/orders", &dynamo.Table{Keys: []dynamo.Key{{Name: "no", Kind: attr.Number}}})}
	var rows []*deliver.Row
	for i := range u + o {
		t, v := users, attr.StringValue("user-"+strings.Repeat("x", i))
		if i >= u {
			t = orders
			v, _ = attr.NumberValue("1" + strings.Repeat("0", i) + ".0")
		}
		var key delivery.Key
		key.Reset(t.table)
		if no := key.Add(v); no.Refused() {
			panic(no.Message)
		}
		id := append([]byte{t.number}, key.Bytes()...)
		rows = append(rows, &deliver.Row{
			Table: t.table.Name, Key: string(id), Operation: deliver.Get, Body: key.Append(nil), Receipt: &entry{id: string(id), target: []*target{t}},
		})
	}
	return rows
}

func TestBatchBody(t *testing.T) {
	got := string(appendBatch(nil, asked(2, 2)))
	want := `{"RequestItems":{"users":{"Keys":[{"pk":{"S":"user-"}},{"pk":{"S":"user-x"}}],"ConsistentRead":true},` +
		`"arn:aws:dynamodb:eu-west-1:123456789012:table/orders":{"Keys":[{"no":{"N":"100.0"}},{"no":{"N":"1000.0"}}]}},"ReturnConsumedCapacity":"INDEXES"}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// Items come in any order, their table by name or ARN, and their keys as
// DynamoDB spells them.
func TestReadBatch(t *testing.T) {
	rows := asked(2, 2)
	a, err := readBatch([]byte(`{"Responses":{"orders":[{"v":{"BOOL":true},"no":{"N":"1000"}}],"users":[{"n":{"N":"1"},"p\u006b":{"S":"user-\u0078"}}]},`+
		`"UnprocessedKeys":{"orders":{"Keys":[{"no":{"N":"1E2"}}]}},"ConsumedCapacity":[{"TableName":"orders","CapacityUnits":0.5}]}`), rows)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, string(ref{entry: entryOf(row)}.item()))
	}
	if want := `|{"M":{"n":{"N":"1"}}}||{"M":{"v":{"BOOL":true},"no":{"N":"1000"}}}`; strings.Join(got, "|") != want {
		t.Errorf("items %q", got)
	}
	if len(a.Unprocessed) != 1 || a.Unprocessed[0] != 2 || len(a.Consumed) != 1 || a.Consumed[0].Table != rows[2].Table || a.Consumed[0].Units != 0.5 {
		t.Errorf("answer %+v", a)
	}
}

// Answers that can't be of the request are errors, and never taken for missing
// items.
func TestBadAnswers(t *testing.T) {
	for text, want := range map[string]string{
		`{"Responses":{"users":[{"pk":{"S":"somebody"}}]}}`:         "that was not asked for",
		`{"Responses":{"users":[{"n":{"N":"1"}}]}}`:                 `without its key "pk"`,
		`{"Responses":{"users":[{"pk":{"X":"user-"}}]}}`:            "can't be read",
		`{"Responses":{"others":[{"pk":{"S":"user-"}}]}}`:           "items of table others, which was not asked",
		`{"UnprocessedKeys":{"users":{"Keys":[{"pk":{"S":"z"}}]}}}`: "that was not asked for",
		`{"Responses":{"users":[{"pk":{"S":"user-"}}`:               "ends in the middle",
		`{"ConsumedCapacity":5}`:                                    "ConsumedCapacity",
	} {
		if _, err := readBatch([]byte(text), asked(1, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{`{"Responses":[]}`, `{"Responses":[{},{}]}`, `{}`, `{"Responses":[{}],"ConsumedCapacity":5}`, `[]`} {
		if _, err := readTransact([]byte(text), asked(1, 0)); err == nil {
			t.Errorf("%s passed for an answer", text)
		}
	}
}

// An item that can't be read is the fault of its key alone.
func TestUnreadableItem(t *testing.T) {
	rows := asked(2, 2)
	if _, err := readBatch([]byte(`{"Responses":{"users":[{"pk":{"S":"user-"},"n":{"N":"one"}},{"pk":{"S":"user-x"}}]}}`), rows); err != nil {
		t.Fatal(err)
	}
	if e := entryOf(rows[0]); !e.failed || e.why.Code != dynamo.CodeBadAnswer || !strings.Contains(e.why.Message, `"one" is not a number`) {
		t.Errorf("%+v", e)
	}
	if e := entryOf(rows[1]); e.failed || string(e.items[0]) != `{"M":{}}` {
		t.Errorf("%+v", e)
	}
}

func TestCancelledReasons(t *testing.T) {
	for reasons, want := range map[string]struct {
		class deliver.Class
		code  string
	}{
		`[{"Code":"None"},{"Code":"TransactionConflict"}]`:                          {deliver.Conflict, "TransactionConflict"},
		`[{"Code":"TransactionConflict"},{"Code":"ProvisionedThroughputExceeded"}]`: {deliver.Throttled, "ProvisionedThroughputExceeded"},
		`[{"Code":"ThrottlingError"},{"Code":"TransactionConflict"}]`:               {deliver.Throttled, "ThrottlingError"},
		`[{"Code":"ThrottlingError"},{"Code":"ValidationError","Message":"odd"}]`:   {deliver.Poison, "ValidationError"},
		`[{"Code":"None"}]`: {deliver.Poison, "TransactionCanceledException"},
		`null`:              {deliver.Poison, "TransactionCanceledException"},
		``:                  {deliver.Poison, "TransactionCanceledException"},
	} {
		err := canceled(delivery.Fault(&dynamo.Error{
			Operation: callTransact, Code: "TransactionCanceledException", Class: dynamo.Poison, Status: 400, Cancellation: []byte(reasons),
		}, asked(1, 1)))
		var fault *deliver.Fault
		if !errors.As(err, &fault) || fault.Class != want.class || fault.Code != want.code {
			t.Errorf("%s: %+v", reasons, fault)
		}
	}
	plain := errors.New("plain")
	if canceled(plain) != plain {
		t.Error("an error that is not DynamoDB's was changed")
	}
}
