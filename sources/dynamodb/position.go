package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

var (
	_ sources.Resumable  = (*source)(nil)
	_ sources.Positioned = (*partition)(nil)
)

// position is how far a segment, or a query, has been read (promise 5). DynamoDB
// goes on behind any key, that of an item in the middle of a page too, and
// whether or not there still is such an item (AWS API reference, Scan,
// ExclusiveStartKey).
type position struct {
	Segment int             `json:"segment"`
	Items   int64           `json:"items"`           // that have been read
	After   json.RawMessage `json:"after,omitempty"` // the key to go on behind; none is the beginning
	Done    bool            `json:"done,omitempty"`  // there is nothing behind
}

// Position implements sources.Positioned.
func (p *partition) Position() (json.RawMessage, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	return json.Marshal(p.at)
}

// Next gives the next chunk, and notes where it ends.
func (p *partition) Next(ctx context.Context) (sources.Chunk, error) {
	chunk, err := p.read(ctx)
	if err != nil {
		return chunk, err
	}
	p.note(chunk)
	chunk.Batch = p.source.without(chunk.Batch)
	return chunk, nil
}

// note keeps the position after a chunk.
func (p *partition) note(c sources.Chunk) {
	last, rejected := int64(-1), false
	if c.Batch != nil {
		places := c.Batch.Origins().Pos
		last = places[len(places)-1].Seq
	}
	if n := len(c.Rejects); n > 0 && c.Rejects[n-1].Origin.Seq > last {
		last, rejected = c.Rejects[n-1].Origin.Seq, true
	}
	p.at, p.lost = position{Segment: p.segment, Items: last + 1}, nil
	switch {
	case last+1 == p.seq: // the page has been given whole
		p.at.After, p.at.Done = p.last, p.last == nil
	case rejected:
		p.at.After, p.lost = p.source.keyIn(c.Rejects[len(c.Rejects)-1].Raw)
	default:
		p.at.After, p.lost = p.source.key(func(name string) attr.Value { return attr.Get(c.Batch, name, c.Batch.Rows()-1) })
	}
}

// key is a key as requests have it.
func (s *source) key(of func(name string) attr.Value) (json.RawMessage, error) {
	text := []byte{'{'}
	for i, k := range s.keys {
		v := of(k.Name)
		if v.Kind() != k.Kind {
			return nil, fmt.Errorf("an item of table %s has no %s as its key %s, which says where in the table it is", s.table, k.Kind, k.Name)
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(attr.AppendJSONString(text, k.Name), ':')
		text = attr.AppendDynamoJSON(text, v)
	}
	return append(text, '}'), nil
}

// keyIn is the key of an item.
func (s *source) keyIn(item []byte) (json.RawMessage, error) {
	v, err := attr.ParseDynamoJSON(slices.Concat([]byte(`{"M":`), item, []byte{'}'}))
	if err != nil {
		return nil, err
	}
	return s.key(v.Get)
}

// goOn begins where an earlier run had got to.
func (p *partition) goOn(saved json.RawMessage) error {
	if saved = bytes.TrimSpace(saved); len(saved) == 0 || string(saved) == "null" {
		return nil // nothing had been read
	}
	var at position
	err := json.Unmarshal(saved, &at)
	switch {
	case err != nil:
	case at.Segment != p.segment:
		err = fmt.Errorf("it is of segment %d", at.Segment)
	case at.Items < 0 || at.Done && at.After != nil || at.Items > 0 && !at.Done && at.After == nil:
		err = fmt.Errorf("%d items do not go with the rest of it", at.Items)
	case at.After != nil:
		at.After, err = p.source.checkKey(at.After)
	}
	if err != nil {
		return fmt.Errorf("the saved position in segment %d of table %s is damaged: %w; %s", p.segment, p.source.table, err, again)
	}
	p.at, p.seq, p.last, p.started = at, at.Items, at.After, at.Done || at.After != nil
	return nil
}

// checkKey is a saved key, spelled anew.
func (s *source) checkKey(saved json.RawMessage) (json.RawMessage, error) {
	v, err := attr.ParseDynamoJSON(slices.Concat([]byte(`{"M":`), saved, []byte{'}'}))
	if err != nil {
		return nil, err
	}
	if len(v.Fields()) != len(s.keys) {
		return nil, errors.New("it has not the attributes of a key")
	}
	return s.key(v.Get)
}

// keysOf is the attributes that say where in what is read an item is: the
// table's key, and the index's.
func (c *Config) keysOf(t *dynamo.Table) []dynamo.Key {
	keys := slices.Clone(t.Keys)
	index, _ := t.Index(c.index)
	for _, k := range index.Keys {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// missingKeys is the keys that a projection leaves out.
func missingKeys(paths []dynamo.Path, keys []dynamo.Key) []string {
	var missing []string
	for _, k := range keys {
		if len(paths) > 0 && !slices.ContainsFunc(paths, func(p dynamo.Path) bool { return p[0].Name == k.Name }) {
			missing = append(missing, k.Name)
		}
	}
	return missing
}

// withKeys is the paths and the keys that they leave out, which are read to know
// where in the table an item is, and are in no row. Where a batch could not give each
// attribute a column, it is the paths alone.
func withKeys(paths []dynamo.Path, keys []dynamo.Key) (asked []dynamo.Path, hidden []string) {
	hidden = missingKeys(paths, keys)
	if len(paths)+len(hidden) > record.MaxColumns {
		return paths, nil
	}
	asked = slices.Clone(paths)
	for _, name := range hidden {
		asked = append(asked, dynamo.Path{{Name: name}})
	}
	return asked, hidden
}

// without is a batch without the attributes that are in no row.
func (s *source) without(b *record.Batch) *record.Batch {
	if b == nil || len(s.hidden) == 0 {
		return b
	}
	defer b.Release()
	var columns []record.Column
	for i := range b.Columns() {
		if c := b.Column(i); !slices.Contains(s.hidden, c.Name) {
			columns = append(columns, c)
		}
	}
	return record.New(columns, b.OverflowArray(), b.Origins())
}
