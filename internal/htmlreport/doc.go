// Package htmlreport writes what a run did as one HTML page for people: how it
// ended, the graph with the rows on its edges, the ledger, and how fast it went
// over time. The page needs nothing but itself: it loads nothing, runs no script,
// and says so in a Content-Security-Policy of its own.
//
//	recorder.go  the run over time: a bounded number of samples
//	chart.go     samples as lines
//	graph.go     nodes and edges, placed
//	rejects.go   why rows were rejected, counted
//	page.go      the page, and its figures
//	markup.go    HTML and what is in it; page.css how it looks
package htmlreport
