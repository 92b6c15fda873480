package lookup

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
)

// Get is a get block, as far as others have to know it.
type Get struct {
	Name, Table string
	Key         []string // the attributes that it names
}

// Gets is the get blocks.
func (c *Config) Gets() []Get {
	gets := make([]Get, len(c.gets))
	for i, g := range c.gets {
		gets[i] = Get{Name: g.name, Table: g.table}
		for _, k := range g.key {
			gets[i].Key = append(gets[i].Key, k.Name)
		}
	}
	return gets
}

// Give has a get find these items, in place of asking its table: tests have no
// server. Of two items with one key the later counts. The error says which item
// can't be one of the table, and why. It comes before Open, for every get or none.
func (c *Config) Give(name string, items []attr.Value) error {
	i := slices.IndexFunc(c.gets, func(g get) bool { return g.name == name })
	g := &c.gets[i]
	t := &given{items: map[string][]byte{}}
	for _, k := range g.key {
		t.keys = append(t.keys, dynamo.Key{Name: k.Name, Kind: keyKind(k.Expr.Kinds(), k.Name, items)})
	}
	for n, item := range items {
		var id []byte
		for _, k := range t.keys {
			v := item.Get(k.Name)
			if v.Kind() != k.Kind {
				return &NotAnItem{n, fmt.Sprintf("%q is of the key of get %q, and must be a %s in each item, not %s", k.Name, name, k.Kind, v.Kind())}
			}
			id = attr.KeyBytes(id, v)
		}
		read := project(item, g.paths)
		if read.Kind() == attr.Absent {
			read = attr.MapValue(nil) // the item is there, with nothing of what is asked for
		}
		t.items[string(id)] = attr.AppendDynamoJSON(nil, read)
	}
	g.given = t
	return nil
}

// NotAnItem is why Give takes an item for none of the table's.
type NotAnItem struct {
	Item int
	Why  string
}

func (e *NotAnItem) Error() string { return e.Why }

// keyKind is the type of a key attribute: what the items have, or without any what
// the row's expression gives.
func keyKind(kinds expr.Kinds, name string, items []attr.Value) attr.Kind {
	for _, item := range items {
		switch k := item.Get(name).Kind(); k {
		case attr.String, attr.Number, attr.Binary:
			return k
		}
	}
	for _, k := range []attr.Kind{attr.Number, attr.Binary} {
		if !kinds.Has(attr.String) && kinds.Has(k) {
			return k
		}
	}
	return attr.String
}

// given is the items that stand for a table's.
type given struct {
	keys  []dynamo.Key
	items map[string][]byte // DynamoDB JSON of the item as a map, by the bytes of its key
}

// givenSender finds what the core's requests ask for among given items.
type givenSender struct{ transaction bool }

var _ deliver.Sender = givenSender{}

// Send answers for every row.
func (s givenSender) Send(_ context.Context, r *deliver.Request) (deliver.Answer, error) {
	var c attr.Compactor
	for _, row := range r.Rows {
		e := entryOf(row)
		e.items, e.failed = make([][]byte, len(e.target)), false
		ids := []byte(e.id)
		for i, t := range e.target {
			id := ids
			if s.transaction {
				size, n := binary.Uvarint(ids)
				id, ids = ids[n:n+int(size)], ids[n+int(size):]
			}
			if item := t.given.items[string(id[1:])]; item != nil { // the first byte is the target's number
				e.take(&c, i, attr.ItemOf(item))
			}
		}
	}
	return deliver.Answer{}, nil
}

// project is what a ProjectionExpression of the paths leaves of a value (AWS:
// "Using projection expressions in DynamoDB"): elements of a list close up.
func project(v attr.Value, paths []dynamo.Path) attr.Value {
	if len(paths) == 0 {
		return v
	}
	for _, p := range paths {
		if len(p) == 0 {
			return v
		}
	}
	switch v.Kind() {
	case attr.Map:
		var fields []attr.Field
		for _, f := range v.Fields() {
			rest := behind(paths, func(s dynamo.Step) bool { return s.Name == f.Name && s.Name != "" })
			if inner := project(f.Value, rest); rest != nil && inner.Kind() != attr.Absent {
				fields = append(fields, attr.Field{Name: f.Name, Value: inner})
			}
		}
		if fields != nil {
			return attr.MapValue(fields)
		}
	case attr.List:
		var elems []attr.Value
		for i, e := range v.Elems() {
			rest := behind(paths, func(s dynamo.Step) bool { return s.Name == "" && s.Index == i })
			if inner := project(e, rest); rest != nil && inner.Kind() != attr.Absent {
				elems = append(elems, inner)
			}
		}
		if elems != nil {
			return attr.ListValue(elems)
		}
	}
	return attr.Value{} // a path into a scalar reads nothing
}

// behind is the rest of the paths whose first step is of a kind.
func behind(paths []dynamo.Path, first func(dynamo.Step) bool) (rest []dynamo.Path) {
	for _, p := range paths {
		if first(p[0]) {
			rest = append(rest, p[1:])
		}
	}
	return rest
}
