// Package dedupe lets one row of each key through, among rows that are near each
// other.
//
//	dedupe.go  the block, and the keys seen lately
//	first.go   keep = "first": rows go on at once
//	last.go    keep = "last": rows wait for what comes after them
package dedupe

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Which row of a key goes on.
const (
	keepFirst = "first"
	keepLast  = "last"
)

// defaultWindow is far enough for what is delivered twice, and few enough rows
// to hold.
const defaultWindow = 100_000

// Config is a transform "dedupe" block.
type Config struct {
	key    *expr.Expr
	keep   string
	window int
}

var _ transforms.Config = (*Config)(nil)

// New is a block with the defaults.
func New() transforms.Config { return &Config{keep: keepFirst, window: defaultWindow} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Lets one row of each key through, among rows that are near each other.",
		Example: examples,
		Doc: "Keys are compared by value: 1 is 1.0, and the text \"1\" is another key. A row without a key, because it is null or a list of nothing but nulls, has no duplicates and goes on. " +
			"A row on which the key fails is rejected, and does not count in the window.\n\n" +
			"With `keep = \"first\"` a row is a duplicate when one of the `window` rows before it has its key, and memory holds that many keys. " +
			"With `keep = \"last\"` it is one when one of the `window` rows after it has, so rows wait until that many have come: memory holds that many rows, " +
			"and what other branches bring meanwhile waits where they meet. The rows that go on stay in their order. A run that is stopped does not let go what waits.",
		Args: []schema.Arg{
			schema.Expr("key", &c.key, expr.Unknown, "What makes rows duplicates: an expression, or a list of them.").Require(),
			schema.Choice("keep", &c.keep, []string{keepFirst, keepLast}, "Which row of a key goes on."),
			schema.Int("window", &c.window, "How far apart duplicates may be.").Unit("rows").Between(1, 1<<30),
		},
	}
}

// Remembers declares that the keys and rows of the window are remembered.
func (*Config) Remembers() (saved bool) { return false }

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	k := keys{key: c.key, window: int64(c.window), seen: map[string]*entry{}}
	if c.keep == keepLast {
		return &last{keys: k, mem: env.Mem}, nil
	}
	return &first{keys: k, mem: env.Mem}, nil
}

// keys is the keys of the last rows. Its memory is bounded by the window
// (promise 6).
type keys struct {
	key    *expr.Expr
	window int64
	next   int64 // number of the next row that has a key or none, but did not fail
	seen   map[string]*entry
	ring   []*entry // by row number modulo window: the row's key; nil when it has none
	buf    []byte
}

// entry is a key and its last row.
type entry struct {
	key string
	row int64
	at  place // where it waits
}

// look finds the row's key: what was known of it within the window, and its
// entry, which is the row's own from now on. Both are nil for a row without a
// key.
func (k *keys) look(cursor *expr.Cursor, row int) (before *entry, own *entry, err error) {
	v, err := cursor.At(row)
	if err != nil {
		return nil, nil, err
	}
	number := k.next
	k.next++
	slot := int(number % k.window)
	if slot == len(k.ring) {
		k.ring = append(k.ring, nil)
	}
	leaving := k.ring[slot] // of the row that is window rows back: it counts for this one
	if !missing(v) {
		k.buf = attr.KeyBytes(k.buf[:0], v)
		own = k.seen[string(k.buf)]
		if own == nil {
			own = &entry{key: string(k.buf)}
			k.seen[own.key] = own
		} else {
			before = &entry{row: own.row, at: own.at}
		}
		own.row = number
	}
	k.ring[slot] = own
	if leaving != nil && leaving.row == number-k.window {
		delete(k.seen, leaving.key)
	}
	return before, own, nil
}

// missing reports a key that is none.
func missing(v attr.Value) bool {
	if v.Kind() != attr.List || len(v.Elems()) == 0 {
		return v.IsNull()
	}
	for _, e := range v.Elems() {
		if !e.IsNull() {
			return false
		}
	}
	return true
}
