package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// The API operations.
const (
	callBatch    = "BatchGetItem"
	callTransact = "TransactGetItems"
)

// lookup is an open transform.
type lookup struct {
	gets        []getter
	groups      []*group
	clients     map[*dynamo.Connection]*dynamo.Client
	transaction bool
	onMissing   string
	operation   string // of rejections
	units       int
	store       *store
	mem         memory.Allocator
	limits      record.Limits
	itemSize    atomic.Int64 // of those found last, on average; 0: none yet
}

var (
	_ transforms.Waiter = (*lookup)(nil)
	_ transforms.Closer = (*lookup)(nil)
)

// getter is an open get block.
type getter struct {
	name    string
	flatten bool
	target  *target
	keys    []*expr.Expr // in the order of the table's key
}

// target is what is read of a table: gets that read the same share one.
type target struct {
	group      *group
	connection *dynamo.Connection
	table      *delivery.Table
	names      []string // of the key attributes
	number     byte     // tells its keys from those of others
	consistent bool
	projection string
	settings   []byte   // of a request: ,"ProjectionExpression":...
	without    []string // key attributes that are only read to tell items apart
	given      *given   // in place of the table; nil outside of tests
}

// group is the targets whose keys share requests. In a batch each is of another
// table, since a table has one projection there and a key stands in it once.
type group struct {
	client  *dynamo.Client
	core    *deliver.Core
	targets []*target
}

// Open describes the tables and starts the cores.
func (c *Config) Open(ctx context.Context, env transforms.Env) (_ transforms.Transform, err error) {
	l := &lookup{
		clients: map[*dynamo.Connection]*dynamo.Client{}, transaction: c.mode == modeTransaction, onMissing: c.onMissing,
		operation: deliver.Get.String(), units: min(c.concurrency, maxUnits), store: newStore(c.cache, cacheBytes),
		mem: env.Mem, limits: env.Limits,
	}
	if l.transaction {
		l.operation = deliver.TransactGet.String()
	}
	defer func() {
		if err != nil {
			l.closeClients()
		}
	}()
	var targets []*target
	for i := range c.gets {
		g := &c.gets[i]
		t := l.share(g, targets)
		if t == nil {
			if t, err = l.newTarget(ctx, g); err != nil {
				return nil, fmt.Errorf("get %q: %w", g.name, err)
			}
			t.number = byte(len(targets))
			targets = append(targets, t)
		}
		keys, err := t.order(g)
		if err != nil {
			return nil, err
		}
		l.gets = append(l.gets, getter{name: g.name, flatten: g.flatten, target: t, keys: keys})
	}
	l.start(ctx, c, env)
	return l, nil
}

// share is the target that another get reads already; nil when there is none.
func (l *lookup) share(g *get, targets []*target) *target {
	for _, t := range targets {
		if t.connection == g.connection && t.table.Name == g.table && t.consistent == g.consistent &&
			t.projection == strings.Join(g.projection, "\n") {
			return t
		}
	}
	return nil
}

// newTarget describes the table of a get, and finds a group for it.
func (l *lookup) newTarget(ctx context.Context, g *get) (*target, error) {
	var client *dynamo.Client
	var described *dynamo.Table
	if g.given != nil {
		described = &dynamo.Table{Name: g.table, Keys: g.given.keys}
	} else if client = l.clients[g.connection]; client == nil {
		var err error
		if client, err = g.connection.Client(ctx); err != nil {
			return nil, err
		}
		l.clients[g.connection] = client
	}
	if g.given == nil {
		var err error
		if described, err = client.Describe(ctx, g.table); err != nil {
			return nil, err // it names the table
		}
	}
	t := &target{
		given:      g.given,
		connection: g.connection, table: delivery.NewTable(g.table, described),
		consistent: g.consistent, projection: strings.Join(g.projection, "\n"),
	}
	t.names = keyNames(described.Keys)
	t.settings = t.settle(g.paths)
	if g.consistent && !l.transaction {
		t.settings = append(t.settings, `,"ConsistentRead":true`...)
	}
	t.group = l.groupFor(client, t)
	t.group.targets = append(t.group.targets, t)
	return t, nil
}

