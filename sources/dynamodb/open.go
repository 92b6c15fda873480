package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/sources"
)

// bytesPerSegment is how much of a table a segment of its own is worth.
const bytesPerSegment = 100 << 20

// source is an open source.
type source struct {
	env       sources.Env
	client    *dynamo.Client
	table     string
	operation string
	prefix    []byte // of every request
	identity  identity
	opaque    error        // why a run can't be resumed; nil when it can
	keys      []dynamo.Key // say where an item is
	hidden    []string     // those that are in no row
	pageSize  int          // items; 0: what fits
	retry     deliver.Retry
	budget    *budget // nil without read_capacity
	probe     *probe  // nil but for a sample

	texts     texts
	number    atomic.Int64 // of requests
	asked     atomic.Int64 // requests in flight
	saving    atomic.Int64 // requests that wait for the budget
	filtered  bool         // DynamoDB drops items
	whole     bool         // all items come, with all their attributes
	limited   bool
	most      int64        // the block's limit
	rate      float64      // read_capacity
	step      float64      // units for each 4 KB
	segments  int          // that a run has
	remaining atomic.Int64 // items that may still be read, when limited
	readers   []*partition
}

// describe makes a client and asks for the table. With an error the client may
// still be there, to be closed.
func (c *Config) describe(ctx context.Context) (*dynamo.Client, *dynamo.Table, error) {
	client, err := c.connection.Client(ctx)
	if err != nil {
		return nil, nil, err
	}
	table, err := client.Describe(ctx, c.table)
	return client, table, err
}

// Open asks for the table's description. Credentials that may read but not
// describe are good enough: then DynamoDB itself finds what is wrong.
func (c *Config) Open(ctx context.Context, env sources.Env) (sources.Source, error) {
	client, table, err := c.describe(ctx)
	var denied *dynamo.Error
	if errors.As(err, &denied) && denied.Code == "AccessDeniedException" && env.Resume == nil {
		env.Meter.Warn("describe", "the table is not described, so it is read in one segment unless segments is set: "+denied.Error())
		table, err = &dynamo.Table{Name: dynamo.TableName(c.table)}, nil
	} else if err == nil {
		err = c.checkTable(table)
	}
	var s *source
	if err == nil {
		s, err = c.open(ctx, env, client, table)
	}
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	return s, nil
}

func (c *Config) open(ctx context.Context, env sources.Env, client *dynamo.Client, table *dynamo.Table) (*source, error) {
	keys := c.keysOf(table)
	paths, hidden := withKeys(c.projected(table.Keys), keys)
	body, err := c.requestPrefix(ctx, client, env, paths)
	if err != nil {
		return nil, err
	}
	s := &source{
		env: env, client: client, table: table.Name, operation: c.operation(), prefix: body,
		identity: c.identify(table), opaque: c.opaque(table, paths), keys: keys, hidden: hidden,
		pageSize: c.pageSize, retry: deliver.DefaultRetry(),
		filtered: c.where != nil || c.skipExpired, limited: c.limit > 0, most: c.limit, budget: newBudget(c),
		whole: c.where == nil && !c.skipExpired && len(paths) == 0,
	}
	if env.Resume != nil {
		// The segments of that time, whatever the table's size says now.
		if s.identity, err = c.resumed(s.identity, env.Resume); err != nil {
			return nil, err
		}
	}
	s.sample(c, table)
	left := c.limit
	for i := range s.identity.Segments {
		p := newPartition(s, i)
		s.readers = append(s.readers, p)
		if env.Resume == nil {
			continue
		}
		if err := p.goOn(env.Resume.Positions[i]); err != nil {
			return nil, err
		}
		left -= p.seq
	}
	s.remaining.Store(left)
	s.estimateTotal(c, table)
	env.Meter.Watch(func() progress.Load {
		return progress.Load{InFlight: int(s.asked.Load()), Limit: len(s.readers), Budget: c.readCapacity, Saving: int(s.saving.Load())}
	})
	return s, nil
}

// requestPrefix is what every request begins with. The time to live has to be
// asked for, when expired items are left out.
func (c *Config) requestPrefix(ctx context.Context, client *dynamo.Client, env sources.Env, paths []dynamo.Path) ([]byte, error) {
	if !c.skipExpired {
		return c.request("", time.Time{}, paths), nil
	}
	ttl, err := client.TimeToLive(ctx, c.table)
	if err != nil {
		return nil, err
	}
	if ttl == "" {
		env.Meter.Warn("ttl", fmt.Sprintf("table %s has no time to live: skip_expired leaves nothing out", c.table))
	}
	now := time.Now()
	if env.Run != nil && !env.Run.Start.IsZero() {
		now = env.Run.Start
	}
	return c.request(ttl, now, paths), nil
}

