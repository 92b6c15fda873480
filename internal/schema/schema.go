// Package schema is the one declaration of a block of the pipeline language.
// A component declares each argument once: a name beside a typed pointer, with
// its default (what the pointer points to) and its meaning. Decoding, checks,
// documentation, the plan's view and the masking of secrets all derive from
// that declaration.
//
//	schema.go   Block, Arg, Nested, Label, and the facts of a plan
//	args.go     constructors of arguments with one value for the whole run
//	rows.go     constructors of arguments that hold expressions over rows
//	pairs.go    constructors of arguments that map names to something
//	calls.go    constructor of an argument that maps names to functions of its own
//	types.go    column types: number, string_set, list(string)
//	template.go constructor of a text that may use the row
//	columns.go  columns, as names or with their types
//	blocks.go   constructors of nested blocks
//	keyuse.go   what a node makes the key of an item of
//	decode.go   HCL to the bound values
//	static.go   evaluation of what is fixed before the run
//	text.go     the bytes of a literal, which HCL normalises
//	docs.go     a declaration as text and Markdown
//	examples.go what of a declaration's examples shows an argument
//	jsonschema.go a declaration as JSON Schema
package schema

import (
	"github.com/hashicorp/hcl/v2"
)

// Block declares a block: what may stand in it, bound to Go values.
type Block struct {
	Summary string // one sentence
	Doc     string // more, in Markdown; may be empty
	Example string // blocks of this kind, with each argument in one of them
	Labels  []Label
	Args    []Arg
	Blocks  []Nested
	// Check finds what no single argument can: arguments that exclude each
	// other, values that don't fit together. It runs after everything bound
	// has its value, and not at all when something could not be decoded.
	Check func(Ranges) hcl.Diagnostics
}

// Label is a label of a nested block: rule "positive" { ... }.
type Label struct {
	Name   string
	Target *string
	At     *hcl.Range // where it was written; may be nil
}

// Declarer is a Go value that declares the block it is decoded from.
type Declarer interface {
	Schema() Block
}

// Arg declares one argument. Its constructors are named for the Go value they
// bind; its methods return the changed declaration.
type Arg struct {
	name, doc, kind, def, unit string
	required, secret, rowByRow bool
	low, high                  *float64
	spell                      func(float64) string // a limit, as the argument is written
	shape                      JSON
	decode                     func(d *decoding, a *argument)
}

// Name is the argument's name.
func (a Arg) Name() string { return a.name }

// Require makes leaving the argument out an error.
func (a Arg) Require() Arg { a.required = true; return a }

// Secret keeps the argument's value out of plans, diagnostics and reports
// (promise 8).
func (a Arg) Secret() Arg { a.secret = true; return a }

// RowByRow says that the component evaluates the argument's expressions for one
// row at a time, whatever their form.
func (a Arg) RowByRow() Arg { a.rowByRow = true; return a }

// DefaultDoc describes a default that is not a plain value: "by ending".
func (a Arg) DefaultDoc(text string) Arg { a.def = text; return a }

// Unit names what a number counts: "RCU per second".
func (a Arg) Unit(text string) Arg { a.unit = text; return a }

// AtLeast refuses smaller numbers, durations in seconds, sizes in bytes.
func (a Arg) AtLeast(low float64) Arg { a.low = &low; return a }

// Between refuses numbers outside the range, both ends included.
func (a Arg) Between(low, high float64) Arg { a.low, a.high = &low, &high; return a }

// Ranges is where the parts of a decoded block were written.
type Ranges struct {
	block hcl.Range
	args  map[string]hcl.Range
}

// Block is the block's header.
func (r Ranges) Block() hcl.Range { return r.block }

// Has reports whether the argument or nested block was written, even as null.
func (r Ranges) Has(name string) bool { _, ok := r.args[name]; return ok }

// Of is the argument's value, or the first nested block's header; the block's
// own header when it was not written.
func (r Ranges) Of(name string) hcl.Range {
	if at, ok := r.args[name]; ok {
		return at
	}
	return r.block
}

// Facts is what the plan says of a node that the pipeline file does not.
type Facts struct {
	Calls     []string   `json:"calls,omitempty" doc:"The API operations that it calls, as BatchWriteItem."`
	Tables    []TableUse `json:"tables,omitempty" doc:"The tables that it uses."`
	RowTables bool       `json:"row_tables,omitempty" doc:"Rows name tables which are not in tables."`
	Files     []string   `json:"files,omitempty" doc:"The files that it reads or writes."`
	Notes     []string   `json:"notes,omitempty" doc:"What else there is to know before a run."`
	Order     string     `json:"order,omitempty" doc:"What order the rows come or go in."`
	Guarantee string     `json:"guarantee,omitempty" doc:"What a repeated request, and a resumed run, mean."`
	Delivery  Delivery   `json:"delivery,omitempty" doc:"How often what a sink does with a row may happen."`
}

// Delivery is how often what a sink does with a row may happen.
type Delivery string

// The kinds of delivery.
const (
	ExactlyOnce Delivery = "exactly once"
	AtLeastOnce Delivery = "at least once"
)

// Values are the kinds that there are.
func (Delivery) Values() []string { return []string{string(ExactlyOnce), string(AtLeastOnce)} }

// TableUse is a table that a node reads, writes or creates.
type TableUse struct {
	Name  string   `json:"name" doc:"The table's name or ARN, as the pipeline has it."`
	Use   string   `json:"use" values:"read write create" doc:"What is done with it."`
	Keys  []string `json:"keys,omitempty" doc:"The attributes of its key, with their types."`
	Note  string   `json:"note,omitempty" doc:"What else there is to know of it."`
	ARN   string   `json:"arn,omitempty" doc:"Its ARN, when it could be asked for it."`
	Index string   `json:"index,omitempty" doc:"The index that is read in place of the table."`
	Calls []string `json:"calls,omitempty" doc:"The calls at this table, where not all of the node's are; of a transaction, its actions."`
}