// settle makes the projection, with the key in it: an answer has the items in
// any order.
func (t *target) settle(paths []dynamo.Path) []byte {
	if len(paths) == 0 {
		return nil
	}
	// A key is a scalar, so a path into one reads nothing.
	paths = slices.DeleteFunc(slices.Clone(paths), func(p dynamo.Path) bool {
		return len(p) > 1 && slices.Contains(t.names, p[0].Name)
	})
	for _, name := range t.names {
		if !slices.ContainsFunc(paths, func(p dynamo.Path) bool { return p[0].Name == name }) {
			paths = append(paths, dynamo.Path{{Name: name}})
			t.without = append(t.without, name)
		}
	}
	return dynamo.AppendProjection(nil, paths)
}

func (l *lookup) groupFor(client *dynamo.Client, t *target) *group {
	for _, other := range l.groups {
		if other.client == client && (l.transaction || !other.reads(t)) {
			return other
		}
	}
	made := &group{client: client}
	l.groups = append(l.groups, made)
	return made
}

// reads reports that the group has a target of the table, whatever it is called.
func (g *group) reads(t *target) bool {
	return slices.ContainsFunc(g.targets, func(other *target) bool {
		return dynamo.TableName(other.table.Name) == dynamo.TableName(t.table.Name)
	})
}

// order is the expressions of a get's key in the order of the table's.
func (t *target) order(g *get) ([]*expr.Expr, error) {
	has := fmt.Sprintf("table %s has the key %s", t.table.Name, strings.Join(t.names, ", "))
	keys := make([]*expr.Expr, len(t.table.Keys))
	for _, k := range g.key {
		i := slices.Index(t.names, k.Name)
		if i < 0 {
			return nil, fmt.Errorf("%s: get %q: key names %q, which is no key: %s", k.Range, g.name, k.Name, has)
		}
		want := t.table.Keys[i].Kind
		if kinds := k.Expr.Kinds(); kinds.Never(expr.KindsOf(want)) {
			return nil, fmt.Errorf("%s: get %q: key gives %s for %q, and %s: it must be a %s",
				k.Expr.Range(), g.name, kinds, k.Name, has, want)
		}
		keys[i] = k.Expr
	}
	if i := slices.Index(keys, nil); i >= 0 {
		return nil, fmt.Errorf("%s: get %q: key lacks %q: %s", g.at, g.name, t.names[i], has)
	}
	return keys, nil
}

// start starts the groups' cores, which share the requests that may be in flight.
func (l *lookup) start(ctx context.Context, c *Config, env transforms.Env) {
	for _, g := range l.groups {
		cfg := deliver.Config{
			Operation: callBatch, Concurrency: max(1, c.concurrency/len(l.groups)), Retry: c.retry.Policy(), Meter: env.Meter,
		}
		var sender deliver.Sender
		if l.transaction {
			cfg.Operation, cfg.Caps, sender = callTransact, deliver.TransactGetCaps(), &transactSender{group: g}
		} else {
			cfg.Caps, sender = deliver.BatchGetCaps(g.settingsBytes()), &batchSender{group: g}
		}
		if g.targets[0].given != nil {
			sender = givenSender{transaction: l.transaction}
		}
		g.core = deliver.New(ctx, cfg, sender)
	}
}

// settingsBytes is the most that a table has in a request beside its keys.
func (g *group) settingsBytes() int {
	most := 0
	for _, t := range g.targets {
		most = max(most, len(t.settings))
	}
	return most
}

// Units is how many batches are worked on at once: what one waits for another
// can ask for, or has asked for already.
func (l *lookup) Units() int { return l.units }

// Close cancels what is in flight.
func (l *lookup) Close() error {
	for _, g := range l.groups {
		g.core.Close()
	}
	l.closeClients()
	return nil
}

func (l *lookup) closeClients() {
	for _, client := range l.clients {
		client.Close()
	}
}

// readUnits is what reading an item takes when nothing is known of its size
// (AWS: "DynamoDB read and write operations": 4 KB for half a unit, or for one
// when the read is consistent, or two in a transaction).
func (t *target) readUnits(transaction bool) float64 {
	switch {
	case transaction:
		return 2
	case t.consistent:
		return 1
	}
	return 0.5
}
