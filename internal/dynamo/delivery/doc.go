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
//	transaction.go  TransactWriteItems, tokens, why one was cancelled
//	fault.go     what an error means to the core
//	capacity.go  what a request took
package delivery
