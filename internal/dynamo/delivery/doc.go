// Package delivery is what the components that hand rows to internal/deliver
// share of DynamoDB.
//
//	settings.go  the arguments that say how: connection, concurrency, write_capacity, retry
//	create.go    the create_table block; create_check.go what can be wrong with it
//	guard.go     what is at stake in a table, for the plan and at the start of a run
//	tables.go    the tables that rows go to, found and described
//	table.go     what a key, and what the key of an index, may be
//	page.go      rows of a batch as keys and items, checked before they are sent
//	refusal.go   why a row is not sent
//	write.go     rows to the members of a single write's request
//	condition.go what becomes of a row whose condition does not hold
//	single.go    requests of one row: PutItem, UpdateItem, DeleteItem
//	transaction.go  TransactWriteItems, why one was cancelled
//	token.go     what tells a transaction from others: its token, idempotency_key
//	once.go      the arguments of exactly_once, and what they guarantee
//	marker.go    the item that a transaction leaves, by which it is recognised
//	digest.go    what a marker remembers of its transaction
//	fault.go     what an error means to the core
//	capacity.go  what a request took
package delivery