// estimateTotal sets what a progress line counts towards, where the table's own
// count says anything about it.
func (s *source) estimateTotal(c *Config, table *dynamo.Table) {
	rows := table.ItemCount
	if c.limit > 0 && c.limit < rows {
		rows = c.limit
	}
	if c.key == nil && c.where == nil && c.index == "" && !c.skipExpired {
		s.env.Meter.Total(0, rows)
	}
}

// segmentsFor is the number of segments: as written, or by the table's size.
func (c *Config) segmentsFor(t *dynamo.Table) int {
	switch {
	case c.key != nil:
		return 1
	case c.segments > 0:
		return c.segments
	case c.limit > 0:
		return 1
	}
	wanted := (t.SizeBytes + bytesPerSegment - 1) / bytesPerSegment
	return int(min(max(wanted, 1), int64(4*runtime.GOMAXPROCS(0))))
}

// checkTable checks what the block says against the table's description.
func (c *Config) checkTable(t *dynamo.Table) error {
	keys, what := t.Keys, "table "+t.Name
	if c.index != "" {
		index, ok := t.Index(c.index)
		if !ok {
			return c.noIndex(t)
		}
		if index.Global && c.consistent {
			return fmt.Errorf("consistent_read is not possible on %s, which is a global secondary index of table %s: "+
				"leave one of the two out", c.index, t.Name)
		}
		keys, what = index.Keys, fmt.Sprintf("index %s of table %s", c.index, t.Name)
	}
	if c.key == nil {
		return nil
	}
	if err := checkKeyTests(c.key.Keys(), keys, what); err != nil {
		return err
	}
	return c.checkQueryFilter(keys, what)
}

func (c *Config) noIndex(t *dynamo.Table) error {
	names := make([]string, len(t.Indexes))
	for i, x := range t.Indexes {
		names[i] = x.Name
	}
	has := "it has none"
	if len(names) > 0 {
		has = "it has " + strings.Join(names, ", ")
	}
	return fmt.Errorf("table %s has no index %q: %s.%s", t.Name, c.index, has, diag.DidYouMean(c.index, names))
}

// checkKeyTests finds what DynamoDB would refuse about a key condition.
func checkKeyTests(tests []dynamo.KeyTest, keys []dynamo.Key, what string) error {
	has := "the keys of " + what + " are " + strings.Join(keyNames(keys), ", ")
	for _, t := range tests {
		i := slices.IndexFunc(keys, func(k dynamo.Key) bool { return k.Name == t.Name })
		switch {
		case i < 0:
			return fmt.Errorf("key_condition: %s is no key: %s", t.Name, has)
		case i == 0 && !t.Equal:
			return fmt.Errorf("key_condition: the partition key %s can only be compared by ==: %s", t.Name, has)
		case t.Kind != keys[i].Kind:
			return fmt.Errorf("key_condition: %s is compared with a %s: %s", t.Name, t.Kind, has)
		}
	}
	if len(keys) > 0 && !slices.ContainsFunc(tests, func(t dynamo.KeyTest) bool { return t.Name == keys[0].Name }) {
		return fmt.Errorf("key_condition: item.%s == VALUE is missing: %s", keys[0].Name, has)
	}
	return nil
}

// checkQueryFilter finds key attributes in the filter of a Query (AWS API
// reference, Query, FilterExpression: no key attributes).
func (c *Config) checkQueryFilter(keys []dynamo.Key, what string) error {
	if c.where == nil {
		return nil
	}
	for _, p := range c.where.Paths() {
		if slices.ContainsFunc(keys, func(k dynamo.Key) bool { return k.Name == p[0].Name }) {
			return fmt.Errorf("filter: %s is a key of %s, which the filter of a Query can't use: put it into key_condition, "+
				"or filter in a transform after the source", p[0].Name, what)
		}
	}
	return nil
}

// Partitions is one for each segment.
func (s *source) Partitions() []sources.Partition {
	out := make([]sources.Partition, len(s.readers))
	for i, p := range s.readers {
		out[i] = p
	}
	return out
}

// Close frees what partitions that were not read to their end still hold.
func (s *source) Close() error {
	for _, p := range s.readers {
		p.release()
	}
	s.client.Close()
	return nil
}

// claim counts items that were read and says how many of them may be kept.
func (s *source) claim(items int) int {
	if !s.limited {
		return items
	}
	left := s.remaining.Add(-int64(items)) + int64(items)
	return int(min(max(left, 0), int64(items)))
}

func (s *source) exhausted() bool { return s.limited && s.remaining.Load() <= 0 }
