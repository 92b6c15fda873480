// Package cli is the commands of dynapipe and what they show: to people on
// standard error and, where it is what a command is for, on standard output; to
// programs as one JSON document on standard output.
//
//	cli.go         Main: the process, the root command, the flags all share
//	exit.go        how a command ends: what is shown, and its exit code
//	document.go    the documents of --output json and --report, and their schema;
//	               document_page.go their reference
//	arguments.go   what is wrong with a command line, as diagnostics
//	run.go         run: a pipeline from file to report
//	report.go      --report: files with what a run did
//	watch.go       a run under way: progress, and warnings as they come
//	interrupt.go   signals and --max-duration
//	progress.go    the text of the progress line
//	console.go     standard error, shared by messages and the progress line
//	summary.go     a report for people
//	log.go         log records
//	planned.go     run --plan: how far a plan was off
//	validate.go, plan.go, graph.go, docs.go, version.go
//	validate_keys.go keys of tables that validate is told
//	fmt.go         fmt: the canonical form of pipeline files
//	inspect.go     inspect: a sample's report; inspect_source.go what it is told
//	               to look at, inspect_sample.go the reading, inspect_text.go
//	verify.go      verify: targets against what they should be; verify_text.go
//	               what it found, for people
//	test.go        test: tests of pipelines
//	init.go        init: a first pipeline; init_ask.go its questions, init_text.go
//	               the file
//	chaos.go       chaos: the fault proxy as a command
//	schema.go      schema: the language, and the documents, as JSON Schema
//	reference.go   the reference pages, generated into docs/reference
package cli

//go:generate go run ./writereference ../../docs/reference
