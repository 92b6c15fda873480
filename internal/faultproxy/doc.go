// Package faultproxy stands between a client and a DynamoDB server and does
// what emulators never do: gives items of a batch back unprocessed, throttles,
// fails, cuts connections, loses answers, refuses transactions for a conflict,
// and meters capacity by table and partition. Tests use it before a real
// server, and `dynapipe chaos` lets users rehearse a migration against it.
//
//	request -> parse -> decide ------------------------------> answer
//	                      | nothing, or a fault that loses the answer
//	                      v
//	                    select (unprocessed, meter) -> forward -> book -> answer
//
//	proxy.go     Proxy, an http.Handler, and what can be changed while it runs
//	exchange.go  one request from end to end
//	forward.go   between the proxy and the server
//	config.go    Config: what is to go wrong and how much a table takes
//	request.go   what is needed of a request's body: operation, tables, items
//	rewrite.go   bodies that are changed: a part of a batch, what is given back
//	fault.go     Deciders: (random numbers, request) -> a fault or none
//	answer.go    DynamoDB's errors as JSON, with their checksum
//	bucket.go    capacity that refills: a rate and a burst
//	meter.go     who may spend how much, by table, partition and index
//	table.go     keys, ARNs and indexes, asked of the server
//	usage.go     units by second, and the most in any one second
//	stats.go     what was seen and done
//
// What befalls the nth request of an operation depends on the seed, the
// operation and n alone, so a client that sends its requests one after the
// other meets the same faults in every run. Only metering depends on time.
//
// Requests pass with the bytes, the Host and the signature they came with, but
// for two changes: a batch loses what is given back, and consumed capacity is
// asked for, so that it can be counted. Emulators don't verify signatures; for
// a server that does, Config.Sign signs anew.
package faultproxy
