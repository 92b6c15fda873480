package dynamodb

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources"
)

// suite is a source that reads a table.
func suite(s *dynamotest.Server, table, body string) sourcetest.Suite {
	return sourcetest.Suite{
		New:    New,
		Body:   "connection = connection.dynamodb.main\ntable = \"" + table + "\"\n" + body,
		Blocks: map[string]any{"connection.dynamodb.main": connection(s, "")},
	}
}

func rows(n int) record.Limits { return record.Limits{Rows: n, Bytes: 4 << 20} }

// everyCut resumes a reading at each of its chunks and demands what an
// uninterrupted one gives.
func everyCut(t *testing.T, s sourcetest.Suite, limits record.Limits, want int) {
	t.Helper()
	whole, err := s.Start(t, limits)
	if err != nil {
		t.Fatal(err)
	}
	most, got := 0, 0
	for _, part := range whole.Parts {
		most, got = max(most, len(part.Cuts)), got+len(part.Rows)
	}
	if got != want {
		t.Fatalf("read %d items, want %d", got, want)
	}
	for n := range most {
		cut := func(_, cuts int) int { return min(n, cuts-1) }
		resumed, err := s.Resume(t, limits, whole, cut)
		if err != nil {
			t.Fatal(err)
		}
		if err := sourcetest.Differ(t, whole, resumed, cut); err != nil {
			t.Error(err)
		}
	}
}

// TestGoesOnBehindAnyItem checks that the service goes on exactly behind the key
// of any item, in whatever is read.
func TestGoesOnBehindAnyItem(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 30)
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"scan":                               {"", 30},
		"segments, small pages":              {"segments = 3\npage_size = 4", 30},
		"filter":                             {"page_size = 7\nfilter = item.n < 20", 20},
		"filter that drops whole pages":      {"page_size = 2\nfilter = item.n == 3 || item.n == 29", 2},
		"consistent":                         {"consistent_read = true", 30},
		"index, scan":                        {"index = \"by_group\"\nsegments = 2", 30},
		"index, query":                       {"index = \"by_group\"\nkey_condition = item.group == \"g0\"\npage_size = 4", 10},
		"index, query, descending":           {"index = \"by_group\"\nkey_condition = item.group == \"g0\"\ndescending = true", 10},
		"index, query, filter":               {"index = \"by_group\"\nkey_condition = item.group == \"g0\"\nfilter = item.id < \"020\"", 7},
		"query, limit":                       {"index = \"by_group\"\nkey_condition = item.group == \"g0\"\nlimit = 7", 7},
		"scan, limit":                        {"limit = 17\npage_size = 5", 17},
		"projection without the key":         {"projection = [\"n\"]\nsegments = 2", 30},
		"projection without an index's keys": {"index = \"by_group\"\nprojection = [\"id\", \"[\\\"odd.name\\\"].in[0]\"]", 30},
		"read capacity":                      {"read_capacity = 1000\npage_size = 11", 30},
	} {
		t.Run(name, func(t *testing.T) { everyCut(t, suite(s, table, c.body), rows(3), c.want) })
	}
}

// TestGoesOnBehindEveryKindOfKey has keys of all three types, two attributes, and
// values that need care in JSON; and an index whose keys many items share.
func TestGoesOnBehindEveryKindOfKey(t *testing.T) {
	s := dynamotest.Start(t)
	table := s.Create(t, dynamotest.Table{
		Keys:    []dynamotest.Key{dynamotest.B("b\"é"), dynamotest.N("n.n")},
		Indexes: []dynamotest.Index{{Name: "same", Keys: []dynamotest.Key{dynamotest.S("s")}}},
	})
	var items []dynamotest.Item
	for i := range 24 {
		items = append(items, dynamotest.Item{
			"b\"é": &types.AttributeValueMemberB{Value: []byte{byte(i % 4), 0xff, '"'}},
			"n.n":  &types.AttributeValueMemberN{Value: fmt.Sprintf("%d.5", i-12)},
			"s":    &types.AttributeValueMemberS{Value: fmt.Sprintf("\u0001<\\\"%d", i%2)},
		})
	}
	s.Put(t, table, items...)
	for name, body := range map[string]string{
		"scan": "segments = 2", "index": "index = \"same\"", "nothing of the keys": "projection = [\"s\"]",
	} {
		t.Run(name, func(t *testing.T) { everyCut(t, suite(s, table, body), rows(1), 24) })
	}
}

func TestKeysThatAreNotAskedForAreInNoRow(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 4)
	got := read(t, decoded(t, connection(s, ""), table, "index = \"by_group\"\nprojection = [\"n\", \"none\"]"))
	if got.err != nil || len(got.items) != 4 {
		t.Fatal(got.err, got.items)
	}
	for _, item := range got.items {
		if fields := item.Fields(); len(fields) != 1 || fields[0].Name != "n" {
			t.Errorf("read %s", attr.AppendDynamoJSON(nil, item))
		}
	}
}

