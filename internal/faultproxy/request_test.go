package faultproxy

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseFindsTablesItemsAndCosts(t *testing.T) {
	long := `{"S":"` + strings.Repeat("x", 3000) + `"}`
	for _, c := range []struct {
		operation, body string
		tables          []string
		costs           []float64
	}{
		{"BatchWriteItem", `{"RequestItems":{"b":[{"DeleteRequest":{"Key":{"k":{"S":"1"}}}}],"a":[{"PutRequest":{"Item":{"k":{"S":"1"},"t":` + long + `}}}]}}`,
			[]string{"a", "b"}, []float64{3, 1}},
		{"BatchGetItem", `{"RequestItems":{"a":{"Keys":[{"k":{"S":"1"}},{"k":{"S":"2"}}]},"b":{"ConsistentRead":true,"Keys":[{"k":{"N":"1"}}]}}}`,
			[]string{"a", "b"}, []float64{0.5, 0.5, 1}},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"a","Item":{"k":{"S":"1"}}}},{"ConditionCheck":{"TableName":"b","Key":{"k":{"S":"1"}}}}]}`,
			[]string{"a", "b"}, []float64{2, 2}},
		{"TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"a","Key":{"k":{"S":"1"}}}}]}`, []string{"a"}, []float64{2}},
		{"PutItem", `{"TableName":"arn:aws:dynamodb:eu-west-1:1:table/a","Item":{"k":{"S":"1"}}}`, []string{"arn:aws:dynamodb:eu-west-1:1:table/a"}, []float64{1}},
		{"UpdateItem", `{"TableName":"a","Key":{"k":{"S":"1"}}}`, []string{"a"}, []float64{1}},
		{"Scan", `{"TableName":"a"}`, []string{"a"}, []float64{0}},
		{"ExecuteStatement", `{"Statement":"SELECT 1"}`, nil, nil},
		{"DescribeTable", `not looked at`, nil, nil},
	} {
		r, err := parse(c.operation, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.operation, err)
			continue
		}
		var costs []float64
		for i := range r.actions {
			costs = append(costs, r.estimate(&r.actions[i]))
		}
		if !slices.Equal(r.tables(), c.tables) || !slices.Equal(costs, c.costs) {
			t.Errorf("%s: tables %v, costs %v", c.operation, r.tables(), costs)
		}
	}
}

func TestBrokenBodiesAreLeftToTheServer(t *testing.T) {
	for operation, bodies := range map[string][]string{
		"BatchWriteItem":     {`{`, `null`, `[]`, `{}`, `{"RequestItems":[]}`, `{"RequestItems":{"a":[{}]}}`, `{"RequestItems":{"a":[1]}}`},
		"BatchGetItem":       {`{}`, `{"RequestItems":{"a":[]}}`},
		"TransactWriteItems": {`{"TransactItems":[{}]}`, `{"TransactItems":[{"Put":{},"Delete":{}}]}`, `{"TransactItems":[{"Put":1}]}`},
		"PutItem":            {``, `{"TableName":1}`},
	} {
		for _, body := range bodies {
			r, err := parse(operation, []byte(body))
			if err == nil {
				t.Errorf("%s %s: no error", operation, body)
			}
			if same, err := r.body([]byte(body), nil); err != nil || string(same) != body {
				t.Errorf("%s %s is forwarded as %s, %v", operation, body, same, err)
			}
		}
	}
}

// What is kept and what is given back are the whole batch, with all that
// belongs to a table's keys.
func TestBatchIsSplitWithoutLoss(t *testing.T) {
	body := `{"RequestItems":{"a":{"Keys":[{"k":{"N":"1.0"}},{"k":{"N":"2"}}],"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":"n"}},"b":{"Keys":[{"k":{"S":"<"}}]}}}`
	r, err := parse("BatchGetItem", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	kept := []bool{false, true, false}
	forwarded, err := r.body([]byte(body), kept)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, forwarded, `{"ReturnConsumedCapacity":"INDEXES","RequestItems":{"a":{"Keys":[{"k":{"N":"2"}}],"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":"n"}}}}`)

	answer := `{"Responses":{"a":[]},"ConsumedCapacity":[{"TableName":"a","CapacityUnits":0.5,"Table":{"CapacityUnits":0.5}}],
		"UnprocessedKeys":{"a":{"Keys":[{"k":{"N":"2"}}],"ProjectionExpression":"#n"}}}`
	got, used, err := r.response([]byte(answer), kept)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, got, `{"Responses":{"a":[]},"UnprocessedKeys":{"a":{"Keys":[{"k":{"N":"2"}},{"k":{"N":"1.0"}}],"ProjectionExpression":"#n"},"b":{"Keys":[{"k":{"S":"<"}}]}}}`)
	if len(used) != 1 || used[0].CapacityUnits != 0.5 {
		t.Errorf("consumed %v", used)
	}
}

