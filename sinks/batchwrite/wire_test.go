package batchwrite

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

const usersARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/users"

// example is a request to two tables, one of them named by its ARN.
func example(t testing.TB) (*sender, []*deliver.Row) {
	t.Helper()
	known := delivery.NewTables(nil, nil, nil)
	known.Adopt("orders", &dynamo.Table{Keys: []dynamo.Key{{Name: "user", Kind: attr.String}, {Name: "n", Kind: attr.Number}}})
	known.Adopt(usersARN, &dynamo.Table{ARN: usersARN, Keys: []dynamo.Key{{Name: "id", Kind: attr.Binary}}})
	row := func(table, body string, keys ...string) *deliver.Row {
		var key []byte
		for _, k := range keys {
			v, err := attr.ParseDynamoJSON([]byte(k))
			if err != nil {
				t.Fatal(err)
			}
			key = attr.KeyBytes(key, v)
		}
		return &deliver.Row{Table: table, Key: string(key), Body: []byte(body)}
	}
	return &sender{tables: known}, []*deliver.Row{
		row("orders", `{"PutRequest":{"Item":{"user":{"S":"a"},"n":{"N":"1.0"},"x":{"S":"y"}}}}`, `{"S":"a"}`, `{"N":"1.0"}`),
		row("orders", `{"DeleteRequest":{"Key":{"user":{"S":"a"},"n":{"N":"2"}}}}`, `{"S":"a"}`, `{"N":"2"}`),
		row(usersARN, `{"PutRequest":{"Item":{"id":{"B":"AAE="}}}}`, `{"B":"AAE="}`),
	}
}

func TestRequestBody(t *testing.T) {
	_, rows := example(t)
	want := `{"RequestItems":{"orders":[` + string(rows[0].Body) + "," + string(rows[1].Body) + `],"` + usersARN + `":[` + string(rows[2].Body) +
		`]},"ReturnConsumedCapacity":"INDEXES"}`
	got := appendRequest(nil, rows)
	if string(got) != want || !json.Valid(got) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	caps := deliver.BatchWriteCaps()
	if room := caps.Envelope + 3 + 2*caps.PerTable + len("orders") + len(usersARN) + len(rows[0].Body) + len(rows[1].Body) + len(rows[2].Body); len(got) > room {
		t.Errorf("the body has %d bytes, and %d are reckoned with", len(got), room)
	}
}

