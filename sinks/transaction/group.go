package transaction

import (
	"fmt"
	"slices"

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

// member is a row of a group.
type member struct {
	receipt *record.Receipt
	index   int
	item    []byte // as the dead letter keeps it
}

func (m *member) origin() record.Origin { return m.receipt.Origin(m.index) }

// group is the rows of a transaction that is sent. It is their receipt: they
// end together.
type group struct {
	members []member
	owners  []int             // of each action, its member
	reasons []delivery.Reason // of each action, when the transaction was cancelled
	faulty  map[int]int       // of members at fault, the action
}

var (
	_ deliver.Receipt = (*group)(nil)
	_ delivery.Blamed = (*group)(nil)
)

// End ends every row of the group.
func (g *group) End(_ int, o record.Outcome) {
	for i := range g.members {
		g.members[i].receipt.End(g.members[i].index, o)
	}
}

// Origin is that of the first row.
func (g *group) Origin(int) record.Origin { return g.members[0].origin() }

// Blame takes in why the transaction was cancelled and says which row is at
// fault, the first if there are several.
func (g *group) Blame(reasons []delivery.Reason) string {
	g.reasons, g.faulty = reasons, map[int]int{}
	first := ""
	for action, reason := range reasons {
		if action >= len(g.owners) || !reason.Fault() {
			continue
		}
		owner := g.owners[action]
		if _, twice := g.faulty[owner]; !twice {
			g.faulty[owner] = action
		}
		if first == "" {
			first = g.members[owner].origin().String()
		}
	}
	return first
}

// Reject ends the rows at fault with their own reasons, the others with a
// reference to the first of those. Of a transaction that was refused as a whole
// every row has the reason.
func (g *group) Reject(_ int, why record.Rejection) error {
	guilty := -1
	for i := range g.members {
		if _, ok := g.faulty[i]; ok {
			guilty = i
			break
		}
	}
	for i := range g.members {
		m := &g.members[i]
		own := why
		own.Item = m.item
		if action, ok := g.faulty[i]; ok {
			own.Code, own.Message = delivery.ReasonCode(g.reasons[action]), delivery.ReasonMessage(g.reasons[action])
		} else if guilty >= 0 {
			own.Code = codeCancelled
			own.Message = fmt.Sprintf("its transaction was cancelled because of the row at %s: %s", g.members[guilty].origin(), why.Message)
		}
		if err := m.receipt.Reject(m.index, own); err != nil {
			return err
		}
	}
	return nil
}

// draft is a group that rows are still added to.
type draft struct {
	value   []byte // of group_by
	token   []byte
	begun   record.Origin
	members []draftMember
	body    []byte // of the request, its tail aside
	items   []byte // of members, where they are not in the body
	acts    []act
	keys    []byte // of the actions' items
	tables  []string
	units   float64
	size    int // of all items
	failure failure
}

// act is an action of a draft.
type act struct {
	mark     deliver.Mark
	table    *delivery.Table
	from, to int // of its item's key, in keys
	owner    int // the member
}

// draftMember is a row of a draft: its item is a part of body or items.
type draftMember struct {
	receipt  *record.Receipt
	index    int
	from, to int
	inBody   bool
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

func (m *draftMember) origin() record.Origin { return m.receipt.Origin(m.index) }

func (d *draft) item(m *draftMember) []byte {
	if m.inBody {
		return d.body[m.from:m.to]
	}
	return d.items[m.from:m.to]
}

// reset begins a group.
func (d *draft) reset() {
	d.value, d.members, d.items = d.value[:0], d.members[:0], d.items[:0]
	d.body = append(d.body[:0], delivery.TransactionHead...)
	d.acts, d.keys, d.tables = d.acts[:0], d.keys[:0], d.tables[:0]
	d.units, d.size, d.failure = 0, 0, failure{}
}

// add counts in an action of the row that is next to be a member.
func (d *draft) add(mark deliver.Mark, target *delivery.Target) {
	from := len(d.keys)
	d.keys = append(d.keys, target.Key...)
	d.acts = append(d.acts, act{mark: mark, table: target.Table, from: from, to: len(d.keys), owner: len(d.members)})
	if !slices.Contains(d.tables, target.Table.Name) {
		d.tables = append(d.tables, target.Table.Name)
	}
}

// reject ends the rows of a draft that can't be sent.
func (d *draft) reject() error {
	no := d.failure.refusal()
	for i := range d.members {
		m := &d.members[i]
		if err := m.receipt.Reject(m.index, record.Rejection{
			Item: append([]byte(nil), d.item(m)...), Operation: operation.String(), Code: no.Code, Message: no.Message,
		}); err != nil {
			return err
		}
	}
	d.members = d.members[:0]
	return nil
}

// finish makes a row of the core of the draft.
func (d *draft) finish(arena *delivery.Arena) deliver.Row {
	d.body = delivery.AppendTransactionTail(d.body, d.token)
	body, items := arena.Keep(d.body), arena.Keep(d.items)
	g := &group{members: make([]member, len(d.members)), owners: make([]int, len(d.acts))}
	marks := make([]deliver.Mark, len(d.acts))
	for i := range d.acts {
		marks[i], g.owners[i] = d.acts[i].mark, d.acts[i].owner
	}
	for i, m := range d.members {
		item := items
		if m.inBody {
			item = body
		}
		g.members[i] = member{receipt: m.receipt, index: m.index, item: item[m.from:m.to:m.to]}
	}
	return deliver.Row{
		Table: d.tables[0], Tables: slices.Clone(d.tables), Operation: operation, Marks: marks, Actions: len(marks), Body: body,
		Units: d.units, Receipt: g, Item: items,
	}
}
