package delivery

import (
	"context"
	"sync"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Tables are the tables known so far, by what rows call them. One goroutine
// finds them, others may ask for their keys.
type Tables struct {
	client *dynamo.Client
	create *CreateTable // nil: a table has to be there
	guard  *Guard
	toBe   bool // none is created

	mu    sync.Mutex // of writes to known, and of other goroutines' reads
	known map[string]*Table
}

// NewTables finds tables with a client, creates them if there is a create, and
// has the guard, if there is one, look at each.
func NewTables(client *dynamo.Client, create *CreateTable, guard *Guard) *Tables {
	return &Tables{client: client, create: create, guard: guard, known: map[string]*Table{}}
}

// NewTablesToBe finds tables, and takes those that are not there and would be
// created, if there is a create, for tables as they would be.
func NewTablesToBe(client *dynamo.Client, create *CreateTable) *Tables {
	t := NewTables(client, create, nil)
	t.toBe = true
	return t
}

// Keys is the key of a table that was found; none of another one.
func (t *Tables) Keys(name string) []KeyAttribute {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.known[name]; found != nil {
		return found.Keys
	}
	return nil
}

// Find is the table of that name or ARN, described, and created if there is
// none and it should be.
func (t *Tables) Find(ctx context.Context, name string) (*Table, error) {
	if found := t.known[name]; found != nil {
		return found, nil
	}
	described, err := t.describe(ctx, name)
	if err != nil {
		return nil, err // it names the table
	}
	if t.guard != nil {
		t.guard.look(ctx, name, described)
	}
	return t.Adopt(name, described), nil
}

// Of is the table that a row names.
func (t *Tables) Of(ctx context.Context, table *expr.Expr, b *record.Batch, row int) (*Table, Refusal, error) {
	v, err := table.Eval(b, row)
	switch {
	case err != nil:
		return nil, Failed(err), nil
	case v.Kind() != attr.String:
		return nil, Refuse(CodeTable, "table is a name, and for this row it is %s", v.Kind()), nil
	}
	if found := t.known[v.Text()]; found != nil {
		return found, Refusal{}, nil
	}
	if !ValidTable(v.Text()) {
		return nil, Refuse(CodeTable, "table is %q for this row: %s", Shorten(v.Text()), TableNames), nil
	}
	found, err := t.Find(ctx, v.Clone().Text())
	return found, Refusal{}, err
}

// Adopt makes a described table known. A table's name and its ARN are one
// table, of which no key may be in a request twice.
func (t *Tables) Adopt(name string, described *dynamo.Table) *Table {
	found := NewTable(name, described)
	for _, other := range t.known {
		if other.ARN != "" && other.ARN == found.ARN {
			found = other
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[name] = found
	return found
}

func (t *Tables) describe(ctx context.Context, name string) (*dynamo.Table, error) {
	if t.create == nil {
		return t.client.Describe(ctx, name)
	}
	if t.toBe {
		table, err := t.client.Describe(ctx, name)
		if dynamo.IsMissing(err) {
			table = t.create.toBe(name)
			return table, nil
		}
		if err != nil {
			return nil, err
		}
		return table, t.create.Fits(table)
	}
	table, err := t.client.CreateTable(ctx, t.create.spec(name))
	if err != nil {
		return nil, err
	}
	return table, t.create.Fits(table)
}
