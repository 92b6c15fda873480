package faultproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The fields for consumed capacity, and what a request may ask of it.
const (
	askCapacity = "ReturnConsumedCapacity"
	hasCapacity = "ConsumedCapacity"
	withIndexes = "INDEXES"
	withTotal   = "TOTAL"
)

// asked is what the client wants to know of consumed capacity.
func (r *request) asked() string {
	var level string
	// Something else than a string is for the server to refuse.
	_ = json.Unmarshal(r.fields[askCapacity], &level)
	return level
}

// body is the body to forward: the actions that are kept, and a question for
// the capacity they consume by index. It is the client's own where nothing of
// that changes it.
func (r *request) body(original []byte, kept []bool) ([]byte, error) {
	part := r.batch() != "" && slices.Contains(kept, false)
	if r.fields == nil || !part && r.asked() == withIndexes {
		return original, nil
	}
	fields := maps.Clone(r.fields)
	fields[askCapacity] = json.RawMessage(`"` + withIndexes + `"`)
	if part {
		items, err := r.requestItems(kept, true)
		if err != nil {
			return nil, err
		}
		fields["RequestItems"] = items
	}
	return json.Marshal(fields)
}

// requestItems is a RequestItems of the actions of a batch for which kept is want.
func (r *request) requestItems(kept []bool, want bool) (json.RawMessage, error) {
	lists := map[string][]json.RawMessage{}
	for i, a := range r.actions {
		if kept[i] == want {
			lists[a.table] = append(lists[a.table], a.raw)
		}
	}
	if !want {
		// DynamoDB promises no order.
		for _, list := range lists {
			slices.Reverse(list)
		}
	}
	if r.operation == "BatchWriteItem" {
		return json.Marshal(lists)
	}
	// A table's keys come with its projection and the like, also when they are
	// given back.
	var tables map[string]map[string]json.RawMessage
	if err := json.Unmarshal(r.fields["RequestItems"], &tables); err != nil {
		return nil, err
	}
	for table, settings := range tables {
		if len(lists[table]) == 0 {
			delete(tables, table)
			continue
		}
		keys, err := json.Marshal(lists[table])
		if err != nil {
			return nil, err
		}
		settings["Keys"] = keys
	}
	return json.Marshal(tables)
}

// merge adds what is given back to what an answer gives back by itself.
func merge(operation string, own, back json.RawMessage) (json.RawMessage, error) {
	if own == nil || bytes.Equal(own, []byte("{}")) || bytes.Equal(own, []byte("null")) {
		return back, nil
	}
	if operation == "BatchWriteItem" {
		var a, b map[string][]json.RawMessage
		if err := unmarshalBoth(own, back, &a, &b); err != nil {
			return nil, err
		}
		for table, items := range b {
			a[table] = append(a[table], items...)
		}
		return json.Marshal(a)
	}
	var a, b map[string]map[string]json.RawMessage
	if err := unmarshalBoth(own, back, &a, &b); err != nil {
		return nil, err
	}
	for table, settings := range b {
		if a[table] == nil {
			a[table] = settings
			continue
		}
		var x, y []json.RawMessage
		if err := unmarshalBoth(a[table]["Keys"], settings["Keys"], &x, &y); err != nil {
			return nil, err
		}
		keys, err := json.Marshal(append(x, y...))
		if err != nil {
			return nil, err
		}
		a[table]["Keys"] = keys
	}
	return json.Marshal(a)
}

func unmarshalBoth(a, b json.RawMessage, x, y any) error {
	if err := json.Unmarshal(a, x); err != nil {
		return err
	}
	return json.Unmarshal(b, y)
}

// consumed is one table's entry of a ConsumedCapacity.
type consumed struct {
	TableName              string
	CapacityUnits          float64
	LocalSecondaryIndexes  map[string]units
	GlobalSecondaryIndexes map[string]units
}

type units struct{ CapacityUnits float64 }

// ownUnits are those that count against the table: all but those of its global
// secondary indexes, which have a throughput of their own (AWS, "Using global
// secondary indexes").
func (c *consumed) ownUnits() float64 {
	n := c.CapacityUnits
	for _, index := range c.GlobalSecondaryIndexes {
		n -= index.CapacityUnits
	}
	return n
}

// consumption reads the ConsumedCapacity of an answer: an object, or a list of
// them for several tables.
func consumption(raw json.RawMessage) ([]consumed, error) {
	if raw == nil {
		return nil, nil
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		var list []consumed
		err := json.Unmarshal(raw, &list)
		return list, err
	}
	var one consumed
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, err
	}
	return []consumed{one}, nil
}

// shown is a ConsumedCapacity as the client asked for it; nil for none.
func shown(raw json.RawMessage, asked string) (json.RawMessage, error) {
	switch asked {
	case withIndexes:
		return raw, nil
	case withTotal:
	default:
		return nil, nil
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		var list []map[string]json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		for _, entry := range list {
			withoutDetail(entry)
		}
		return json.Marshal(list)
	}
	var entry map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entry); err != nil {
		return nil, err
	}
	withoutDetail(entry)
	return json.Marshal(entry)
}

func withoutDetail(entry map[string]json.RawMessage) {
	for _, name := range []string{"Table", "LocalSecondaryIndexes", "GlobalSecondaryIndexes"} {
		delete(entry, name)
	}
}

// response is the body of an answer to a request of which some actions were not
// forwarded, and what it says of consumed capacity. The body is the server's
// own where nothing changes it.
func (r *request) response(body []byte, kept []bool) ([]byte, []consumed, error) {
	if r.fields == nil {
		return body, nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, nil, fmt.Errorf("the server's answer to %s: %w", r.operation, err)
	}
	used, err := consumption(fields[hasCapacity])
	if err != nil {
		return nil, nil, fmt.Errorf("the server's answer to %s: %s: %w", r.operation, hasCapacity, err)
	}
	part := r.batch() != "" && slices.Contains(kept, false)
	if !part && (r.asked() == withIndexes || fields[hasCapacity] == nil) {
		return body, used, nil
	}
	if err := r.rewrite(fields, kept, part); err != nil {
		return nil, nil, fmt.Errorf("the server's answer to %s: %w", r.operation, err)
	}
	body, err = json.Marshal(fields)
	return body, used, err
}

func (r *request) rewrite(fields map[string]json.RawMessage, kept []bool, part bool) error {
	if raw := fields[hasCapacity]; raw != nil {
		capacity, err := shown(raw, r.asked())
		if err != nil {
			return err
		}
		if fields[hasCapacity] = capacity; capacity == nil {
			delete(fields, hasCapacity)
		}
	}
	if !part {
		return nil
	}
	back, err := r.requestItems(kept, false)
	if err != nil {
		return err
	}
	fields[r.batch()], err = merge(r.operation, fields[r.batch()], back)
	return err
}
