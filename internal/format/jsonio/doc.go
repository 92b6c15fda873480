// Package jsonio reads and writes JSON documents and JSON Lines, plain or in
// DynamoDB JSON.
//
//	reader.go           lines to the text of rows
//	reader_document.go  documents to the text of rows
//	reader_mark.go      where reading can go on in a later run
//	pointer.go          the way to the rows inside a document
//	reader_scan.go      from value to value
//	writer.go           batches to text
//
// Readers find where a row begins and ends. What is in it, package attr reads.
package jsonio
