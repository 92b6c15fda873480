package aggregate

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// state is what a group keeps for one function.
type state interface {
	// check reports why a value that is not null can't be added. It changes
	// nothing: a row that one function refuses counts in none.
	check(v attr.Value) error
	// add takes a value that check has let pass, null included, and says how
	// many bytes more it keeps.
	add(v attr.Value) (bytes int)
	// result is what the function gives; Absent is null.
	result() (attr.Value, error)
}

// function is a function of set.
type function struct {
	args  int
	want  expr.Kinds
	start func() state
	kinds func(arg *expr.Expr) expr.Kinds
}

var order = [...]string{"count", "sum", "min", "max", "avg", "first", "last", "collect"}

// functions never changes.
var functions = map[string]function{
	"count":   {0, 0, func() state { return new(count) }, is(expr.Number)},
	"sum":     {1, expr.Number | expr.String, func() state { return new(sum) }, is(expr.Number | expr.Null)},
	"min":     {1, expr.Number | expr.String, func() state { return &extreme{sign: -1} }, scalar},
	"max":     {1, expr.Number | expr.String, func() state { return &extreme{sign: 1} }, scalar},
	"avg":     {1, expr.Number | expr.String, func() state { return new(avg) }, is(expr.Number | expr.Null)},
	"first":   {1, expr.Unknown, func() state { return &one{} }, same},
	"last":    {1, expr.Unknown, func() state { return &one{last: true} }, same},
	"collect": {1, expr.Unknown, func() state { return new(collect) }, is(expr.List)},
}

func is(k expr.Kinds) func(*expr.Expr) expr.Kinds { return func(*expr.Expr) expr.Kinds { return k } }

func same(arg *expr.Expr) expr.Kinds { return arg.Kinds() | expr.Null }

func scalar(arg *expr.Expr) expr.Kinds {
	return arg.Kinds()&(expr.Number|expr.String) | expr.Null
}

func forms() []schema.CallForm {
	out := make([]schema.CallForm, len(order))
	for i, name := range order {
		f := functions[name]
		out[i] = schema.CallForm{Name: name, Args: f.args, Want: f.want}
	}
	return out
}

// count counts rows.
type count struct{ rows int64 }

func (c *count) check(attr.Value) error { return nil }
func (c *count) add(attr.Value) int     { c.rows++; return 0 }
func (c *count) result() (attr.Value, error) {
	return attr.NumberValue(fmt.Sprint(c.rows))
}

// sum adds numbers without rounding: between 1E125 and 1E-130 there are 256
// digits, so that it stays small whatever is added.
type sum struct {
	total apd.Decimal
	n     int64
	now   apd.Decimal // the number that check has read
}

func (s *sum) check(v attr.Value) error {
	d, err := attr.DecimalOf(v)
	if err != nil {
		return err
	}
	s.now = *d
	return nil
}

func (s *sum) add(v attr.Value) int {
	if v.IsNull() {
		return 0
	}
	s.n++
	// A context without a precision does not round, and adding has no other
	// way to fail for finite numbers of this range.
	if _, err := apd.BaseContext.Add(&s.total, &s.total, &s.now); err != nil {
		panic("aggregate: " + err.Error())
	}
	return 0
}

func (s *sum) result() (attr.Value, error) {
	if s.n == 0 {
		return attr.Value{}, nil
	}
	return attr.FromDecimal(&s.total)
}

// avg is a sum that is divided at the end.
type avg struct{ sum }

func (a *avg) result() (attr.Value, error) {
	if a.n == 0 {
		return attr.Value{}, nil
	}
	context := apd.Context{
		Precision: attr.MaxDigits, Rounding: apd.RoundHalfEven,
		MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
	}
	var mean apd.Decimal
	if _, err := context.Quo(&mean, &a.total, apd.New(a.n, 0)); err != nil {
		return attr.Value{}, fmt.Errorf("the mean can't be computed: %w", err)
	}
	return attr.FromDecimal(&mean)
}

// extreme is the least or greatest value.
type extreme struct {
	sign int
	best attr.Value
	text bool // values are text that is no number
}

func (e *extreme) check(v attr.Value) error {
	if v.Kind() != attr.Number && v.Kind() != attr.String {
		return fmt.Errorf("a %s has no order: min and max take numbers or text", v.Kind())
	}
	if text := isText(v); !e.best.IsNull() && text != e.text {
		return fmt.Errorf("%s can't be compared with %s, which came before in its group: one is a number, the other is not", show(v), show(e.best))
	}
	return nil
}

func isText(v attr.Value) bool {
	return v.Kind() == attr.String && attr.CheckNumber(v.Text()) != nil
}

func (e *extreme) add(v attr.Value) int {
	if v.IsNull() {
		return 0
	}
	if e.best.IsNull() {
		e.best, e.text = v.Clone(), isText(v)
		return len(v.Text())
	}
	order := 0
	if e.text {
		order = strings.Compare(v.Text(), e.best.Text())
	} else {
		order = attr.CompareNumbers(v.Text(), e.best.Text())
	}
	if order != e.sign {
		return 0
	}
	grown := len(v.Text()) - len(e.best.Text())
	e.best = v.Clone()
	return grown
}

func (e *extreme) result() (attr.Value, error) { return e.best, nil }

// one is the first or last value.
type one struct {
	last  bool
	value attr.Value
	size  int
}

func (o *one) check(attr.Value) error { return nil }

func (o *one) add(v attr.Value) int {
	if v.IsNull() || !o.last && !o.value.IsNull() {
		return 0
	}
	before := o.size
	o.value, o.size = v.Clone(), weight(v)
	return o.size - before
}

func (o *one) result() (attr.Value, error) { return o.value, nil }

// collect is all values.
type collect struct{ values []attr.Value }

func (c *collect) check(attr.Value) error { return nil }

func (c *collect) add(v attr.Value) int {
	if v.IsNull() {
		return 0
	}
	c.values = append(c.values, v.Clone())
	return weight(v)
}

func (c *collect) result() (attr.Value, error) { return attr.ListValue(c.values), nil }

// valueBytes is what a value takes beside its text.
const valueBytes = 96

// weight is about what a value takes.
func weight(v attr.Value) int {
	n := len(v.Text()) + valueBytes
	for _, e := range v.Elems() {
		n += weight(e)
	}
	for _, f := range v.Fields() {
		n += len(f.Name) + weight(f.Value)
	}
	return n
}

// show is a scalar for a message.
func show(v attr.Value) string {
	const most = 60
	text := v.Text()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	if v.Kind() == attr.String {
		return fmt.Sprintf("%q", text)
	}
	return text
}
