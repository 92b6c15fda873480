// Package dynamotest gives tests a real DynamoDB server. Only tests import it.
//
// Start starts the server that `make tools` installs (a static binary, ready
// within milliseconds, in memory) for one test and stops it at its end, so a
// test has the server to itself. With DYNAMODB_ENDPOINT in the environment that
// server is used instead, whatever it is: another emulator, or DynamoDB itself.
// Then tests share it, so every table has a name of its own and is deleted at
// the end; and what differs between servers must not be asserted: the order of
// a scan or of a set, the text of an error.
//
//	server := dynamotest.Start(t)
//	table := server.CreateTable(t, dynamotest.S("pk"), dynamotest.N("sk"))
//	server.Put(t, table, item)
//	...
//	got := server.Items(t, table)
//
// What a test runs as a process of its own gets server.Environ(); a pipeline
// file that it writes may contain server.Connection("main").
package dynamotest
