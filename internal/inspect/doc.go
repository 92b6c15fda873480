// Package inspect says what rows are like: a Survey looks at batches of a
// sample and gives a Report; an Import says what writing them to a table would
// cost; a Block spells the source block that reads them.
//
//	survey.go     Survey: batches in, a Report out
//	attribute.go  what is counted of one attribute
//	guess.go      the type that text cells could have
//	keys.go       attributes, and pairs of them, that could be a table's key
//	import.go     Import: keys checked, write units counted
//	block.go      Block: a source block as text
//
// Memory is bounded whatever is looked at (promise 6): values are counted and
// hashed, never kept, and what is counted of them has an end.
package inspect
