// Package bench compares whole runs of dynapipe with other programs that do
// the same: naive ones in Go, and DuckDB. `make bench` runs it; BENCHMARKS.md
// explains its rows.
//
//	dataset/     the rows that are read
//	standin/     a DynamoDB that answers at once
//	naive/       the programs that dynapipe is compared with
//	duckdb/      what DuckDB does, as a program of Node.js
//	pipelines/   what dynapipe runs
//	content/     whether two programs made the same
//	cases.go     what is compared, and what is wanted of it
//	rig.go       files, servers and processes
//	process.go   one run of a program, measured
//	measure.go   the rounds of a case
//	memory.go    peak memory of a small input and one ten times as large
//	gotest.go    a pair of benchmarks of `go test`
//	report.go    the tables
//
// Programs take turns, so that all meet the same moods of the machine, and what
// counts is their CPU time, of which others on the machine take less away than
// of time on the clock. Before anything is timed, both programs of a case have
// to make the same of a smaller input, item by item; and each timed run has to
// have written every row.
package bench