// The client sees as much of consumed capacity as it asked for.
func TestCapacityIsShownAsAsked(t *testing.T) {
	answer := `{"ConsumedCapacity":{"TableName":"a","CapacityUnits":3,"Table":{"CapacityUnits":2},"GlobalSecondaryIndexes":{"g":{"CapacityUnits":1}}}}`
	for asked, want := range map[string]string{
		``:                                     `{}`,
		`"ReturnConsumedCapacity":"NONE",`:     `{}`,
		`"ReturnConsumedCapacity":"TOTAL",`:    `{"ConsumedCapacity":{"TableName":"a","CapacityUnits":3}}`,
		`"ReturnConsumedCapacity":"INDEXES",`:  answer,
		`"ReturnConsumedCapacity":["INDEX"] ,`: `{}`,
	} {
		r, err := parse("PutItem", []byte(`{`+asked+`"TableName":"a","Item":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		got, used, err := r.response([]byte(answer), []bool{true})
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, got, want)
		if len(used) != 1 || used[0].ownUnits() != 2 {
			t.Errorf("%s: consumed %v", asked, used)
		}
	}
}

func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPartitionIsThatOfTheKey(t *testing.T) {
	a, ok := partitionOf([]byte(`{"k":{"S":"x"},"n":{"N":"1"}}`), "k")
	b, _ := partitionOf([]byte(`{"n":{"N":"2"}, "k": {"S":"\u0078"}}`), "k")
	c, _ := partitionOf([]byte(`{"k":{"S":"y"}}`), "k")
	if !ok || a != b || a == c {
		t.Errorf("hashes %d, %d, %d", a, b, c)
	}
	for _, item := range []string{``, `{}`, `[]`, `{"k":1}`, `{"n":{"N":"1"}}`} {
		if _, ok := partitionOf([]byte(item), "k"); ok {
			t.Errorf("%q has a partition", item)
		}
	}
}

// Whatever the body, it can be taken apart and put together: nothing panics,
// and what is forwarded and given back has every action of it once.
func FuzzParse(f *testing.F) {
	f.Add("BatchWriteItem", []byte(`{"RequestItems":{"a":[{"PutRequest":{"Item":{"k":{"S":"1"}}}},{"DeleteRequest":{"Key":{"k":{"S":"2"}}}}]}}`), uint64(1))
	f.Add("BatchGetItem", []byte(`{"RequestItems":{"a":{"Keys":[{"k":{"N":"1"}},{"k":{"N":"2"}}],"ConsistentRead":true}}}`), uint64(2))
	f.Add("TransactWriteItems", []byte(`{"TransactItems":[{"Update":{"TableName":"a","Key":{"k":{"B":"eA=="}}}}]}`), uint64(3))
	f.Add("PutItem", []byte(`{"TableName":"a","Item":{"k":{"M":{"x":{"L":[{"NULL":true}]}}}},"ReturnConsumedCapacity":"TOTAL"}`), uint64(0))
	f.Add("Query", []byte(`{"TableName":"\ud800"}`), uint64(0))
	f.Add("BatchWriteItem", []byte(`{"RequestItems":{"a":null,"b":[null]}}`), uint64(0))
	f.Fuzz(func(t *testing.T, operation string, body []byte, mask uint64) {
		r, err := parse(operation, body)
		if err != nil && len(r.actions) > 0 {
			t.Fatal("actions in spite of an error")
		}
		kept := make([]bool, len(r.actions))
		for i := range r.actions {
			kept[i] = r.batch() == "" || mask>>(i%64)&1 == 1
			r.estimate(&r.actions[i])
			partitionOf(r.actions[i].item, "k")
		}
		forwarded, err := r.body(body, kept)
		if err != nil {
			t.Fatal(err)
		}
		answer, _, err := r.response([]byte(`{}`), kept)
		if err != nil {
			t.Fatal(err)
		}
		if r.batch() == "" || r.fields == nil || !slices.Contains(kept, false) {
			return
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(answer, &back); err != nil {
			t.Fatal(err)
		}
		again := reparse(t, operation, forwarded)
		rest := reparse(t, operation, []byte(`{"RequestItems":`+string(back[r.batch()])+`}`))
		if again+rest != len(kept) || again != count(kept, true) {
			t.Fatalf("%d forwarded and %d given back of %d", again, rest, len(kept))
		}
	})
}

func reparse(t *testing.T, operation string, body []byte) int {
	t.Helper()
	r, err := parse(operation, body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return len(r.actions)
}

// Whatever a server answers, the proxy says what is wrong or gives it on.
func FuzzResponse(f *testing.F) {
	f.Add("BatchWriteItem", []byte(`{"UnprocessedItems":{"a":[{}]},"ConsumedCapacity":[{"TableName":"a","CapacityUnits":1}]}`))
	f.Add("BatchGetItem", []byte(`{"UnprocessedKeys":{"a":{"Keys":[{}]}},"ConsumedCapacity":{"CapacityUnits":1}}`))
	f.Add("BatchGetItem", []byte(`{"UnprocessedKeys":{"a":null},"ConsumedCapacity":null}`))
	f.Fuzz(func(t *testing.T, operation string, answer []byte) {
		body := map[string]string{
			"BatchWriteItem": `{"RequestItems":{"a":[{"DeleteRequest":{"Key":{}}}]}}`,
			"BatchGetItem":   `{"RequestItems":{"a":{"Keys":[{}]}}}`,
		}[operation]
		if body == "" {
			return
		}
		r, err := parse(operation, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := r.response(answer, []bool{false})
		if err == nil && !json.Valid(got) {
			t.Fatalf("%s becomes %s", answer, got)
		}
	})
}
