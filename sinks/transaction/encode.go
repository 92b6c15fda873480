package transaction

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
)

const operation = deliver.TransactWrite

// step is an action of every row.
type step struct {
	verb   delivery.Verb
	head   string // {"Put":{
	when   *expr.Expr
	writer *delivery.Writer
}

// encoder makes rows of batches into transactions.
type encoder struct {
	steps      []step
	groupBy    *expr.Expr
	groupAt    *expr.Cursor // its values of the batch
	identities delivery.Identities
	marker     *delivery.Marker // nil: none
	digest     *delivery.Digest // of the draft, for its marker

	groups groups
	shelf  delivery.Shelf
	rows   *delivery.Rows // of the batch
	page   *delivery.Page
	draft  draft
	open   bool // rows may be added to the draft
	// fates, of each step, are what it makes of items, for one who compares; nil
	// in a run.
	fates []delivery.Fate
	see   func(*delivery.Sending) error // is told of each transaction; nil in a run
	value []byte
	last  recent
	seen  seen          // the draft's actions
	out   []deliver.Row // transactions that are whole
}

func (e *encoder) begin(b *record.Batch, r *record.Receipt) {
	e.page = delivery.NewPage(b)
	e.rows = e.shelf.Add(e.page, r)
	for i := range e.steps {
		e.steps[i].writer.Begin(e.page)
	}
	if e.groupBy != nil {
		e.groupAt = e.groupBy.Over(b)
	}
}

func (e *encoder) end() {
	e.page, e.rows = nil, nil
	for i := range e.steps {
		e.steps[i].writer.End()
	}
	if e.groupAt != nil {
		e.groupAt.Done()
		e.groupAt = nil
	}
	clear(e.out)
	e.out = e.out[:0]
}

// row adds a row to its transaction. Rows that can't be written end here; an
// error fails the run.
func (e *encoder) row(ctx context.Context, row int) error {
	no := e.place(row)
	if no.Refused() {
		return e.refuse(row, no)
	}
	d := &e.draft
	if d.failure.failed() { // the rows before have ended
		return e.refuse(row, d.failure.refusal())
	}
	no, err := e.actions(ctx, row)
	if err != nil {
		return err
	}
	if no.Refused() {
		if !d.failure.failed() {
			d.failure = failure{fault: e.rows.Origin(row).String(), why: no}
		}
		if err := d.reject(); err != nil {
			return err
		}
		return e.refuse(row, no)
	}
	d.members.add(e.rows, row)
	d.kept += e.page.Bytes(row)
	if e.marker != nil {
		e.digest.Row(e.page.Batch, row)
	}
	if e.groupBy == nil {
		e.close()
	}
	return nil
}

func (e *encoder) refuse(row int, no delivery.Refusal) error {
	return e.rows.Reject(row, refused(no))
}

// place ends the draft when the row is not of its group, and begins another.
func (e *encoder) place(row int) delivery.Refusal {
	if e.groupBy != nil {
		v, err := e.groupAt.At(row)
		if err != nil {
			return delivery.Failed(err)
		}
		if e.open && e.last.is(v) {
			return delivery.Refusal{}
		}
		e.last.set(v)
		e.value = attr.KeyBytes(e.value[:0], v)
		if e.open && string(e.value) == string(e.draft.value) {
			return delivery.Refusal{}
		}
	}
	e.close()
	d := &e.draft
	at := e.rows.Origin(row)
	identity, no := e.identities.Of(e.page.Batch, row)
	d.reset(&e.groups)
	if e.marker != nil {
		e.digest.Reset()
	}
	e.seen.clear()
	d.value = append(d.value, e.value...)
	d.begun, d.identity = at, identity
	e.open = true
	if no.Refused() {
		d.failure = failure{fault: at.String(), why: no}
	}
	return no
}

// recent is the value of group_by of the last row, if it is a text or a number:
// nearly always the next one's is spelled alike.
type recent struct {
	kind attr.Kind
	text []byte
}

func (r *recent) is(v attr.Value) bool {
	return r.kind != attr.Absent && v.Kind() == r.kind && v.Text() == string(r.text)
}

func (r *recent) set(v attr.Value) {
	r.kind = attr.Absent
	if k := v.Kind(); k == attr.String || k == attr.Number {
		r.kind, r.text = k, append(r.text[:0], v.Text()...)
	}
}

