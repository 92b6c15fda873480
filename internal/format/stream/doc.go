// Package stream gets from what a user wrote as a path to the text of the
// files meant: List turns paths, patterns and "-" into files, Open reads one
// of them, decompressed, decoded to UTF-8 and without a byte order mark.
//
// It knows no format. The packages csvio and jsonio find rows in the text,
// through a Buffer.
package stream
