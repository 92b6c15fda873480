package faultproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// effect is what an operation does to items.
type effect uint8

const (
	none effect = iota
	read
	write
)

// String is the word in DynamoDB's throttling reasons.
func (e effect) String() string { return [...]string{"None", "Read", "Write"}[e] }

// effectOf is what an operation does to items. A PartiQL statement may do
// either, and counts as a read: it is passed on without a look inside.
func effectOf(operation string) effect {
	switch operation {
	case "GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan",
		"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction":
		return read
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems":
		return write
	}
	return none
}

// Operations are the operations that can be denied: those on items, and those
// on tables that tools for moving data use.
func Operations() []string {
	return []string{
		"BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "CreateTable", "DeleteItem",
		"DeleteTable", "DescribeContinuousBackups", "DescribeLimits", "DescribeTable",
		"DescribeTimeToLive", "ExecuteStatement", "ExecuteTransaction", "GetItem", "ListTables",
		"ListTagsOfResource", "PutItem", "Query", "Scan", "TagResource", "TransactGetItems",
		"TransactWriteItems", "UpdateContinuousBackups", "UpdateItem", "UpdateTable", "UpdateTimeToLive",
	}
}

// request is what is needed of a request.
type request struct {
	operation string
	effect    effect
	fields    map[string]json.RawMessage // of the body; nil when it is not looked at
	actions   []action                   // in the request's order, tables by name
}

// action is one item that a request reads or writes.
type action struct {
	table    string          // as the request names it: a name or an ARN
	raw      json.RawMessage // the entry of a list, as it came
	item     json.RawMessage // the item or its key; nil for a query or scan
	whole    bool            // item is all of it, so its size is known
	strongly bool            // a strongly consistent read
}

// transactional operations cost twice (AWS, "Transactions: how it works").
func (r *request) transactional() bool {
	return r.operation == "TransactWriteItems" || r.operation == "TransactGetItems"
}

// batch is the field of a request with what an answer may give back, and the
// field of the answer.
func (r *request) batch() (unprocessed string) {
	switch r.operation {
	case "BatchWriteItem":
		return "UnprocessedItems"
	case "BatchGetItem":
		return "UnprocessedKeys"
	}
	return ""
}

// items is how many of the actions that are kept name an item.
func (r *request) items(kept []bool) int {
	n := 0
	for i, a := range r.actions {
		if kept[i] && a.item != nil {
			n++
		}
	}
	return n
}

// tables are the tables of a request, each once, as it names them.
func (r *request) tables() []string {
	var names []string
	for _, a := range r.actions {
		if !slices.Contains(names, a.table) {
			names = append(names, a.table)
		}
	}
	return names
}

// parse takes apart the body of an operation on items. With an error it is for
// the server to say what is wrong; the request then has no actions.
func parse(operation string, body []byte) (*request, error) {
	r := &request{operation: operation, effect: effectOf(operation)}
	if r.effect == none {
		return r, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return r, fmt.Errorf("the body of %s: %w", operation, err)
	}
	if fields == nil {
		return r, errors.New("the body is null")
	}
	var actions []action
	var err error
	switch operation {
	case "BatchWriteItem":
		actions, err = batchWrites(fields["RequestItems"])
	case "BatchGetItem":
		actions, err = batchGets(fields["RequestItems"])
	case "TransactWriteItems", "TransactGetItems":
		actions, err = transaction(fields["TransactItems"])
	default:
		actions, err = single(body)
	}
	if err != nil {
		return r, fmt.Errorf("the body of %s: %w", operation, err)
	}
	r.fields, r.actions = fields, actions
	return r, nil
}

// entry is what names a table and an item: a whole request or one action of a
// transaction.
type entry struct {
	TableName      string
	Item, Key      json.RawMessage
	ConsistentRead bool
}

func (e *entry) action(raw json.RawMessage) action {
	a := action{table: e.TableName, raw: raw, item: e.Key, strongly: e.ConsistentRead}
	if e.Item != nil {
		a.item, a.whole = e.Item, true
	}
	return a
}

