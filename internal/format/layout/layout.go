// Package layout says which attributes the rows of a file have, in which order
// and of what type, and reads them from batches of any shape.
//
// A Layout is fixed for a file: written by the user, or learned by a Survey of
// the first rows. A Binding connects it to one batch, whose columns may stand
// in another order, be of another type, or be in the overflow. What a format
// can't hold goes through Losses, which count it or refuse the row; a row that
// can't be written ends in a Misfit. The writers in csvio, jsonio and parquetio
// share all of this and add only bytes.
package layout

import "github.com/dynapipe/dynapipe/internal/attr"

// Type is what a column of a file holds.
type Type struct {
	// Kind is the kind that values are converted to. Absent keeps each value as
	// it comes.
	Kind attr.Kind
	// Elem is what a list holds, or a map whose values are of one type; nil
	// keeps them as they come.
	Elem *Type
	// Fields are the attributes of a map that are converted by name.
	Fields []Column
	// Learned says that the type was taken from the first rows. Nothing is
	// converted to it: a value of another kind does not fit.
	Learned bool
	// Integer narrows a number to what 64 bits hold, for formats that have
	// such a type.
	Integer bool
}

// Column is one column of a file.
type Column struct {
	Name string
	Type Type
}

// Layout is the columns of a file. The zero Layout takes every attribute of
// every row.
type Layout struct {
	// Columns are the file's columns in their order.
	Columns []Column
	// Fixed says that a row has the Columns and no others. Without it a row is
	// written with all its attributes and Columns is empty.
	Fixed bool
	// Exact refuses a row that has an attribute beyond the columns. It is set
	// when the columns were learned: leaving the attribute out would lose it
	// silently (promise 2). Columns that the user chose leave out the others.
	Exact bool
}

// Names is the columns' names.
func (l Layout) Names() []string {
	names := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		names[i] = c.Name
	}
	return names
}
