// Package pipetest runs tests of pipelines, which stand in *.test.hcl files: the
// pipeline as it is, on the real engine, between sources of given rows and sinks
// that only look.
//
//	block.go    the declarations of the test block and what is in it
//	load.go     files to tests, each with its pipeline, and what is wrong with them
//	rows.go     rows as a test writes them, to values
//	bind.go     a test's blocks put in the places of the pipeline's nodes
//	source.go   the rows of a source, as a source
//	sink.go     a sink that keeps what reaches it
//	run.go      one test after the other
//	compare.go  what reached a sink against what was expected
//	rejects.go  rejected rows against those that were expected
//	spell.go    values as a test would write them
//	report.go   what came of it, and the same as JUnit XML
//
// A test is deterministic: the run's id and start are fixed, what a service or a
// file would say is given, and nothing is written but a dead letter in a
// temporary folder that is gone when the test ends.
package pipetest
