// Package liveview draws how far a run is, for people who watch it: as a view of
// a line for each node, for a terminal, or on one plain line. It is told what
// the engine says now and gives text. It writes nowhere, and reads no clock.
//
//	view.go     what is taken in, and the view as lines
//	totals.go   sums over the nodes: how much is done, of how much
//	pace.go     how long the rest takes
//	history.go  speeds over the last seconds, queues averaged
//	slow.go     which node the others wait for
//	table.go    the columns, and which of them a window has room for
//	text.go     text of a width on the screen
package liveview
