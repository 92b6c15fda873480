// Package csvio reads and writes CSV (RFC 4180).
//
//	reader.go        text to records: lines, comments, faults
//	reader_cells.go  the cells of one record
//	reader_fast.go   the same for a record that is whole and in order
//	writer.go        batches to text
//	writer_text.go   columns of text, the most of it
//
// What a cell means, and which columns there are, is for whoever reads or
// writes the file.
package csvio
