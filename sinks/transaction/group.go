package transaction

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// The codes of rows that end with others of their transaction.
const (
	codeNotSent   = "TransactionNotSent"
	codeCancelled = "TransactionCancelled"
	codeTooLarge  = "TransactionTooLarge"
	codeDuplicate = "DuplicateItem"
)

// members are the rows of a group, in the order they came.
type members struct {
	parts []part
	n     int
}

// part is members that follow each other in a batch.
type part struct {
	rows     *delivery.Rows
	from, to int
}

func (m *members) add(rows *delivery.Rows, row int) {
	m.n++
	if last := len(m.parts) - 1; last >= 0 && m.parts[last].rows == rows && m.parts[last].to == row {
		m.parts[last].to++
		return
	}
	m.parts = append(m.parts, part{rows: rows, from: row, to: row + 1})
}

// at is a member.
func (m *members) at(i int) (rows *delivery.Rows, row int) {
	for _, p := range m.parts {
		if n := p.to - p.from; i >= n {
			i -= n
			continue
		}
		return p.rows, p.from + i
	}
	panic("transaction: no such member")
}

func (m *members) origin(i int) record.Origin {
	rows, row := m.at(i)
	return rows.Origin(row)
}

// each calls f for each member, until an error.
func (m *members) each(f func(i int, rows *delivery.Rows, row int) error) error {
	i := 0
	for _, p := range m.parts {
		for row := p.from; row < p.to; row++ {
			if err := f(i, p.rows, row); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

func (m *members) end(o record.Outcome) {
	var room [100]int
	for _, p := range m.parts {
		rows := room[:0]
		for row := p.from; row < p.to; row++ {
			rows = append(rows, row)
		}
		p.rows.EndEach(rows, o)
	}
}

func (m *members) clear() {
	clear(m.parts)
	m.parts, m.n = m.parts[:0], 0
}

// group is the rows of a transaction that is sent. It is their receipt: they
// end together.
type group struct {
	members members
	owners  []int32 // of each action, its member
	marks   []deliver.Mark
	body    []byte            // of the request, its tail aside while rows are added
	reasons []delivery.Reason // of each action, when the transaction was cancelled
	faulty  map[int]int       // of members at fault, the action
	changes []delivery.Change // that it makes, for one who compares
	actions []delivery.Action // of it, for one who reckons
	pool    *groups           // where it goes when it has ended
}

// groups are for use again, with their memory.
type groups struct{ sync.Pool }

// maxKept is how much memory a group may have that is used again.
const maxKept = 256 << 10

func (p *groups) take() *group {
	if g, ok := p.Get().(*group); ok {
		return g
	}
	return &group{pool: p}
}

// clear makes it a group that rows can be added to.
func (g *group) clear() {
	g.members.clear()
	g.owners, g.marks, g.reasons, g.faulty, g.changes, g.actions = g.owners[:0], g.marks[:0], nil, nil, nil, nil
	g.body = append(g.body[:0], delivery.TransactionHead...)
}

// ended gives the memory back.
func (g *group) ended() {
	if cap(g.body) <= maxKept {
		g.members.clear()
		g.pool.Put(g)
	}
}

var (
	_ deliver.Receipt = (*group)(nil)
	_ delivery.Blamed = (*group)(nil)
)

// EndEach ends every row of the group.
func (g *group) EndEach(_ []int, o record.Outcome) {
	g.members.end(o)
	g.ended()
}

// Origin is that of the first row.
func (g *group) Origin(int) record.Origin { return g.members.origin(0) }

// Blame takes in why the transaction was cancelled and says which row is at
// fault, the first if there are several.
func (g *group) Blame(reasons []delivery.Reason) string {
	g.reasons, g.faulty = reasons, map[int]int{}
	first := ""
	for action, reason := range reasons {
		if action >= len(g.owners) || !reason.Fault() {
			continue
		}
		owner := int(g.owners[action])
		if _, twice := g.faulty[owner]; !twice {
			g.faulty[owner] = action
		}
		if first == "" {
			first = g.members.origin(owner).String()
		}
	}
	return first
}

// Reject ends the rows at fault with their own reasons, the others with a
// reference to the first of those. Of a transaction that was refused as a whole
// every row has the reason.
func (g *group) Reject(_ int, why record.Rejection) error {
	guilty := -1
	for i := range g.members.n {
		if _, ok := g.faulty[i]; ok {
			guilty = i
			break
		}
	}
	err := g.members.each(func(i int, rows *delivery.Rows, row int) error {
		own := why
		if action, ok := g.faulty[i]; ok {
			own.Code, own.Message = delivery.ReasonCode(g.reasons[action]), delivery.ReasonMessage(g.reasons[action])
		} else if guilty >= 0 {
			own.Code = codeCancelled
			own.Message = fmt.Sprintf("its transaction was cancelled because of the row at %s: %s", g.members.origin(guilty), why.Message)
		}
		return rows.Reject(row, own)
	})
	if err == nil {
		g.ended()
	}
	return err
}

// draft is a group that rows are still added to.
type draft struct {
	*group
	value    []byte // of group_by
	identity delivery.Identity
	begun    record.Origin
	acts     []act
	keys     []byte // of the actions' items
	tables   []string
	units    float64
	size     int // of all items, or more
	kept     int // memory of the rows
	bounds   []bound
	failure  failure
}

// act is an action of a draft.
type act struct {
	table    *delivery.Table
	from, to int // of its item's key, in keys
}

// failure is why no row of a group is sent.
type failure struct {
	all   delivery.Refusal // what every row is told
	fault string           // or the origin of the row at fault, with its reason
	why   delivery.Refusal
}

func (f *failure) failed() bool { return f.all.Refused() || f.fault != "" }

// refusal is what a row of the group that is not itself at fault is told.
func (f *failure) refusal() delivery.Refusal {
	if f.all.Refused() {
		return f.all
	}
	return delivery.Refuse(codeNotSent, "its transaction was not sent because of the row at %s: %s", f.fault, f.why.Message)
}

// reset begins a group.
func (d *draft) reset(pool *groups) {
	if d.group == nil {
		d.group = pool.take()
	}
	d.clear()
	d.value = d.value[:0]
	d.acts, d.keys, d.tables = d.acts[:0], d.keys[:0], d.tables[:0]
	d.units, d.size, d.kept, d.bounds, d.failure = 0, 0, 0, d.bounds[:0], failure{}
}

// add counts in an action of the row that is next to be a member.
func (d *draft) add(mark deliver.Mark, target *delivery.Target) {
	from := len(d.keys)
	d.keys = append(d.keys, target.Key...)
	d.acts = append(d.acts, act{table: target.Table, from: from, to: len(d.keys)})
	d.marks, d.owners = append(d.marks, mark), append(d.owners, int32(d.members.n))
	if !slices.Contains(d.tables, target.Table.Name) {
		d.tables = append(d.tables, target.Table.Name)
	}
}

// bound is where an item stands in the body whose size is not known but for
// that of its text, which is no smaller.
type bound struct{ from, to int }

// measure makes size what it is.
func (d *draft) measure() {
	for _, b := range d.bounds {
		d.size -= b.to - b.from - delivery.ItemSize(d.body[b.from:b.to])
	}
	d.bounds = d.bounds[:0]
}

// refused is the rejection of a row of a group that is not sent.
func refused(no delivery.Refusal) record.Rejection {
	return record.Rejection{Operation: operation.String(), Code: no.Code, Message: no.Message}
}

// reject ends the rows of a draft that can't be sent.
func (d *draft) reject() error {
	why := refused(d.failure.refusal())
	err := d.members.each(func(_ int, rows *delivery.Rows, row int) error { return rows.Reject(row, why) })
	d.members.clear()
	return err
}

// finish makes a row of the core of the draft.
func (d *draft) finish() deliver.Row {
	g := d.group
	d.group = nil
	if cap(g.body) > len(g.body)*3/2+minBody { // it waits with the memory that it needs
		g.body = slices.Clone(g.body)
	}
	var tables []string
	if len(d.tables) > 1 {
		tables = slices.Clone(d.tables)
	}
	return deliver.Row{
		Table: d.tables[0], Tables: tables, Operation: operation, Marks: g.marks, Actions: len(g.marks),
		Body: g.body, Units: d.units, Receipt: g, Kept: d.kept,
	}
}

// minBody is less memory than is worth a copy.
const minBody = 4 << 10