// actions appends the row's actions to the draft.
func (e *encoder) actions(ctx context.Context, row int) (delivery.Refusal, error) {
	d := &e.draft
	for i := range e.steps {
		step := &e.steps[i]
		if step.when != nil {
			yes, err := step.when.Condition(e.page.Batch, row)
			if err != nil {
				return delivery.Failed(err), nil
			}
			if !yes {
				continue
			}
		}
		before := len(d.body)
		if len(d.acts) > 0 {
			d.body = append(d.body, ',')
		}
		d.body = append(d.body, step.head...)
		body, target, no, err := step.writer.Append(ctx, d.body, row)
		d.body = body
		if no.Refused() || err != nil {
			d.body = d.body[:before]
			return no, err
		}
		d.body = append(d.body, "}}"...)
		if e.marker != nil {
			e.digest.Action(step.head, target.Table.Name)
		}
		if no := e.add(&target, row); no.Refused() {
			return no, nil
		}
		if e.fates != nil {
			e.expect(i, &target, row)
		}
	}
	return delivery.Refusal{}, nil
}

// add counts an action in.
func (e *encoder) add(target *delivery.Target, row int) delivery.Refusal {
	d, caps := &e.draft, e.marker.Caps()
	mark := deliver.MarkOf(target.Table.Name, target.Key)
	other, twice := e.find(mark, target)
	d.size += target.Size
	if target.To > 0 {
		d.bounds = append(d.bounds, bound{from: target.From, to: target.To})
	}
	if !caps.Holds(0, d.size) {
		d.measure()
	}
	switch {
	case twice && other == d.members.n:
		d.failure.all = delivery.Refuse(codeDuplicate, "two actions of the row at %s name the same item of table %s, and a transaction names an item once", e.rows.Origin(row), target.Table.Name)
	case twice:
		d.failure.all = delivery.Refuse(codeDuplicate, "the rows at %s and %s name the same item of table %s, and a transaction names an item once", d.members.origin(other), e.rows.Origin(row), target.Table.Name)
	case !caps.Holds(len(d.acts)+1, 0):
		d.failure.all = delivery.Refuse(codeTooLarge, "the group that begins with the row at %s has more than the %d actions of a transaction: make groups smaller", d.begun, caps.Items)
	case !caps.Holds(0, d.size):
		d.failure.all = delivery.Refuse(codeTooLarge, "the group that begins with the row at %s has more than the 4 MB of items of a transaction: make groups smaller", d.begun)
	default:
		e.seen.add(mark, d.marks)
		d.add(mark, target)
		d.units += target.Units * delivery.TransactionCost
		return delivery.Refusal{}
	}
	return d.failure.all
}

// find is the member of the draft that has an action on the same item.
func (e *encoder) find(mark deliver.Mark, target *delivery.Target) (member int, found bool) {
	d := &e.draft
	first, marked := e.seen.find(mark, d.marks)
	if !marked {
		return 0, false
	}
	for i := first; i < len(d.acts); i++ { // nearly always the first: other items of its mark are rare
		if a := &d.acts[i]; d.marks[i] == mark && a.table.Name == target.Table.Name && string(d.keys[a.from:a.to]) == string(target.Key) {
			return int(d.owners[i]), true
		}
	}
	return 0, false
}

// close ends the draft, if there is one, and has it sent. Rows without an action
// are filtered by their own expressions.
func (e *encoder) close() {
	if !e.open {
		return
	}
	e.open = false
	d := &e.draft
	switch {
	case d.failure.failed():
	case len(d.acts) == 0:
		d.members.end(record.Filtered)
	default:
		e.out = append(e.out, e.finish())
	}
}

// finish makes a row of the core of the draft, with its marker if it has one.
func (e *encoder) finish() deliver.Row {
	d, token := &e.draft, e.draft.identity
	if e.marker != nil {
		d.body, token = e.marker.Append(d.body, d.identity, e.digest, time.Now())
		d.units += e.marker.Units
	}
	d.body = delivery.AppendTransactionTail(d.body, token)
	row := d.finish()
	row.Actions += e.marker.Actions()
	return row
}

// newSteps makes the steps of actions.
func newSteps(ctx context.Context, mem memory.Allocator, actions []action, tables *delivery.Tables) ([]step, error) {
	var steps []step
	for _, a := range actions {
		writer, err := delivery.NewWriter(ctx, mem, a.Write, tables)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{verb: delivery.Verb(a.verb), head: fmt.Sprintf(`{%q:{`, a.verb), when: a.when, writer: writer})
	}
	return steps, nil
}
