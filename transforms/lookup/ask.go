package lookup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// The codes of rows that are rejected.
const (
	codeNotFound = "NotFound"     // on_missing = "reject"
	codeConflict = "NameConflict" // two attributes would have one name
	codeSameItem = "SameItem"     // one item in a transaction with two projections
)

// wish is what a row asks for: an item by get.
type wish struct {
	row   int
	items []ref // by get
}

// ref is one item of an entry; without an entry there is none.
type ref struct {
	entry *entry
	at    int
}

func (r ref) item() []byte {
	if r.entry == nil || r.entry.items == nil {
		return nil
	}
	return r.entry.items[r.at]
}

// asker makes keys of the rows of one batch.
type asker struct {
	*lookup
	in    *record.Batch
	parts [][]keyPart // by get
	key   delivery.Key
	ids   []byte
	arena delivery.Arena
	body  []byte
	wants []want // of the row
}

// keyPart is the values of one attribute of a key.
type keyPart struct {
	column record.Column
	failed map[int]error // by row, where the expression failed
}

func newAsker(l *lookup, in *record.Batch) *asker {
	a := &asker{lookup: l, in: in, parts: make([][]keyPart, len(l.gets))}
	for i := range l.gets {
		for _, x := range l.gets[i].keys {
			var p keyPart
			p.column = x.Column(l.mem, "key", in, func(row int, err error) {
				if p.failed == nil {
					p.failed = map[int]error{}
				}
				p.failed[row] = err
			})
			a.parts[i] = append(a.parts[i], p)
		}
	}
	return a
}

func (a *asker) release() {
	for _, parts := range a.parts {
		for _, p := range parts {
			p.column.Values.Release()
		}
	}
}

// want is the key that a get asks for.
type want struct {
	missing  bool // some part of it is null
	id, body []byte
}

// keys makes the row's keys. A row that can't ask is refused.
func (a *asker) keys(row int) delivery.Refusal {
	a.wants, a.ids, a.body = a.wants[:0], a.ids[:0], a.body[:0]
	for i := range a.gets {
		g := &a.gets[i]
		if !g.flatten && attr.Get(a.in, g.name, row).Kind() != attr.Absent {
			return delivery.Refuse(codeConflict, "the row already has an attribute %q, which get %q would set: rename or drop it before", g.name, g.name)
		}
		w, no := a.want(g, a.parts[i], row)
		if no.Refused() {
			no.Message = fmt.Sprintf("get %q: %s", g.name, no.Message)
			return no
		}
		a.wants = append(a.wants, w)
	}
	if a.transaction {
		return a.twice()
	}
	return delivery.Refusal{}
}

// twice refuses a row that asks for one item with two projections, which a
// transaction can't.
func (a *asker) twice() delivery.Refusal {
	for i, w := range a.wants {
		t := a.gets[i].target
		for j, v := range a.wants[:i] {
			u := a.gets[j].target
			if w.missing || v.missing || t == u || !bytes.Equal(w.id[1:], v.id[1:]) || dynamo.TableName(t.table.Name) != dynamo.TableName(u.table.Name) {
				continue
			}
			return delivery.Refuse(codeSameItem, "get %q and get %q ask for one item of table %s, and a transaction reads an item once: "+
				"give both the same projection, or write mode = %q", a.gets[j].name, a.gets[i].name, t.table.Name, modeBatch)
		}
	}
	return delivery.Refusal{}
}

// want makes the key of one get. The slices stay where they are when later ones
// are appended, or share memory with what was there before: both are right.
func (a *asker) want(g *getter, parts []keyPart, row int) (w want, no delivery.Refusal) {
	a.key.Reset(g.target.table)
	for _, p := range parts {
		if err := p.failed[row]; err != nil {
			return w, delivery.Failed(err)
		}
		v := attr.At(p.column, row)
		if v.IsNull() {
			w.missing = true
			return w, no
		}
		if no := a.key.Add(v); no.Refused() {
			return w, no
		}
	}
	from := len(a.ids)
	a.ids = append(append(a.ids, g.target.number), a.key.Bytes()...)
	w.id = a.ids[from:]
	from = len(a.body)
	a.body = a.key.Append(a.body)
	w.body = a.body[from:]
	return w, no
}

// missing reports that the row asks for something that it has no key for.
func (a *asker) missing() bool {
	for _, w := range a.wants {
		if w.missing {
			return true
		}
	}
	return false
}

// singly finds or makes an entry for each key of the row.
func (a *asker) singly(u *unit, row int) []ref {
	refs := u.refs(len(a.wants))
	for i, w := range a.wants {
		if w.missing {
			continue
		}
		t := a.gets[i].target
		e, fresh := u.entry(t.group, w.id)
		if fresh {
			a.ask(u, e, row, deliver.Row{
				Table: t.table.Name, Key: e.id, Operation: deliver.Get, Body: a.arena.Keep(w.body), Units: t.readUnits(false),
			}, t)
		}
		refs[i] = ref{entry: e}
	}
	return refs
}

// together finds or makes one entry for all keys of the row.
func (a *asker) together(u *unit, row int) []ref {
	refs := u.refs(len(a.wants))
	var id, body []byte
	var targets []*target
	at := map[string]int{}
	for i, w := range a.wants {
		if w.missing {
			continue
		}
		n, twice := at[string(w.id)]
		if !twice {
			n = len(targets)
			at[string(w.id)] = n
			t := a.gets[i].target
			targets = append(targets, t)
			id = append(binary.AppendUvarint(id, uint64(len(w.id))), w.id...)
			body = t.appendGet(body, w.body)
		}
		refs[i].at = n
	}
	if targets == nil {
		return refs
	}
	e, fresh := u.entry(targets[0].group, id)
	if fresh {
		r := deliver.Row{
			// Reads of one item need not wait for each other: the key is the row's own.
			Table: targets[0].table.Name, Key: e.id, Operation: deliver.TransactGet, Actions: len(targets), Body: body,
		}
		for _, t := range targets {
			if !slices.Contains(r.Tables, t.table.Name) {
				r.Tables = append(r.Tables, t.table.Name)
			}
			r.Units += t.readUnits(true)
		}
		a.ask(u, e, row, r, targets...)
	}
	for i, w := range a.wants {
		if !w.missing {
			refs[i].entry = e
		}
	}
	return refs
}

// ask has the core ask for a new entry.
func (a *asker) ask(u *unit, e *entry, row int, r deliver.Row, targets ...*target) {
	e.at, e.row, e.target = u.origins, row, targets
	r.Receipt = e
	u.submit(targets[0].group, r)
}

// reject is the rejection of a row.
func (l *lookup) reject(in *record.Batch, row int, code, message string) record.Rejection {
	return transforms.Reject(in, row, l.operation, code, message)
}

// without is the rejection of a row whose item is not there, or what becomes of
// it else: kept, or filtered.
func (l *lookup) without(in *record.Batch, row int, name, why string, out *transforms.Out) (kept bool) {
	switch l.onMissing {
	case missingDrop:
		out.Filtered++
		return false
	case missingReject:
		out.Rejects = append(out.Rejects, l.reject(in, row, codeNotFound, fmt.Sprintf("get %q: %s", name, why)))
		return false
	}
	return true
}