// TestLimitCountsWhatWasRead cuts a scan of several segments that may read some
// items only.
func TestLimitCountsWhatWasRead(t *testing.T) {
	s := dynamotest.Start(t)
	limited := suite(s, numbered(t, s, 60), "limit = 17\nsegments = 3\npage_size = 4")
	whole, err := limited.Start(t, rows(2))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		cut := func(_, cuts int) int { return min(n, cuts-1) }
		resumed, err := limited.Resume(t, rows(2), whole, cut)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		total := 0
		for i, part := range whole.Parts {
			before := part.Rows[:part.Cuts[cut(i, len(part.Cuts))].Rows]
			for _, row := range append(before[:len(before):len(before)], resumed.Parts[i].Rows...) {
				seen[row] = true
				total++
			}
		}
		if total != 17 || len(seen) != 17 {
			t.Errorf("cut at %d: %d items, %d different ones", n, total, len(seen))
		}
	}
}

// TestItemsThatChange deletes the item that the position names, and others: the
// rest comes, once.
func TestItemsThatChange(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 20)
	scan := suite(s, table, "")
	whole, err := scan.Start(t, rows(6))
	if err != nil {
		t.Fatal(err)
	}
	part := whole.Parts[0]
	id := func(row string) string {
		v, err := attr.ParseDynamoJSON([]byte(`{"M":` + row + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return v.Get("id").Text()
	}
	for _, row := range []int{0, 4, 5, 7} {
		if _, err := s.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table,
			Key: dynamotest.Item{"id": &types.AttributeValueMemberS{Value: id(part.Rows[row])}}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := scan.Resume(t, rows(100), whole, func(int, int) int { return 1 })
	if err != nil {
		t.Fatal(err)
	}
	var ids, want []string
	for _, row := range got.Parts[0].Rows {
		ids = append(ids, id(row))
	}
	for _, row := range append([]string{part.Rows[6]}, part.Rows[8:]...) {
		want = append(want, id(row))
	}
	if fmt.Sprint(ids) != fmt.Sprint(want) || got.Parts[0].Origins[0].Seq != 6 {
		t.Errorf("read %v, want %v; the first is number %d", ids, want, got.Parts[0].Origins[0].Seq)
	}
}

func TestAnotherTable(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 5)
	scan := suite(s, table, "")
	whole, err := scan.Start(t, rows(2))
	if err != nil {
		t.Fatal(err)
	}
	start := func(int, int) int { return 0 }
	for body, want := range map[string]string{
		"index = \"by_group\"":               "the run to be resumed read table " + table + " by a Scan, and this is a Scan of index by_group: run without --resume",
		"key_condition = item.id == \"001\"": "by a Scan, and this is a Query",
	} {
		if _, err := suite(s, table, body).Resume(t, rows(2), whole, start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	other := numbered(t, s, 5)
	if _, err := suite(s, other, "").Resume(t, rows(2), whole, start); err == nil || !strings.Contains(err.Error(), "read table "+table+", and this is table "+other) {
		t.Errorf("another table: %v", err)
	}
	if _, err := s.Client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &table}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
	}); err != nil {
		t.Fatal(err)
	}
	want := "table " + table + " is not the one that the run to be resumed read: that was created at "
	if _, err := scan.Resume(t, rows(2), whole, start); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "run without --resume") {
		t.Errorf("created again: %v, want %s", err, want)
	}
}

// TestSegmentsStay resumes a scan of more segments than the table's size asks for.
func TestSegmentsStay(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 20)
	whole, err := suite(s, table, "segments = 4").Start(t, rows(2))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(_, cuts int) int { return min(1, cuts-1) }
	got, err := suite(s, table, "").Resume(t, rows(2), whole, cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := sourcetest.Differ(t, whole, got, cut); err != nil {
		t.Error(err)
	}
}

func TestStateIsReadable(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 5)
	whole, err := suite(s, table, "index = \"by_group\"\nkey_condition = item.group == \"g0\"").Start(t, rows(1))
	if err != nil {
		t.Fatal(err)
	}
	var id map[string]any
	if err := json.Unmarshal(whole.Identity, &id); err != nil || id["table"] != table || id["operation"] != "Query" || id["index"] != "by_group" ||
		id["segments"] != 1.0 || !strings.HasSuffix(fmt.Sprint(id["arn"]), table) || id["id"] == nil || id["created"] == nil {
		t.Errorf("identity %s, %v", whole.Identity, err)
	}
	for i, want := range []string{
		`null`, `{"segment":0,"items":1,"after":{"id":{"S":"000"},"group":{"S":"g0"},"n":{"N":"0"}}}`, `{"segment":0,"items":2,"done":true}`,
	} {
		if got := string(whole.Parts[0].Cuts[i].Position); got != want {
			t.Errorf("position %d is %s, want %s", i, got, want)
		}
	}
}

