package delivery

import (
	"context"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Fate is what a row makes of an item.
type Fate uint8

// The fates.
const (
	// IsPut: the item is this one, and has no other attribute.
	IsPut Fate = iota + 1
	// IsDeleted: there is no such item.
	IsDeleted
	// IsUnknown: what the item is depends on more than the rows.
	IsUnknown
)

// Change is what a row makes of one item. It is valid until the next one.
type Change struct {
	Fate Fate
	Key  *Key
	// Item is the item that is put; nil when it is the row.
	Item []byte
	Row  int // of the batch at hand, when Item is nil
	// Alone says that a further row of the same key makes the item unknown.
	Alone bool
	Place *record.Place
	Pos   record.Pos
}

// Expectation is what a sink that writes to tables would make of them.
type Expectation struct {
	Rows       Expecter
	Client     *dynamo.Client
	Connection *dynamo.Connection
	Tables     []*Table // that are known before any row comes
	RowTables  bool     // rows name tables
	// OnlyDeletes says that no item is put: the tables have items of others.
	OnlyDeletes bool
	// Cost is of the requests that would be made.
	Cost Cost
	// Doubts are reasons why what some rows make of their items is unknown.
	Doubts []string
}

// Close gives back what the sink's own code holds, and the client.
func (x *Expectation) Close() {
	if rows, ok := x.Rows.(interface{ Close() }); ok {
		rows.Close()
	}
	x.Client.Close()
}

// Certain reports that a condition held for every row of a run that went well:
// one that does not hold fails it. noRejects says that a rejected row does.
func Certain(onFailure string, noRejects bool) bool {
	return onFailure == FailureFails || onFailure == FailureRejects && noRejects
}

// NotCertain is why what is stored is not known where conditions are not
// Certain.
const NotCertain = "whether a row with a condition is written depends on the item that was stored before; " +
	"where on_condition_failure fails the run, or rejects and max_rejects is 0, a run that went well has written every row, and it can be verified"

// Expecter takes the place of a sink's core: it tells what rows would make of
// items, and writes nothing.
type Expecter interface {
	// Expect tells the changes of a batch in the order of its rows, each of which
	// ends on the receipt, now or later. A row that the sink would refuse is
	// rejected.
	Expect(ctx context.Context, b *record.Batch, r *record.Receipt, tell func(Change) error) error
	// Flush tells what was held, when all rows have come.
	Flush(ctx context.Context, tell func(Change) error) error
}

// Sending is a row as the core would get it, for one who reckons what it takes.
// It is valid until the next one.
type Sending struct {
	Row     *deliver.Row
	Actions []Action
}

// Action is what a Sending does with one item.
type Action struct {
	Verb Verb
	Key  *Key
	// Item is the item that is put, as DynamoDB JSON.
	Item []byte
	// Size is that of what the row has for an update.
	Size int
}

// Verb is an action of a transaction, or the like of it in another call.
type Verb string

// The verbs, by their names in a transaction.
const (
	VerbPut    Verb = "Put"
	VerbDelete Verb = "Delete"
	VerbUpdate Verb = "Update"
	VerbCheck  Verb = "ConditionCheck"
)

// Watched is an Expecter that also says what it would send.
type Watched interface {
	Expecter
	// Watch is called once, before the first row.
	Watch(see func(*Sending) error)
}

// Cost is what there is to know of a sink's requests before they are made.
type Cost struct {
	Call string // API operation
	Caps deliver.Caps
	// Times is what a write takes in place of one unit: TransactionCost in a
	// transaction.
	Times float64
	// Marker is the table that each request puts a marker into; empty for none.
	Marker string
}

// Values is the values of the key, in the table's order.
func (k *Key) Values() []attr.Value { return k.values }

// Table is the table of the key.
func (k *Key) Table() *Table { return k.table }

// Clone is the key with memory of its own.
func (k *Key) Clone() *Key {
	out := &Key{table: k.table, bytes: append([]byte(nil), k.bytes...)}
	for _, v := range k.values {
		out.values = append(out.values, v.Clone())
	}
	return out
}
