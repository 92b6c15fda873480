package lookup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// batchSender carries the core's requests to BatchGetItem.
type batchSender struct{ group *group }

var _ deliver.Sender = (*batchSender)(nil)

// Send makes one attempt, and hands over what was found before it returns.
func (s *batchSender) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	text, err := s.group.client.Call(ctx, callBatch, appendBatch(make([]byte, 0, r.Bytes), r.Rows))
	if err != nil {
		return deliver.Answer{}, delivery.Fault(err, r.Rows)
	}
	answer, err := readBatch(text, r.Rows)
	if err != nil {
		return deliver.Answer{}, delivery.Unreadable(callBatch, err)
	}
	return answer, nil
}

const askForCapacity = `"ReturnConsumedCapacity":"INDEXES"}`

// appendBatch appends the request's body. Rows of one table stand together.
func appendBatch(dst []byte, rows []*deliver.Row) []byte {
	dst = append(dst, `{"RequestItems":{`...)
	for i, row := range rows {
		switch {
		case i > 0 && row.Table == rows[i-1].Table:
			dst = append(dst, ',')
		case i > 0:
			dst = append(closeTable(dst, rows[i-1]), ',')
			fallthrough
		default:
			dst = append(attr.AppendJSONString(dst, row.Table), `:{"Keys":[`...)
		}
		dst = append(dst, row.Body...)
	}
	dst = closeTable(dst, rows[len(rows)-1])
	return append(append(dst, "},"...), askForCapacity...)
}

func closeTable(dst []byte, last *deliver.Row) []byte {
	dst = append(dst, ']')
	dst = append(dst, entryOf(last).target[0].settings...)
	return append(dst, '}')
}

func entryOf(row *deliver.Row) *entry { return row.Receipt.(*entry) }

// readBatch gives the items of an answer to their entries.
func readBatch(text []byte, rows []*deliver.Row) (a deliver.Answer, err error) {
	var page dynamo.BatchPage
	if err := dynamo.ParseBatchPage(text, &page); err != nil {
		return a, err
	}
	if a.Consumed, err = consumed(page.Consumed, rows); err != nil {
		return a, err
	}
	f := newFinder(rows)
	for _, back := range page.Back {
		i, err := f.find(back)
		if err != nil {
			return a, err
		}
		if !slices.Contains(a.Unprocessed, i) {
			a.Unprocessed = append(a.Unprocessed, i)
		}
	}
	var c attr.Compactor
	for _, item := range page.Found {
		i, err := f.find(item)
		if err != nil {
			return a, err
		}
		e := entryOf(rows[i])
		e.items, e.failed = e.one[:], false
		e.take(&c, 0, item.Item)
	}
	return a, nil
}

// take keeps an item that was found.
func (e *entry) take(c *attr.Compactor, i int, item []byte) {
	cell, err := c.CompactItem(make([]byte, 0, len(item)+len(`{"M":}`)), item, e.target[i].without)
	if err != nil {
		e.fail(dynamo.CodeBadAnswer, fmt.Sprintf("the item can't be read: %s", err))
		return
	}
	e.items[i] = cell
}

// consumed is what the tables took.
func consumed(text []byte, rows []*deliver.Row) (out []deliver.Consumed, err error) {
	if text == nil {
		return nil, nil
	}
	var list []delivery.Capacity
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("ConsumedCapacity: %w", err)
	}
	for i := range list {
		out = list[i].Append(out, rows)
	}
	return out, nil
}

// finder finds the row of a request that an item, or a key, of its answer is of.
// They come in any order.
type finder struct {
	rows    []*deliver.Row
	targets map[string]*target // by the table's name in the answer
	asSent  map[string]int     // row by target and key, as it was sent
	byID    map[string]int     // row by the entry's id; made when it is needed
	values  [][]byte
	text    []byte
}

func newFinder(rows []*deliver.Row) *finder {
	f := &finder{rows: rows, targets: map[string]*target{}, asSent: make(map[string]int, len(rows))}
	for i, row := range rows {
		t := entryOf(row).target[0]
		f.text = append(append(f.text[:0], t.number), row.Body...)
		f.asSent[string(f.text)] = i
	}
	return f
}

func (f *finder) find(item dynamo.TableItem) (int, error) {
	t, err := f.target(item.Table)
	if err != nil {
		return 0, err
	}
	if f.values, err = dynamo.Pick(f.values[:0], item.Item, t.names); err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(f.values, func(v []byte) bool { return v == nil }); i >= 0 {
		return 0, fmt.Errorf("the answer has an item of table %s without its key %q", t.table.Name, t.names[i])
	}
	f.text = append(f.text[:0], t.number)
	for i, name := range t.names {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		f.text = attr.AppendJSONString(append(f.text, separator), name)
		f.text = append(append(f.text, ':'), f.values[i]...)
	}
	if i, ok := f.asSent[string(append(f.text, '}'))]; ok {
		return i, nil
	}
	return f.byValue(t)
}

// byValue finds a key that the answer spells otherwise.
func (f *finder) byValue(t *target) (int, error) {
	f.text = append(f.text[:0], t.number)
	for _, text := range f.values {
		v, err := attr.ParseDynamoJSON(text)
		if err != nil {
			return 0, fmt.Errorf("the answer has a key that can't be read: %w", err)
		}
		f.text = attr.KeyBytes(f.text, v)
	}
	if f.byID == nil {
		f.byID = make(map[string]int, len(f.rows))
		for i, row := range f.rows {
			f.byID[row.Key] = i
		}
	}
	if i, ok := f.byID[string(f.text)]; ok {
		return i, nil
	}
	return 0, fmt.Errorf("the answer has an item of table %s that was not asked for", t.table.Name)
}

// target is that of a table which the answer may name by its name or its ARN.
func (f *finder) target(name string) (*target, error) {
	if t := f.targets[name]; t != nil {
		return t, nil
	}
	called := delivery.RequestName(name, f.rows)
	for _, row := range f.rows {
		if row.Table == called {
			f.targets[name] = entryOf(row).target[0]
			return f.targets[name], nil
		}
	}
	return nil, fmt.Errorf("the answer has items of table %s, which was not asked", name)
}
