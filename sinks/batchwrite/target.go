package batchwrite

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// target is a table that rows go to.
type target struct {
	name    string // as requests name it
	arn     string
	keys    []keyAttribute
	indexes []indexAttribute // one for each attribute and index
	count   float64          // of indexes
}

// keyAttribute is an attribute of the table's key.
type keyAttribute struct {
	dynamo.Key
	role string // partition key, sort key
	max  int    // bytes
}

// indexAttribute is an attribute of the key of an index.
type indexAttribute struct {
	dynamo.Key
	index string
}

// The longest keys (AWS: "Service, account, and table quotas", "Partition keys
// and sort keys").
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

func newTarget(name string, t *dynamo.Table) *target {
	out := &target{name: name, arn: t.ARN, count: float64(len(t.Indexes))}
	for i, k := range t.Keys {
		key := keyAttribute{Key: k, role: "partition key", max: maxPartitionKey}
		if i > 0 {
			key.role, key.max = "sort key", maxSortKey
		}
		out.keys = append(out.keys, key)
	}
	for _, x := range t.Indexes {
		for _, k := range x.Keys {
			if !slices.Contains(t.Keys, k) { // else the table's own check is enough
				out.indexes = append(out.indexes, indexAttribute{Key: k, index: x.Name})
			}
		}
	}
	return out
}

// targets are the tables known so far, by what rows call them. One goroutine
// finds them, others may ask for their keys.
type targets struct {
	client *dynamo.Client
	create *createTable
	guard  guard

	mu    sync.Mutex // of writes to known, and of other goroutines' reads
	known map[string]*target
}

// keys is the key of a table that was found; none of another one.
func (t *targets) keys(name string) []keyAttribute {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.known[name]; found != nil {
		return found.keys
	}
	return nil
}

// find is the table of that name or ARN, described, and created if there is
// none and it should be.
func (t *targets) find(ctx context.Context, name string) (*target, error) {
	if found := t.known[name]; found != nil {
		return found, nil
	}
	described, err := t.describe(ctx, name)
	if err != nil {
		return nil, err // it names the table
	}
	t.guard.look(ctx, name, described)
	return t.adopt(name, described), nil
}

// adopt makes a described table known. A table's name and its ARN are one
// table, of which no key may be in a request twice.
func (t *targets) adopt(name string, described *dynamo.Table) *target {
	found := newTarget(name, described)
	for _, other := range t.known {
		if other.arn != "" && other.arn == found.arn {
			found = other
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[name] = found
	return found
}

func (t *targets) describe(ctx context.Context, name string) (*dynamo.Table, error) {
	if t.create == nil {
		return t.client.Describe(ctx, name)
	}
	table, err := t.client.CreateTable(ctx, t.create.spec(name))
	if err != nil {
		return nil, err
	}
	return table, t.create.fits(table)
}

func (c *createTable) keys() []dynamo.Key {
	kind := func(descriptor string) attr.Kind {
		k, _ := dynamo.KeyKind(descriptor) // the block takes only such
		return k
	}
	keys := []dynamo.Key{{Name: c.partitionKey, Kind: kind(c.partitionType)}}
	if c.sortKey != "" {
		keys = append(keys, dynamo.Key{Name: c.sortKey, Kind: kind(c.sortType)})
	}
	return keys
}

func (c *createTable) spec(name string) dynamo.TableSpec {
	spec := dynamo.TableSpec{Name: name, Keys: c.keys(), Billing: c.billing}
	if c.billing == dynamo.BillingProvisioned {
		spec.Read, spec.Write = c.readCapacity, c.writeCapacity
	}
	return spec
}

// fits reports a table that was there already and has other keys.
func (c *createTable) fits(t *dynamo.Table) error {
	if slices.Equal(t.Keys, c.keys()) {
		return nil
	}
	return fmt.Errorf("table %s exists, with the key %s, and create_table says %s: change create_table or write to another table",
		t.Name, describeKeys(t.Keys), describeKeys(c.keys()))
}

// describeKeys is a key for a message or the plan: pk (S), sk (N).
func describeKeys(keys []dynamo.Key) string {
	text := ""
	for i, k := range keys {
		if i > 0 {
			text += ", "
		}
		text += keyText(k)
	}
	return text
}

func keyText(k dynamo.Key) string { return fmt.Sprintf("%s (%s)", k.Name, k.Kind.Descriptor()) }