// reader is a source that is not connected.
func reader(segments int) *source {
	s := &source{table: "t", keys: []dynamo.Key{{Name: "pk", Kind: attr.String}, {Name: "sk", Kind: attr.Number}}, env: sourcetest.Env(record.NewPool(), rows(1))}
	for i := range segments {
		s.readers = append(s.readers, newPartition(s, i))
	}
	return s
}

func TestDamagedState(t *testing.T) {
	p := reader(2).readers[1]
	for saved, want := range map[string]string{
		`{`: "unexpected end", `[]`: "cannot unmarshal", `{"segment":0,"items":1,"done":true}`: "it is of segment 0",
		`{"segment":1,"items":-1,"done":true}`:                                          "-1 items do not go with the rest",
		`{"segment":1,"items":1}`:                                                       "1 items do not go with the rest",
		`{"segment":1,"items":1,"done":true,"after":{}}`:                                "1 items do not go with the rest",
		`{"segment":1,"items":1,"after":{"pk":{"S":"x"}}}`:                              "not the attributes of a key",
		`{"segment":1,"items":1,"after":{"pk":{"S":"x"},"sk":{"S":"1"}}}`:               "no number as its key sk",
		`{"segment":1,"items":1,"after":{"pk":{"S":"x"},"x":{"N":"1"}}}`:                "no number as its key sk",
		`{"segment":1,"items":1,"after":{"pk":{"S":"x"},"sk":{"N":"1"},"x":{"S":"a"}}}`: "not the attributes of a key",
		`{"segment":1,"items":1,"after":7}`:                                             "",
	} {
		err := p.goOn(json.RawMessage(saved))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the saved position in segment 1 of table t is damaged") || !strings.Contains(err.Error(), "--resume") {
			t.Errorf("%s: %v, want %s", saved, err, want)
		}
	}
	config := &Config{}
	is := identity{Table: "t", Operation: "Scan", Segments: 1}
	for saved, want := range map[string]string{
		`x`: "is damaged", `{"table":"t","operation":"Scan"}`: "0 segments", `{"table":"t","operation":"Scan","segments":-1}`: "-1 segments",
		`{"table":"t","operation":"Query","segments":2}`:      "2 segments",
		`{"table":"t","operation":"Scan","segments":3}`:       "2 positions for 3 segments",
		`{"table":"t","operation":"Scan","segments":1e9}`:     "is damaged",
		`{"table":"t","operation":"Scan","segments":2000000}`: "2000000 segments",
	} {
		_, err := config.resumed(is, &sources.Resume{Identity: json.RawMessage(saved), Positions: make([]json.RawMessage, 2)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--resume") {
			t.Errorf("%s: %v, want %s", saved, err, want)
		}
	}
}

// TestCanNotBeResumed has reads of which too little is known.
func TestCanNotBeResumed(t *testing.T) {
	table := &dynamo.Table{Name: "t"}
	if err := (&Config{}).opaque(table, nil); err == nil || !strings.Contains(err.Error(), "dynamodb:DescribeTable") {
		t.Errorf("not described: %v", err)
	}
	table.Keys = []dynamo.Key{{Name: "pk", Kind: attr.String}}
	var many []dynamo.Path
	for i := range record.MaxColumns {
		many = append(many, dynamo.Path{{Name: fmt.Sprint("a", i)}})
	}
	paths, hidden := withKeys(many, table.Keys)
	if err := (&Config{}).opaque(table, paths); err == nil || !strings.Contains(err.Error(), "add them") || len(hidden) > 0 || len(paths) != len(many) {
		t.Errorf("a long projection: %v, %d paths", err, len(paths))
	}
	paths, hidden = withKeys(many[1:], table.Keys)
	if err := (&Config{}).opaque(table, paths); err != nil || len(hidden) != 1 || len(paths) != len(many) {
		t.Errorf("one less: %v, %d paths", err, len(paths))
	}
}

// FuzzPosition takes up positions that nobody saved. One that is accepted makes
// a request that is JSON, and is the same when it is saved again.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{
		`null`, ``, `{"segment":0,"items":1,"after":{"pk":{"S":"x"},"sk":{"N":"1"}}}`, `{"segment":0,"items":9,"done":true}`,
		`{"segment":0,"items":1,"after":{"sk":{"N":"1"},"pk":{"S":"\ud800"}}}`, `{"items":1,"after":{"pk":{"S":"x"},"sk":{"N":"1"}}}{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, saved []byte) {
		s := reader(1)
		s.prefix = []byte(`{"TableName":"t"`)
		p := s.readers[0]
		if p.goOn(saved) != nil {
			return
		}
		if body := p.body(1); !json.Valid(body) {
			t.Fatalf("the request is %s", body)
		}
		first, err := p.Position()
		if err != nil {
			t.Fatal(err)
		}
		q := reader(1).readers[0]
		if err := q.goOn(first); err != nil {
			t.Fatalf("%s is not taken up: %v", first, err)
		}
		if second, err := q.Position(); err != nil || string(second) != string(first) {
			t.Errorf("%s became %s, %v", first, second, err)
		}
	})
}
