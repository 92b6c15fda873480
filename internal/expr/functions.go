package expr

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// FunctionDoc is what the reference says of a function.
type FunctionDoc struct {
	Name        string
	Signature   string // substr(text, offset, length)
	Description string
	Example     string // an expression, "->" and what it gives
}

// class is what a parameter takes. Scalars are converted as HCL does: a number
// or bool where text is wanted, a text that is a number where a number is.
type class uint8

const (
	anything class = iota
	text
	numeric
	boolean
	sequence   // a list, or a set as the list of its elements in order
	collection // a list, a map or a set, as it is
	mapping
	octets // a text or a binary, as it is
)

// kinds is what a value that is accepted may be before it is converted.
func (c class) kinds() Kinds {
	switch c {
	case text:
		return Scalars
	case numeric:
		return Number | String
	case boolean:
		return Bool | String
	case sequence:
		return List | Sets
	case collection:
		return List | Map | Sets
	case mapping:
		return Map
	case octets:
		return Scalars | Binary
	}
	return Unknown
}

// wants is how a message speaks of the class: "not a number".
func (c class) wants() string {
	return [...]string{"a value", "text", "a number", "a bool", "a list or a set",
		"a list, a map or a set", "a map", "text or a binary"}[c]
}

// param is a parameter of a function.
type param struct {
	name  string
	class class
	null  bool // takes null
}

// fn is a function of the language. The same one serves rows and go-cty.
type fn struct {
	name        string
	params      []param
	optional    int    // how many of the last params may be left out
	rest        *param // of any number of arguments after params
	least       int    // how many of rest there must be
	result      Kinds
	infer       func(args []term) Kinds // in place of result
	description string
	example     string

	// run computes the function. The arguments have been converted.
	run func(c *call) (attr.Value, error)
	// check, which may be nil, looks at the arguments that are known before any
	// row; the others are Absent in c.args.
	check func(c *call) error

	lazy    bool // try and can, which evaluate their arguments themselves
	perCall bool // gives something new each time
	static  bool // has no place in a row expression
	rowOnly bool // has no place outside one
}

// call is one call of a function.
type call struct {
	run  *Run
	args []attr.Value
	prepared
	// frame and site are for functions that give something new each time.
	frame *frame
	site  site
}

// prepared is what check has made of arguments that are the same for every row;
// nil where there are none.
type prepared struct {
	re     *regexp.Regexp
	layout []datePart // of a date
	verbs  []verb     // of a format
}

// argError is what is wrong with an argument: it completes "row.x is 5, ...".
type argError struct {
	arg   int
	what  string
	shown string // more of it, with parts of the arguments, unless one is secret
}

func (e *argError) Error() string { return fmt.Sprintf("argument %d is %s", e.arg+1, e.what) }

// bad is an error about an argument, that completes "row.x is 5, not ...".
func bad(arg int, format string, args ...any) error {
	return &argError{arg: arg, what: "not " + fmt.Sprintf(format, args...)}
}

// showing is bad with more that shows parts of the arguments.
func showing(bad error, format string, args ...any) error {
	var e *argError
	if errors.As(bad, &e) {
		e.shown = ": " + fmt.Sprintf(format, args...)
	}
	return bad
}

func (f *fn) param(i int) *param {
	if i < len(f.params) {
		return &f.params[i]
	}
	return f.rest
}

// invoke converts the arguments, which it may change, and runs the function.
func (f *fn) invoke(c *call) (attr.Value, error) {
	for i := range c.args {
		v, err := f.param(i).convert(i, c.args[i])
		if err != nil {
			return attr.Value{}, err
		}
		c.args[i] = v
	}
	v, err := f.run(c)
	if err != nil {
		return attr.Value{}, err
	}
	return v, bounded(v)
}

