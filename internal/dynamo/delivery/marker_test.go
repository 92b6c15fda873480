package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
)

// A transaction's identity is the same for the same row of the same run and sink,
// and for no other.
func TestIdentities(t *testing.T) {
	at := record.Origin{Source: "source.csv.a", File: "a.csv", Segment: -1, Seq: 7}
	others := []record.Origin{
		{Source: "source.csv.b", File: "a.csv", Segment: -1, Seq: 7}, {Source: "source.csv.a", File: "b.csv", Segment: -1, Seq: 7},
		{Source: "source.csv.a", File: "a.csv", Segment: 1, Seq: 7}, {Source: "source.csv.a", File: "a.csv", Segment: -1, Seq: 8},
		{Source: "source.csv.a", File: "a.csv", Segment: -1, Seq: 7, Sub: 1},
	}
	seen := map[string]bool{}
	own := NewIdentities(nil, "run", "sink.update.a")
	for _, of := range []Identities{own, NewIdentities(nil, "run", "sink.update.b"), NewIdentities(nil, "other", "sink.update.a")} {
		for _, o := range append(others, at) {
			seen[string(of.ofRow(o).AppendToken(nil))] = true
		}
	}
	for _, of := range []Identities{own, NewIdentities(nil, "run", "sink.update.b")} {
		seen[string(of.ofKey("key").AppendToken(nil))] = true
	}
	if len(seen) != 3*6+2 {
		t.Errorf("%d tokens, want 20", len(seen))
	}
	again := NewIdentities(nil, "run", "sink.update.a")
	if own.ofRow(at) != again.ofRow(at) {
		t.Error("two identities of one row")
	}
	if other := NewIdentities(nil, "other", "sink.update.a"); own.ofKey("key") != other.ofKey("key") {
		t.Error("a key is not the same in another run")
	}
	for token := range seen {
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{36}$`).MatchString(token) {
			t.Errorf("token %q", token)
		}
	}
}

func batchOf(t *testing.T, rows ...string) *record.Batch {
	t.Helper()
	b := attr.NewBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i, row := range rows {
		if err := b.AddItem([]byte(row)); err != nil {
			t.Fatal(err)
		}
		b.EndRow(record.Pos{Seq: int64(i)})
	}
	batch := b.Batch(&record.Place{Source: "source.test.rows", Segment: -1})
	t.Cleanup(batch.Release)
	return batch
}

// A digest is that of values: of the same rows in another layout it is the same,
// of others, or of other actions, another.
func TestDigests(t *testing.T) {
	digest := func(verb, table string, rows ...string) string {
		d := NewDigest()
		d.Row(batchOf(t, `{"x":{"S":"before"}}`), 0)
		d.Reset()
		for _, row := range rows { // a batch each
			d.Action(verb, table)
			d.Row(batchOf(t, row), 0)
		}
		return string(d.appendSum(nil))
	}
	const row, other = `{"pk":{"S":"a"},"n":{"N":"1.50"},"m":{"M":{"a":{"SS":["x","y"]},"b":{"NULL":true}}}}`, `{"pk":{"S":"b"}}`
	own := digest("Put", "users", row, other)
	if again := digest("Put", "users", `{"m":{"M":{"b":{"NULL":true},"a":{"SS":["y","x"]}}},"pk":{"S":"a"},"n":{"N":"1.5"}}`, other); again != own {
		t.Error("the layout of a row makes a difference")
	}
	for name, d := range map[string]string{
		"order": digest("Put", "users", other, row), "fewer": digest("Put", "users", row), "verb": digest("Delete", "users", row, other),
		"table":   digest("Put", "user", row, other),
		"value":   digest("Put", "users", strings.Replace(row, "1.50", "1.51", 1), other),
		"null":    digest("Put", "users", strings.Replace(row, `,"b":{"NULL":true}`, "", 1), other),
		"binary":  digest("Put", "users", row, `{"pk":{"B":"Yg=="}}`),
		"missing": digest("Put", "users", row, `{}`),
	} {
		if d == own {
			t.Errorf("%s makes no difference", name)
		}
	}
	both := NewDigest()
	b := batchOf(t, row, other)
	for i := range 2 {
		both.Action("Put", "users")
		both.Row(b, i)
	}
	if string(both.appendSum(nil)) != own {
		t.Error("batches make a difference")
	}
}

// A marker is an item of its table whatever the names of the attributes there,
// and knows its size.
func TestMarkerItems(t *testing.T) {
	now := time.Unix(1800000001, 0)
	for _, table := range []*dynamo.Table{
		{Keys: []dynamo.Key{{Name: "id", Kind: attr.String}}},
		{Keys: []dynamo.Key{{Name: `p"k`, Kind: attr.String}, {Name: "sort#", Kind: attr.String}}},
	} {
		m := newMarker("markers", table, "ex.pires", "sink.update.a", 48*time.Hour)
		of, d := Identity{1, 2, 3}, NewDigest()
		d.Action("Put", "users")
		body, again := m.Append([]byte(TransactionHead+"{}"), of, d, now)
		body = append(AppendTransactionTail(body, again), '}')
		var request struct {
			TransactItems []struct {
				Put struct {
					TableName, ConditionExpression, ReturnValuesOnConditionCheckFailure string
					Item                                                                json.RawMessage
					ExpressionAttributeNames                                            map[string]string
				}
			}
			ClientRequestToken string
		}
		if err := json.Unmarshal(body, &request); err != nil || len(request.TransactItems) != 2 {
			t.Fatalf("%s: %v", body, err)
		}
		put := request.TransactItems[1].Put
		item, ok := parseItem(put.Item)
		if !ok || put.TableName != "markers" || put.ExpressionAttributeNames["#m"] != table.Keys[0].Name || len(item.Fields()) != 3+len(table.Keys) {
			t.Errorf("%s", body)
		}
		if got := item.Get("ex.pires").Text(); got != fmt.Sprint(1800000001+48*3600) {
			t.Errorf("expires at %s", got)
		}
		if key := item.Get(table.Keys[0].Name).Text(); !regexp.MustCompile(`^dynapipe#[A-Za-z0-9_-]{43}$`).MatchString(key) {
			t.Errorf("key %q", key)
		}
		size := 0
		for _, f := range item.Fields() {
			size += len(f.Name) + f.Value.Size()
		}
		if m.Size != size || m.Units != 2 {
			t.Errorf("size %d, units %v; want %d, 2", m.Size, m.Units, size)
		}
		if !sameDigest(body, put.Item) || sameDigest(body, []byte(strings.Replace(string(put.Item), attributeDigest, "other", 1))) || sameDigest(body, nil) {
			t.Error("the digest is not found")
		}
		later, other := m.Append([]byte(TransactionHead+"{}"), of, d, now.Add(time.Second))
		if again == other || !sameDigest(later, put.Item) {
			t.Error("a repetition at another time has the same token, or another digest")
		}
		if again, same := m.Append([]byte(TransactionHead+"{}"), of, d, now.Add(time.Second)); string(again) != string(later) || same != other {
			t.Error("one transaction, two texts")
		}
	}
	large := newMarker("markers", &dynamo.Table{Keys: []dynamo.Key{{Name: strings.Repeat("k", 255), Kind: attr.String}, {Name: strings.Repeat("s", 255), Kind: attr.String}}},
		strings.Repeat("e", 255), "sink.update."+strings.Repeat("n", 200), time.Hour)
	if large.Units != 4 || large.Caps().Bytes != 4<<20-large.Size || large.Caps().Items != 99 {
		t.Errorf("%d bytes take %v units: %+v", large.Size, large.Units, large.Caps())
	}
	if caps := (*Marker)(nil).Caps(); caps != deliver.TransactWriteCaps() {
		t.Errorf("caps without a marker: %+v", caps)
	}
}

