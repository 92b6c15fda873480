// Package deliver is the batching and retry core: rows go in, requests come
// out, and every row ends on its receipt as written, coalesced or rejected, or
// the run fails and the row stays open.
//
// A Core is driven from outside by Submit, Flush and Close. Inside, one
// goroutine asks the machine what to do next and hands each request to another
// one; the answer goes back into the machine, which says how rows ended.
// The machine makes no call, starts no goroutine and reads no clock: the time
// is handed to it.
//
//	Submit ─► order.go    a slot for each (table, key): what is in flight, what waits
//	          turns.go    rows that are each sent: who is next at a key
//	          lane.go     what waits for each table
//	          pack.go     slots to a request, within the caps of the call
//	          limit.go    how many requests of a table may be in flight
//	          latency.go  what the time that answers take says of that
//	          throttle.go what the reasons of a throttle say
//	          budget.go   how many capacity units may be spent in a second
//	          Sender      one attempt at a request, the only I/O
//	          machine.go  the answer, row by row: ended, waiting, split, tried again
//	          retry.go    when
//	          load.go     what is in flight, for those that watch
//
// What it keeps:
//
//   - A row is never lost (promise 2). Rows that the service gave back, and
//     requests that failed, wait and go again.
//   - A key is in flight at most once and rows of one key reach the table in
//     the order they were submitted (promise 4). Rows of one key that wait
//     together are sent once, the last of them. The others end as coalesced when
//     it is written; should it be rejected, the one before it is sent.
//   - A row that is no plain put, delete or get, or that is a transaction over
//     several keys, is sent for itself, when those before it at its keys have ended.
//   - Rows held are bounded in number and in bytes (promise 6): Submit blocks.
//   - The budget is hard (promise 7).
package deliver
