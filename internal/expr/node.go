package expr

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// node is one node of the bound tree. An error is an *Error, or one of a
// function that the call turns into an *Error.
type node interface {
	eval(f *frame) (attr.Value, error)
}

// frame is the evaluation of an expression for one row.
type frame struct {
	run   *Run
	batch *record.Batch
	row   int
	slots []attr.Value
	// made is the bytes that the evaluation has made so far, about.
	made int
	// calls counts the evaluations of each call site of uuid() and ulid()
	// within the row.
	calls map[int]int
}

// maxMade bounds what the evaluation of an expression for one row makes on its
// way, and with it the steps of nested loops.
const maxMade = 64 << 20

// elementBytes is what an element of a list or map takes, about.
const elementBytes = 64

// makes counts what a node is about to make (promise 6).
func (f *frame) makes(bytes int, rng hcl.Range) error {
	if f.made += bytes; f.made > maxMade {
		return errorf(rng, "the expression makes more than %d MB for one row", maxMade>>20)
	}
	return nil
}

// literal is a value known since Compile.
type literal struct{ v attr.Value }

func (n *literal) eval(*frame) (attr.Value, error) { return n.v, nil }

// failing fails whenever it is reached.
type failing struct{ err *Error }

func (n *failing) eval(*frame) (attr.Value, error) { return attr.Value{}, n.err }

// slotNode reads a variable of a for or splat expression.
type slotNode struct{ slot int }

func (n *slotNode) eval(f *frame) (attr.Value, error) { return f.slots[n.slot], nil }

// asError gives an error the place where it happened, unless it has one.
func asError(err error, rng hcl.Range) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Message: err.Error(), Range: rng}
}

// describe is a value in a message, at most some 60 bytes of it.
func describe(v attr.Value) string {
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return "null"
	case attr.String:
		return fmt.Sprintf("text %q", shorten(v.Text()))
	case attr.Number:
		return "number " + shorten(v.Text())
	case attr.Bool:
		return fmt.Sprintf("bool %t", v.True())
	}
	return "a " + v.Kind().String()
}

// kindName is a value in a message that must not show it.
func kindName(v attr.Value) string {
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return "null"
	case attr.String:
		return "text"
	}
	return "a " + v.Kind().String()
}

// is says what a term turned out to be: `row.balance is text "abc"`. A value
// that a variable or a local had a part in is not shown (promise 8).
func (t *term) is(v attr.Value) string {
	if t.secret {
		return t.name + " is " + kindName(v)
	}
	if _, written := t.value(); written && v.Kind() != attr.List && v.Kind() != attr.Map {
		return describe(v)
	}
	return t.name + " is " + describe(v)
}

// isNot is the error of a term that is not what it has to be.
func (t *term) isNot(v attr.Value, what string) *Error {
	if lit, ok := t.node.(*literal); ok && !t.secret && lit.v.Kind() == v.Kind() {
		return errorf(t.rng, "%s is not %s", describe(v), what)
	}
	return errorf(t.rng, "%s, not %s", t.is(v), what)
}

// truth reads a value as a condition.
func truth(v attr.Value, t *term) (bool, error) {
	switch v.Kind() {
	case attr.Bool:
		return v.True(), nil
	case attr.Absent, attr.Null:
		return false, nil
	case attr.String:
		if b, ok := boolText(v.Text()); ok {
			return b, nil
		}
	}
	return false, t.isNot(v, "true or false")
}

// boolText reads the texts that HCL converts to a bool.
func boolText(s string) (value, ok bool) {
	switch s {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}
