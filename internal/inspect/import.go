package inspect

import (
	"hash/maphash"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Import reckons what it takes to put rows into a table, which checks them as a
// batch_write sink does.
type Import struct {
	table   *dynamo.Table
	checks  *delivery.Table
	indexes []*indexCost
	seed    maphash.Seed

	rows, refused int64
	refusals      []*Refused // by code, in the order they came
	units         float64    // of the table
	keys          map[uint64]struct{}
	repeats       int64
}

// indexCost is what rows cost in one index.
type indexCost struct {
	dynamo.Index
	parts []string // the attributes in the index; nil for all
	rows  int64
	units float64
}

// NewImport reckons for a table as it was described.
func NewImport(t *dynamo.Table) *Import {
	m := &Import{table: t, checks: delivery.NewTable(t.Name, t), seed: maphash.MakeSeed(), keys: map[uint64]struct{}{}}
	for _, x := range t.Indexes {
		c := &indexCost{Index: x}
		if x.Projection != "ALL" {
			for _, k := range slices.Concat(t.Keys, x.Keys) {
				c.parts = append(c.parts, k.Name)
			}
			c.parts = append(c.parts, x.Included...)
			slices.Sort(c.parts)
			c.parts = slices.Compact(c.parts)
		}
		m.indexes = append(m.indexes, c)
	}
	return m
}

// Add reckons the first rows of a batch.
func (m *Import) Add(b *record.Batch, rows int) {
	page := delivery.NewPage(b)
	view := page.View(m.checks)
	var key delivery.Key
	for row := range rows {
		m.rows++
		no := view.Key(&key, row)
		if !no.Refused() {
			_, no = view.Item(row, page.Bytes(row))
		}
		if no.Refused() {
			m.refuse(no, b.Origins().At(row))
			continue
		}
		m.note(key.Bytes())
		m.put(b, row)
	}
}

func (m *Import) refuse(no delivery.Refusal, at record.Origin) {
	m.refused++
	for _, r := range m.refusals {
		if r.Code == no.Code {
			r.Rows++
			return
		}
	}
	m.refusals = append(m.refusals, &Refused{Code: no.Code, Rows: 1, First: at.String() + ": " + no.Message})
}

// note counts keys that come again, as far as they can be told apart.
func (m *Import) note(key []byte) {
	h := maphash.Bytes(m.seed, key)
	if _, again := m.keys[h]; again {
		m.repeats++
	} else if len(m.keys) < MaxDistinct {
		m.keys[h] = struct{}{}
	}
}

// put adds what a put of a new item takes: one unit for each KB that is begun,
// in the table and in each index that has the item (AWS: "DynamoDB read and
// write operations"; "Write capacity units", global secondary indexes).
func (m *Import) put(b *record.Batch, row int) {
	size := attr.Size(b, row)
	m.units += deliver.WriteUnits(size)
	for _, x := range m.indexes {
		if !x.holds(b, row) {
			continue
		}
		projected := size
		if x.parts != nil {
			projected = 0
			for _, name := range x.parts {
				if v := attr.Get(b, name, row); v.Kind() != attr.Absent {
					projected += len(name) + v.Size()
				}
			}
		}
		x.rows++
		x.units += deliver.WriteUnits(projected)
	}
}

func (x *indexCost) holds(b *record.Batch, row int) bool {
	for _, k := range x.Keys {
		if attr.Get(b, k.Name, row).Kind() == attr.Absent {
			return false
		}
	}
	return true
}

// Cost is what an import takes, of the sample and of all.
type Cost struct {
	Table       string      `json:"table" doc:"The table."`
	Keys        []KeyPart   `json:"keys" doc:"Its key."`
	Billing     string      `json:"billing" doc:"How it is billed."`
	Rows        int64       `json:"rows" doc:"Rows of the sample."`
	Refused     int64       `json:"refused" doc:"Rows of them that an import would reject."`
	Refusals    []*Refused  `json:"refusals" doc:"Why it would reject them."`
	Repeats     int64       `json:"repeated_keys" doc:"Rows whose key came before: each replaces an item."`
	Units       float64     `json:"table_write_units" doc:"Write units that the sample takes of the table."`
	Indexes     []IndexCost `json:"indexes" doc:"What it takes of the table's indexes."`
	Total       float64     `json:"write_units" doc:"Write units of table and indexes together."`
	All         float64     `json:"write_units_of_all,omitempty" doc:"Write units for as many rows as there are, where that is known."`
	Provisioned int64       `json:"provisioned_write_units,omitempty" doc:"The table's write units per second; none on demand."`
	Seconds     float64     `json:"seconds,omitempty" doc:"How long all rows take at least, with provisioned write units."`
	Slowest     string      `json:"seconds_by,omitempty" doc:"What that time waits for: the table, or an index."`
}

// Refused counts rows that an import would reject for one reason.
type Refused struct {
	Code  string `json:"code" doc:"The error code that they would be rejected with."`
	Rows  int64  `json:"rows" doc:"How many rows."`
	First string `json:"first" doc:"Where and why the first one."`
}

// IndexCost is what an index takes.
type IndexCost struct {
	Name  string  `json:"name" doc:"The index."`
	Rows  int64   `json:"rows" doc:"Rows that it has."`
	Units float64 `json:"write_units" doc:"Write units that they take."`
}

// Cost is what the rows so far take, and all, if they are that many: 0 for not
// known.
func (m *Import) Cost(all int64) *Cost {
	c := &Cost{Table: m.table.Name, Billing: m.table.Billing, Rows: m.rows, Refused: m.refused, Repeats: m.repeats,
		Refusals: append([]*Refused{}, m.refusals...), Units: m.units, Indexes: []IndexCost{}, Total: m.units, Provisioned: m.table.ProvisionedWrite}
	for _, k := range m.table.Keys {
		c.Keys = append(c.Keys, KeyPart{Name: k.Name, Type: k.Kind.Descriptor()})
	}
	own := m.units // of the table's capacity, which its local indexes share
	for _, x := range m.indexes {
		c.Indexes = append(c.Indexes, IndexCost{Name: x.Name, Rows: x.rows, Units: x.units})
		c.Total += x.units
		if !x.Global {
			own += x.units
		}
	}
	if all <= 0 || m.rows == 0 {
		return c
	}
	times := float64(all) / float64(m.rows)
	c.All = c.Total * times
	c.wait("table "+c.Table, own*times, m.table.ProvisionedWrite)
	for _, x := range m.indexes {
		c.wait("index "+x.Name, x.units*times, x.ProvisionedWrite)
	}
	return c
}

// wait reckons with a capacity that the import can't be faster than.
func (c *Cost) wait(name string, units float64, perSecond int64) {
	if perSecond <= 0 || c.Provisioned == 0 {
		return
	}
	if seconds := units / float64(perSecond); seconds > c.Seconds {
		c.Seconds, c.Slowest = seconds, name
	}
}