// bounded refuses a result that no row could use: an item has 400 KB (AWS:
// "Quotas in Amazon DynamoDB").
func bounded(v attr.Value) error {
	if len(v.Text()) > MaxText {
		return errTooLong
	}
	if len(v.Elems()) > MaxElements || len(v.Fields()) > MaxElements {
		return errTooMany
	}
	return nil
}

var (
	errTooLong = fmt.Errorf("the result has more than %d MB", MaxText>>20)
	errTooMany = fmt.Errorf("the result has more than %d elements", MaxElements)
)

func (p *param) convert(i int, v attr.Value) (attr.Value, error) {
	if v.IsNull() {
		if p.null {
			return v, nil
		}
		return v, bad(i, "%s", p.class.wants())
	}
	switch p.class {
	case text:
		if v.Kind() == attr.String {
			return v, nil
		}
		if s, ok := scalarText(v); ok {
			return attr.StringValue(s), nil
		}
	case numeric:
		if v.Kind() == attr.Number {
			return v, nil
		}
		if s, ok := numberText(v); ok {
			return attr.NumberValue(s)
		}
	case boolean:
		if v.Kind() == attr.Bool {
			return v, nil
		}
		if b, ok := boolText(v.Text()); ok && v.Kind() == attr.String {
			return attr.BoolValue(b), nil
		}
	case sequence:
		switch v.Kind() {
		case attr.List:
			return v, nil
		case attr.StringSet, attr.NumberSet, attr.BinarySet:
			return attr.ListValue(sortedSet(v)), nil
		}
	case octets:
		if s, ok := scalarText(v); ok {
			return attr.StringValue(s), nil
		}
		if v.Kind() == attr.Binary {
			return v, nil
		}
	default:
		if p.class.kinds().Has(v.Kind()) {
			return v, nil
		}
	}
	return v, bad(i, "%s", p.class.wants())
}

// signature is the function as the reference writes it.
func (f *fn) signature() string {
	var b strings.Builder
	b.WriteString(f.name + "(")
	for i, p := range f.params {
		if i > 0 {
			b.WriteString(", ")
		}
		if i >= len(f.params)-f.optional {
			b.WriteString("[" + p.name + "]")
		} else {
			b.WriteString(p.name)
		}
	}
	if f.rest != nil {
		if len(f.params) > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.rest.name + "...")
	}
	return b.String() + ")"
}

// arity is what is wrong with a number of arguments; empty when it is right.
func (f *fn) arity(n int) string {
	least, most := len(f.params)-f.optional+f.least, len(f.params)
	switch {
	case n < least && f.rest == nil && f.optional == 0, n > most && f.rest == nil && f.optional == 0:
		return fmt.Sprintf("%s takes %s, not %d", f.signature(), arguments(most), n)
	case n < least:
		return fmt.Sprintf("%s takes at least %s, not %d", f.signature(), arguments(least), n)
	case n > most && f.rest == nil:
		return fmt.Sprintf("%s takes at most %s, not %d", f.signature(), arguments(most), n)
	}
	return ""
}

func arguments(n int) string {
	switch n {
	case 0:
		return "no argument"
	case 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// functions is every function by its name. It never changes.
var functions = tabulate(
	conversionFunctions(),
	stringFunctions(),
	patternFunctions(),
	formatFunctions(),
	numberFunctions(),
	listFunctions(),
	mapFunctions(),
	setFunctions(),
	encodingFunctions(),
	hashFunctions(),
	timeFunctions(),
	identityFunctions(),
	dynamoFunctions(),
)

func tabulate(groups ...[]*fn) map[string]*fn {
	table := map[string]*fn{}
	for _, group := range groups {
		for _, f := range group {
			if table[f.name] != nil {
				panic("expr: function " + f.name + " twice")
			}
			table[f.name] = f
		}
	}
	return table
}

// FunctionDocs is every function, by name.
func FunctionDocs() []FunctionDoc {
	docs := make([]FunctionDoc, 0, len(functions))
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		docs = append(docs, FunctionDoc{f.name, f.signature(), f.description, f.example})
	}
	return docs
}
