package estimate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

const (
	// looks is how many stored items are read, to see whether puts would drop
	// attributes that they have.
	looks = 5
	// milliseconds are numbers of the time to live that are no seconds: 1e11
	// seconds are the year 5138.
	milliseconds = 1e11
)

// stored is an item that is put.
type stored struct {
	key   []byte // DynamoDB JSON
	id    string
	names []string
}

// keep keeps the names of the first items' attributes.
func (t *tableUse) keep(k *delivery.Key, item attr.Value) {
	id := string(k.Bytes())
	if len(t.samples) == looks || slices.ContainsFunc(t.samples, func(s stored) bool { return s.id == id }) {
		return
	}
	s := stored{key: k.Append(nil), id: id}
	for _, f := range item.Fields() {
		s.names = append(s.names, f.Name)
	}
	t.samples = append(t.samples, s)
}

// expiry is what items have of numbers that could be times: by attribute, since
// the one that matters is only known at the end.
type expiry struct {
	seen map[string]*times
	rows int64
}

type times struct {
	present, numbers, late int64 // late: too large to be seconds
	example                string
}

func (e *expiry) see(item attr.Value) {
	if e.seen == nil {
		e.seen = map[string]*times{}
	}
	e.rows++
	for _, f := range item.Fields() {
		t := e.seen[f.Name]
		if t == nil {
			if len(e.seen) == mostAttributes {
				continue
			}
			t = &times{}
			e.seen[f.Name] = t
		}
		t.present++
		if f.Value.Kind() != attr.Number {
			if t.example == "" && f.Value.Kind() == attr.String {
				t.example = f.Value.Text()
			}
			continue
		}
		t.numbers++
		if n, err := strconv.ParseFloat(f.Value.Text(), 64); err == nil && n >= milliseconds {
			t.late++
			t.example = f.Value.Text()
		}
	}
}

// asked is what was asked of the tables that writes go to.
type asked struct {
	table string // the read capacity that it took
	units float64
	found []found
}

// found is what was learnt of one table.
type found struct {
	use     *tableUse
	expires string         // the attribute of its time to live
	dropped map[string]int // attributes that stored items have and puts have not
	items   int            // that are stored under the keys that were asked for
}

// look asks for the time to live of tables that are put to, and for some of the
// items that puts would replace. It only reads; what may not be asked is a note.
func (s *sink) look(ctx context.Context) {
	for _, t := range s.use.tables {
		if len(t.samples) == 0 {
			continue
		}
		f := found{use: t, dropped: map[string]int{}}
		if t.table.Described.ToBe {
			f.expires = t.table.Described.TimeToLive
			s.asked.found = append(s.asked.found, f)
			continue
		}
		var err error
		if f.expires, err = s.x.Client.TimeToLive(ctx, t.table.Name); err != nil {
			s.notes = append(s.notes, "whether items expire was not looked up: "+err.Error())
		}
		if err := s.compare(ctx, &f); err != nil {
			s.notes = append(s.notes, "what is stored was not looked at: "+err.Error())
		}
		s.asked.found = append(s.asked.found, f)
	}
}

// compare reads the items that the first puts would replace.
func (s *sink) compare(ctx context.Context, f *found) error {
	t := f.use
	body := attr.AppendJSONString([]byte(`{"RequestItems":{`), t.table.Name)
	body = append(body, `:{"Keys":[`...)
	for i, one := range t.samples {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, one.key...)
	}
	body = append(body, `]}},"ReturnConsumedCapacity":"TOTAL"}`...)
	answer, err := s.x.Client.Call(ctx, "BatchGetItem", body)
	if err != nil {
		return err
	}
	var page dynamo.BatchPage
	if err := dynamo.ParseBatchPage(answer, &page); err != nil {
		return fmt.Errorf("BatchGetItem: %w", err)
	}
	var took []struct{ CapacityUnits float64 }
	if json.Unmarshal(page.Consumed, &took) == nil {
		for _, c := range took {
			s.asked.table = t.table.Name
			s.asked.units += c.CapacityUnits
		}
	}
	for _, one := range page.Found {
		item, err := parseItem(one.Item)
		if err != nil {
			return fmt.Errorf("BatchGetItem: %w", err)
		}
		f.items++
		i := slices.IndexFunc(t.samples, func(put stored) bool { return sameKey(t.table, put.key, item) })
		if i < 0 {
			continue
		}
		for _, field := range item.Fields() {
			if !slices.Contains(t.samples[i].names, field.Name) {
				f.dropped[field.Name]++
			}
		}
	}
	return nil
}

// sameKey reports that an item has a key.
func sameKey(t *delivery.Table, key []byte, item attr.Value) bool {
	want, err := parseItem(key)
	if err != nil {
		return false
	}
	for _, k := range t.Keys {
		if string(attr.KeyBytes(nil, want.Get(k.Name))) != string(attr.KeyBytes(nil, item.Get(k.Name))) {
			return false
		}
	}
	return true
}