// What a cancelled transaction means by its marker.
func TestMarkersDecide(t *testing.T) {
	const own, others = `,"Item":{"id":{"S":"x"},"dynapipe_digest":{"S":"own"}}}`, `,"Item":{"id":{"S":"x"},"dynapipe_digest":{"S":"ow"}}}`
	const unmet, none = `{"Code":"ConditionalCheckFailed"`, `{"Code":"None"}`
	written, skipped := deliver.Class(200), deliver.Class(201)
	s := &Transaction{OnFailure: FailureSkips, Marker: &Marker{Table: "markers"}}
	for text, want := range map[string]deliver.Class{
		none + "," + unmet + own:                                                    written,
		unmet + "}," + unmet + own:                                                  written,
		`{"Code":"TransactionConflict"},` + unmet + own:                             written,
		`{"Code":"ValidationError"},` + unmet + own:                                 written,
		none + "," + unmet + others:                                                 deliver.Poison,
		none + "," + unmet + "}":                                                    deliver.Poison,
		unmet + "}," + none:                                                         skipped,
		unmet + `},{"Code":"TransactionConflict"}`:                                  deliver.Conflict,
		unmet + `},{"Code":"ThrottlingError"}`:                                      deliver.Throttled,
		`{"Code":"TransactionConflict"},` + none:                                    deliver.Conflict,
		`{"Code":"ThrottlingError"},` + none:                                        deliver.Throttled,
		`{"Code":"ValidationError"},` + none:                                        deliver.Poison,
		none + `,{"Code":"ValidationError","Message":"no such attribute"}`:          deliver.Permanent,
		unmet + `},{"Code":"ItemCollectionSizeLimitExceeded","Message":"too much"}`: deliver.Permanent,
	} {
		row := &deliver.Row{Table: "users", Body: []byte(`{"TransactItems":[{` + digestHead + `own"}}]`)}
		a, err := s.failed(row, []*deliver.Row{row}, &dynamo.Error{Code: "TransactionCanceledException", Class: dynamo.Poison, Status: 400, Cancellation: []byte("[" + text + "]")})
		var fault *deliver.Fault
		got := written
		switch {
		case errors.As(err, &fault):
			got = fault.Class
		case len(a.Skipped) > 0:
			got = skipped
		}
		if got != want {
			t.Errorf("%s: %v (%v), want %v", text, got, err, want)
		}
		if want == deliver.Permanent && !strings.Contains(err.Error(), "table markers does not take the marker") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
