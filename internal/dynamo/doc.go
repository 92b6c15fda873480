// Package dynamo is all that dynapipe knows of DynamoDB as a service.
//
// A Connection is the decoded `connection "dynamodb"` block. It makes a Client,
// which speaks in two ways: table calls (Describe, CreateTable) go through the
// SDK with the SDK's retries; hot calls (Client.Call) are one HTTP request of
// ours, with the SDK's credentials and endpoint rules, signed as the SDK's signer
// would (signature.go) and carried without net/http (package wire), and are never
// repeated here: whoever calls knows what a repetition would do.
//
// Every failure is an *Error with a Class, which is decided in one table
// (class.go) and says what a caller may do: try again, slow down, look for the
// row at fault, or stop the run.
//
// CompileItem turns an expression over the stored item into DynamoDB's own
// expression language, CompileWrite those of a write, whose values come from
// rows; ParsePage reads the answer of a Scan or Query
// without making a Go value of any attribute.
package dynamo
