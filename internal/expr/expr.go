package expr

import (
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Scope is what an expression is compiled in.
type Scope struct {
	// Static has the objects "var" and "local".
	Static *hcl.EvalContext
	// Shape is what is known of the rows.
	Shape Shape
	// Run is what timestamp(), uuid() and ulid() depend on.
	Run *Run
	// Sources is the bytes of each file by its name, so that literals are kept
	// as they were written: HCL normalises them to NFC.
	Sources map[string][]byte
}

// Run identifies a run. A resumed run has the ID and Start of the first.
type Run struct {
	ID    string
	Start time.Time
}

// Expr is a compiled row expression. Several goroutines may use it at once.
type Expr struct {
	root   term
	slots  int // variables of for and splat that are alive at once
	run    *Run
	names  []string
	all    bool
	source string
	rng    hcl.Range
	// program is the expression as loops; nil when all of it is walked.
	program *program
	byRow   []Part
	makers  sync.Pool // of *attr.ColumnMaker
}

// Error is why an expression fails for a row. It rejects the row.
type Error struct {
	Message string
	Range   hcl.Range
}

func (e *Error) Error() string { return e.Message }

// Eval evaluates the expression for one row of the batch. The error is an
// *Error and rejects the row. Both Absent and NULL are null. The value may
// share the batch's memory: it is not to be used after the batch's Release.
func (x *Expr) Eval(b *record.Batch, row int) (attr.Value, error) {
	if lit, ok := x.root.node.(*literal); ok {
		return lit.v, nil
	}
	f := frame{run: x.run, batch: b, row: row}
	if x.slots > 0 {
		f.slots = make([]attr.Value, x.slots)
	}
	return x.root.eval(&f)
}

// Condition evaluates the expression as a condition: null is false, the texts
// "true" and "false" count as bools, everything else is an error.
func (x *Expr) Condition(b *record.Batch, row int) (bool, error) {
	v, err := x.Eval(b, row)
	if err != nil {
		return false, err
	}
	return truth(v, &x.root)
}

// Kinds is what the expression may give.
func (x *Expr) Kinds() Kinds { return x.root.kinds }

// Constant is the value of an expression that is the same for every row: it
// uses no row, meta, uuid() or ulid().
func (x *Expr) Constant() (attr.Value, bool) {
	if lit, ok := x.root.node.(*literal); ok {
		return lit.v, true
	}
	return attr.Value{}, false
}

// UsesRow reports that the expression reads the row.
func (x *Expr) UsesRow() bool { return x.all || len(x.names) > 0 }

// Attributes is the names of the row's attributes that the expression reads,
// sorted; all is true when it reads the row whole or by a computed name.
func (x *Expr) Attributes() (names []string, all bool) { return x.names, x.all }

// Source is the expression as it was written; empty when Scope.Sources did not
// have its file.
func (x *Expr) Source() string { return x.source }

// Range is where the expression stands.
func (x *Expr) Range() hcl.Range { return x.rng }
