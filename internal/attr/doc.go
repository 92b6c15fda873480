// Package attr is DynamoDB's ten types: as values, as the columns of a batch,
// and as text.
//
//	bytes in            columns              bytes out
//	Builder.AddItem  ->                  ->  AppendRow, Encoder   DynamoDB JSON
//	Builder.AddObject -> record.Batch    ->  AppendRowJSON        plain JSON
//	Builder.String.. ->                  ->  Size                 AWS's item size
//	                     At, Get, Fields
//	                          |
//	ParseDynamoJSON, ParseJSON -> Value -> AppendDynamoJSON, AppendJSON
//
// Rows go from text to columns and back without a Value for each attribute: a
// Value is made only where somebody looks at one.
//
// A cell of an any column is compact DynamoDB JSON of one value, which the
// package writes and then trusts: no space, only the escapes that JSON demands,
// numbers spelled as they came. What comes from outside passes through the
// scanner (scan.go), which checks everything, before it becomes such a cell;
// the decoder (decode.go) checks nothing again.
package attr