func TestAnswers(t *testing.T) {
	s, rows := example(t)
	for name, c := range map[string]struct {
		text string
		want deliver.Answer
		err  string
	}{
		"all taken": {`{"UnprocessedItems":{}}`, deliver.Answer{}, ""},
		"nothing":   {`{}`, deliver.Answer{}, ""},
		"given back, spelled otherwise": {
			`{"UnprocessedItems":{"orders":[{"DeleteRequest":{"Key":{"n":{"N":"2.00"},"user":{"S":"\u0061"}}}},` +
				`{"PutRequest":{"Item":{"x":{"S":"y"},"n":{"N":"10e-1"},"user":{"S":"a"}}}}]}}`,
			deliver.Answer{Unprocessed: []int{0, 1}}, "",
		},
		"a table by its name": {
			`{"UnprocessedItems":{"users":[{"PutRequest":{"Item":{"id":{"B":"AAE="}}}}]},"ConsumedCapacity":[{"TableName":"users","CapacityUnits":2}]}`,
			deliver.Answer{Unprocessed: []int{2}, Consumed: []deliver.Consumed{{Table: usersARN, Units: 2}}}, "",
		},
		"given back twice": {
			`{"UnprocessedItems":{"orders":[{"DeleteRequest":{"Key":{"n":{"N":"2"},"user":{"S":"a"}}}},{"DeleteRequest":{"Key":{"n":{"N":"2"},"user":{"S":"a"}}}}]}}`,
			deliver.Answer{Unprocessed: []int{1}}, "",
		},
		"capacity by index": {
			`{"ConsumedCapacity":[{"TableName":"orders","CapacityUnits":6,"Table":{"CapacityUnits":3},"LocalSecondaryIndexes":{"l":{"CapacityUnits":1}},"GlobalSecondaryIndexes":{"g":{"CapacityUnits":2}}}]}`,
			deliver.Answer{Consumed: []deliver.Consumed{{Table: "orders", Units: 3}, {Table: "orders", Index: "l", Units: 1}, {Table: "orders", Index: "g", Units: 2}}}, "",
		},
		"another item":  {`{"UnprocessedItems":{"orders":[{"DeleteRequest":{"Key":{"n":{"N":"3"},"user":{"S":"a"}}}}]}}`, deliver.Answer{}, "was not in the request"},
		"another table": {`{"UnprocessedItems":{"other":[{"DeleteRequest":{"Key":{"n":{"N":"2"},"user":{"S":"a"}}}}]}}`, deliver.Answer{}, "was not in the request"},
		"no item":       {`{"UnprocessedItems":{"orders":[{}]}}`, deliver.Answer{}, "can't be read"},
		"no JSON":       {`{"Unprocessed`, deliver.Answer{}, "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.parse([]byte(c.text), rows)
			slices.Sort(got.Unprocessed)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("error: %v", err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// FuzzAnswer: whatever comes back, what is taken from it are rows of the
// request, each once.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"UnprocessedItems":{"orders":[{"DeleteRequest":{"Key":{"n":{"N":"2"},"user":{"S":"a"}}}}]}}`))
	f.Add([]byte(`{"UnprocessedItems":{"users":[{"PutRequest":{"Item":{"id":{"B":"AAE="}}}}]},"ConsumedCapacity":[{"TableName":"users","CapacityUnits":2}]}`))
	f.Add([]byte(`{"UnprocessedItems":{"users":[{"PutRequest":null},null],"orders":null},"ConsumedCapacity":[null,{"GlobalSecondaryIndexes":{"g":null}}]}`))
	s, rows := example(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := s.parse(text, rows)
		if err != nil {
			return
		}
		slices.Sort(a.Unprocessed)
		if n := len(a.Unprocessed); n > 0 && (a.Unprocessed[0] < 0 || a.Unprocessed[n-1] >= len(rows)) || len(slices.Compact(slices.Clone(a.Unprocessed))) != n {
			t.Errorf("unprocessed: %v", a.Unprocessed)
		}
	})
}

// An answer that was seen before is read as the first time, under the name that
// the request at hand has for the table; one that gives rows back always anew.
func TestAnswersSeenBefore(t *testing.T) {
	s, rows := example(t)
	text := []byte(`{"UnprocessedItems":{},"ConsumedCapacity":[{"TableName":"users","CapacityUnits":1}]}`)
	byARN, byName := rows[2:], []*deliver.Row{{Table: "users"}}
	for range 2 {
		for _, c := range []struct {
			rows []*deliver.Row
			want string
		}{{byARN, usersARN}, {byName, "users"}} {
			a, err := s.parse(text, c.rows)
			if err != nil || len(a.Consumed) != 1 || a.Consumed[0].Table != c.want {
				t.Errorf("%+v, %v; want %s", a, err, c.want)
			}
		}
	}
	back := []byte(`{"UnprocessedItems":{"orders":[{"DeleteRequest":{"Key":{"n":{"N":"2"},"user":{"S":"a"}}}}]}}`)
	for range 2 {
		if a, err := s.parse(back, rows[:2]); err != nil || !slices.Equal(a.Unprocessed, []int{1}) {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := s.parse(back, rows[1:2]); err != nil || !slices.Equal(a.Unprocessed, []int{0}) {
			t.Errorf("%+v, %v", a, err)
		}
	}
	for i := range 2 * maxUsual {
		if _, err := s.parse(fmt.Appendf(nil, `{"ConsumedCapacity":[{"TableName":"users","CapacityUnits":%d}]}`, i), byName); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.usual.known); n > maxUsual {
		t.Errorf("%d answers are remembered", n)
	}
}
