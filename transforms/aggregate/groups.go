package aggregate

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// aggregate keeps the groups until the end of input.
type aggregate struct {
	*Config
	env    transforms.Env
	groups map[string]*group
	inTurn []*group // by first appearance
	bytes  int64    // that the groups keep, about
	held   int64    // rows that are in a group
	key    []byte
	common []attr.Value // of the row at hand, what it is grouped by
	values []attr.Value // of the row at hand, by function
}

// group is one group.
type group struct {
	by     []attr.Value
	states []state
}

// groupBytes is what a group takes beside its key and values, and what it takes
// for each function.
const (
	groupBytes = 160
	stateBytes = 200
)

var _ transforms.Flusher = (*aggregate)(nil)

// Sequential declares that batches come one at a time and in order.
func (*aggregate) Sequential() {}

// Apply adds the rows to their groups. The unit goes on empty.
func (a *aggregate) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	var rows int64
	by, args := a.cursors(in)
	defer func() {
		for _, c := range append(by, args...) {
			if c != nil {
				c.Done()
			}
		}
	}()
	for row := range in.Rows() {
		operation, rejected, err := a.add(by, args, row)
		switch {
		case err != nil:
			return err
		case rejected != nil:
			out.Rejects = append(out.Rejects, transforms.RejectExpression(in, row, operation, rejected))
		default:
			rows++
		}
	}
	a.held += rows
	return nil
}

// cursors gives the values of by, and those of the functions' arguments, where
// a function has one.
func (a *aggregate) cursors(in *record.Batch) (by, args []*expr.Cursor) {
	by, args = make([]*expr.Cursor, len(a.by)), make([]*expr.Cursor, len(a.set))
	for i, b := range a.by {
		by[i] = b.Expr.Over(in)
	}
	for i, s := range a.set {
		if s.Arg != nil {
			args[i] = s.Arg.Over(in)
		}
	}
	return by, args
}

// add adds one row. It says why the row is rejected, and by what, or why the run
// fails.
func (a *aggregate) add(by, args []*expr.Cursor, row int) (operation string, rejected, failed error) {
	a.key, a.common = a.key[:0], a.common[:0]
	for i, b := range a.by {
		v, err := by[i].At(row)
		if err != nil {
			return "by " + b.Name, err, nil
		}
		if v.IsNull() {
			v = attr.Value{} // absent and NULL are both null to an expression
		}
		a.common = append(a.common, v)
		a.key = attr.KeyBytes(a.key, v)
	}
	a.values = a.values[:0]
	for i, s := range a.set {
		var v attr.Value
		if args[i] != nil {
			var err error
			if v, err = args[i].At(row); err != nil {
				return "set " + s.Name, err, nil
			}
		}
		a.values = append(a.values, v)
	}
	g := a.groups[string(a.key)]
	if g == nil {
		g = a.newGroup() // kept once the row has been taken
	}
	for i, s := range a.set {
		if v := a.values[i]; !v.IsNull() {
			if err := g.states[i].check(v); err != nil {
				return "set " + s.Name, fmt.Errorf("%s: %s(%s): %w", s.Arg.Range(), s.Function, s.Arg.Source(), err), nil
			}
		}
	}
	if g.by == nil {
		if failed := a.keep(g, a.common); failed != nil {
			return "", nil, failed
		}
	}
	for i, v := range a.values {
		a.bytes += int64(g.states[i].add(v))
	}
	if a.bytes > a.maxBytes {
		return "", nil, a.limitError("bytes in the groups", "max_bytes", a.maxBytes)
	}
	return "", nil, nil
}

func (a *aggregate) newGroup() *group {
	g := &group{states: make([]state, len(a.set))}
	for i, s := range a.set {
		g.states[i] = functions[s.Function].start()
	}
	return g
}

// group makes and keeps a group.
func (a *aggregate) group(key []byte, by []attr.Value) (*group, error) {
	g := a.newGroup()
	a.key = append(a.key[:0], key...)
	return g, a.keep(g, by)
}

// keep keeps a new group, whose key is at hand.
func (a *aggregate) keep(g *group, by []attr.Value) error {
	if len(a.inTurn) >= a.maxGroups {
		return a.limitError("groups", "max_groups", a.maxGroups)
	}
	g.by = make([]attr.Value, len(by))
	for i, v := range by {
		g.by[i] = v.Clone()
		a.bytes += int64(weight(v))
	}
	a.bytes += groupBytes + int64(len(a.key)) + stateBytes*int64(len(a.set))
	a.groups[string(a.key)] = g
	a.inTurn = append(a.inTurn, g)
	return nil
}

// Flush makes a row of each group.
func (a *aggregate) Flush(ctx context.Context, out *transforms.Out) error {
	out.Coalesced += a.held // rows that went into an aggregate (promise 1)
	a.held = 0
	b := attr.NewBuilder(a.env.Mem)
	defer b.Release()
	place := &record.Place{Source: a.env.Node, Segment: -1}
	for i, g := range a.inTurn {
		out.Made++
		pos := record.Pos{File: -1, Seq: int64(i)}
		if why := a.build(b, g); why != nil {
			b.Drop()
			out.Rejects = append(out.Rejects, a.rejection(g, record.Origins{Place: place, Pos: []record.Pos{pos}}.At(0), why))
		} else {
			b.EndRow(pos)
		}
		a.inTurn[i] = nil // what it kept goes as the rows are made
		if b.Rows() >= a.env.Limits.Rows || int64(b.Bytes()) >= a.env.Limits.Bytes {
			out.Emit(b.Batch(place))
			if err := out.Send(); err != nil {
				return err
			}
		}
	}
	a.inTurn, a.groups = nil, nil
	out.Emit(b.Batch(place))
	return ctx.Err()
}

// build makes the row of a group, or says why it can't be.
func (a *aggregate) build(b *attr.Builder, g *group) error {
	for i, v := range g.by {
		b.Set(a.by[i].Name, v)
	}
	for i, s := range a.set {
		v, err := g.states[i].result()
		if err != nil {
			return fmt.Errorf("%s: %s(%s): %w", s.Arg.Range(), s.Function, s.Arg.Source(), err)
		}
		b.Set(s.Name, v)
	}
	return b.Err()
}

// rejection is the rejection of a group whose row can't be made, with what can.
func (a *aggregate) rejection(g *group, at record.Origin, why error) record.Rejection {
	var fields []attr.Field
	for i, v := range g.by {
		if !v.IsNull() {
			fields = append(fields, attr.Field{Name: a.by[i].Name, Value: v})
		}
	}
	for i, s := range a.set {
		if v, err := g.states[i].result(); err == nil && !v.IsNull() {
			fields = append(fields, attr.Field{Name: s.Name, Value: v})
		}
	}
	// A map's value is what an item is: {"M":{...}} without what is around it.
	item := attr.AppendDynamoJSON(nil, attr.MapValue(fields))
	item = item[len(`{"M":`) : len(item)-1]
	return record.Rejection{
		Origin: at, Item: item,
		Operation: "aggregate", Code: transforms.CodeExpression, Message: why.Error(),
	}
}

// Drop forgets the groups of a run that makes no rows of them.
func (a *aggregate) Drop() int64 {
	held := a.held
	a.held, a.groups, a.inTurn = 0, nil, nil
	return held
}