func single(body []byte) ([]action, error) {
	var e entry
	if err := json.Unmarshal(body, &e); err != nil || e.TableName == "" {
		return nil, err
	}
	return []action{e.action(nil)}, nil
}

func batchWrites(items json.RawMessage) ([]action, error) {
	var tables map[string][]json.RawMessage
	if err := unmarshal(items, &tables); err != nil {
		return nil, err
	}
	var actions []action
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		for _, raw := range tables[table] {
			var w struct{ PutRequest, DeleteRequest *entry }
			if err := json.Unmarshal(raw, &w); err != nil {
				return nil, err
			}
			e := w.PutRequest
			if e == nil {
				e = w.DeleteRequest
			}
			if e == nil {
				return nil, errors.New("an entry that neither puts nor deletes")
			}
			e.TableName = table
			actions = append(actions, e.action(raw))
		}
	}
	return actions, nil
}

func batchGets(items json.RawMessage) ([]action, error) {
	var tables map[string]struct {
		Keys           []json.RawMessage
		ConsistentRead bool
	}
	if err := unmarshal(items, &tables); err != nil {
		return nil, err
	}
	var actions []action
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		for _, key := range tables[table].Keys {
			actions = append(actions, action{table: table, raw: key, item: key, strongly: tables[table].ConsistentRead})
		}
	}
	return actions, nil
}

func transaction(items json.RawMessage) ([]action, error) {
	var list []map[string]json.RawMessage
	if err := unmarshal(items, &list); err != nil {
		return nil, err
	}
	var actions []action
	for _, verbs := range list {
		if len(verbs) != 1 {
			return nil, fmt.Errorf("an entry of %d actions", len(verbs))
		}
		for _, raw := range verbs {
			var e entry
			if err := json.Unmarshal(raw, &e); err != nil {
				return nil, err
			}
			actions = append(actions, e.action(raw))
		}
	}
	return actions, nil
}

// unmarshal is json.Unmarshal for a field that may be missing.
func unmarshal(raw json.RawMessage, v any) error {
	if raw == nil {
		return errors.New("a field is missing")
	}
	return json.Unmarshal(raw, v)
}

// tableName is the name in a table's name or ARN
// (arn:aws:dynamodb:REGION:ACCOUNT:table/NAME).
func tableName(s string) string {
	if strings.HasPrefix(s, "arn:") {
		if _, name, found := strings.Cut(s, ":table/"); found {
			name, _, _ = strings.Cut(name, "/")
			return name
		}
	}
	return s
}

// What a unit pays for, in bytes (AWS, "Capacity unit consumption").
const (
	writeUnit = 1024
	readUnit  = 4096
)

// estimate is what an action costs its table at least, in units, as far as the
// request shows it. What a query or a scan costs only the answer shows.
func (r *request) estimate(a *action) float64 {
	if a.item == nil {
		return 0
	}
	cost := 1.0
	if r.effect == write && a.whole {
		cost = math.Max(1, math.Ceil(float64(itemSize(a.item))/writeUnit))
	}
	switch {
	case r.transactional():
		return 2 * cost
	case r.effect == read && !a.strongly:
		return cost / 2
	}
	return cost
}

// itemSize is the size of an item by AWS's rule; of text that is no item, the
// text's.
func itemSize(item json.RawMessage) int {
	v, ok := attributes(item)
	if !ok {
		return len(item)
	}
	n := 0
	for _, f := range v.Fields() {
		n += len(f.Name) + f.Value.Size()
	}
	return n
}

// partitionOf is a hash of the value of the partition key, if there is one.
func partitionOf(item json.RawMessage, key string) (hash uint64, ok bool) {
	v, ok := attributes(item)
	if !ok || key == "" {
		return 0, false
	}
	value := v.Get(key)
	if value.Kind() == attr.Absent {
		return 0, false
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(value.Text())) // never an error (package hash)
	return h.Sum64(), true
}

// attributes reads an item or key as the map that it is.
func attributes(item json.RawMessage) (attr.Value, bool) {
	if !bytes.HasPrefix(item, []byte("{")) {
		return attr.Value{}, false
	}
	v, err := attr.ParseDynamoJSON(slices.Concat([]byte(`{"M":`), item, []byte("}")))
	return v, err == nil
}
